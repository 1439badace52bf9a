"""What counting alone rules out is never what a plan would have found."""

from dataclasses import replace

import pytest
from clusters import clusters, nodes
from hypothesis import HealthCheck, given, settings
from worlds import HOUR, crowded, key, lease, policies, waiting, world

from engine.core.model import GpuUuid
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.reach import Reach
from engine.core.simulate import apply
from engine.core.snapshot import CLUSTER

MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def without_counting(monkeypatch, snapshot, policy):
    with monkeypatch.context() as patch:
        patch.setattr(Reach, "holds", lambda self, gone: True)
        return plan(snapshot, policy)


@MANY
@given(crowded())
def test_a_box_stops_the_same_jobs(monkeypatch, crowd):
    snapshot, policy = crowd
    assert plan(snapshot, policy) == without_counting(monkeypatch, snapshot, policy)


@MANY
@given(clusters(), policies)
def test_a_cluster_stops_the_same_jobs(monkeypatch, snapshot, policy):
    after = apply(replace(snapshot, pending=snapshot.pending[:2]), plan(snapshot, policy), policy)
    ran = tuple(
        replace(one, started_at=one.started_at - HOUR, waits=number % 3 == 0) for number, one in enumerate(after.leases)
    )
    late = replace(after, leases=ran, pending=snapshot.pending[2:])
    assert plan(late, policy) == without_counting(monkeypatch, late, policy)


def test_cards_of_two_machines_are_no_room_for_a_gang():
    gpus, host = nodes(2, 2)
    small = [
        replace(
            lease(str(number), key("dan", "robots", preemptible=True)),
            gpus=(GpuUuid(f"slurm/n{number}/gpu/0"),),
            place=CLUSTER,
        )
        for number in range(2)
    ]
    firm = [replace(one, job=f"1{one.job}", gpus=(GpuUuid(one.gpus[0][:-1] + "1"),)) for one in small]
    snapshot = world(gpus, [waiting(key(gpus=2), ("9", 1))], [*small, *firm], host=host, place=CLUSTER)
    reach = Reach(key(gpus=2).shape, snapshot, snapshot.leases)
    assert not reach.holds(small)
    assert not reach.holds(())
    assert reach.holds([small[0], firm[0]])
    assert not Reach(key(gpus=2, cpu_cores=90).shape, snapshot, snapshot.leases).holds(snapshot.leases)
    waits = [replace(one, waits=True) for one in small]
    assert Reach(key(gpus=1).shape, replace(snapshot, leases=(*waits, *firm)), (*waits, *firm)).holds(())


def test_the_search_is_short_where_single_leases_free_too_little(monkeypatch):
    looked = []
    monkeypatch.setattr(
        "engine.core.preemption.timeline_of", lambda *args, **more: looked.append(1) or pytest.fail("never")
    )
    gpus, host = nodes(*[2] * 4)
    held = [
        replace(lease(gpu.uuid, key("dan", "robots", preemptible=True), ran=HOUR), gpus=(gpu.uuid,), place=CLUSTER)
        for gpu in gpus
    ]
    wide = waiting(key(gpus=3, priority=10), ("9", 1))
    assert not plan(world(gpus, [wide], held, host=host, place=CLUSTER), Policy()).preemptions
    assert looked == []
