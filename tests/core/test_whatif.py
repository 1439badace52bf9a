"""What would help a waiting job, each help as a story and all of them as a property."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from worlds import A100, NOW, card, key, lease, policies, snapshots, waiting, world

from engine.core.changes import (
    CHANGE_CODES,
    AnyType,
    FewerCores,
    FewerGpus,
    LessGpuMemory,
    LessMemory,
    LessPower,
    RaiseQuota,
    ResumeGpu,
    ShareGpu,
    ShorterLimit,
    changed,
)
from engine.core.decisions import Reserve, Start
from engine.core.explain import outcome_of
from engine.core.forecast import frozen
from engine.core.model import AccountName, GpuUuid, GroupName, JobId, ServiceName, Waiting
from engine.core.plan import plan
from engine.core.policy import Policy, Power
from engine.core.quota import Quota
from engine.core.simulate import apply
from engine.core.snapshot import Quotas
from engine.core.whatif import MOST, TRIES, what_if

POLICY = Policy()
ME = Waiting(NOW - 10, JobId("me"))


def helps(snapshot, of, **more):
    """(changes, seconds until the start) of each help for the job `me`."""
    return [(one.changes, one.start_at - NOW) for one in what_if(snapshot, POLICY, of, ME, **more)]


def asking(of, cards=4, leases=(), others=(), **more):
    return world(cards, [waiting(of, ("me", 10)), *others], leases, **more)


def test_fewer_gpus():
    of = key("ann", gpus=3)
    told = helps(asking(of, 4, [lease("old", key("bob", gpus=2), 0, 1)]), of)
    assert told == [((FewerGpus(gpus=2, wanted=3),), 0)]


def test_a_job_that_starts_anyway_needs_no_help():
    of = key("ann", gpus=3)
    assert helps(asking(of), of) == []


def test_a_time_limit_that_ends_before_what_is_promised():
    gang = waiting(key("cleo", "language", gpus=2, priority=10), ("gang", 60))
    of = key("bob", time_limit_s=9000)
    told = helps(asking(of, 2, [lease("old", key("ann"), 0, left=3600)], [gang]), of)
    assert told == [((ShorterLimit(time_limit_s=3600, wanted=9000),), 0)]


def test_fewer_gpus_for_a_shorter_time_where_neither_is_enough():
    gang = waiting(key("cleo", "language", gpus=2, priority=10), ("gang", 60))
    of = key("bob", gpus=2, time_limit_s=9000)
    told = helps(asking(of, 2, [lease("old", key("ann"), 0, left=3600)], [gang]), of)
    assert told == [((FewerGpus(gpus=1, wanted=2), ShorterLimit(time_limit_s=3600, wanted=9000)), 0)]


def test_quotas_in_the_way_are_raised_together_by_just_enough():
    of = key("ann", gpus=2)
    quotas = Quotas(
        accounts={AccountName("ann"): Quota(gpus=3)}, groups={GroupName("vision"): Quota(gpus=8, cpu_cores=2)}
    )
    busy = key("ann", gpus=2, cpu_cores=2)
    told = helps(asking(of, 8, [lease("old", busy, 0, 1)], quotas=quotas), of)
    account = RaiseQuota(scope="account", name="ann", resource="gpus", limit=3, by=1)
    cores = RaiseQuota(scope="group", name="vision", resource="cpu_cores", limit=2, by=1)
    assert told == [((account, cores), 0)]


def test_the_cap_of_a_service_on_each_account():
    of = key("ann", service="fold")
    quotas = Quotas(services={ServiceName("fold"): 1})
    told = helps(asking(of, 2, [lease("old", of, 0)], quotas=quotas), of)
    assert told == [((RaiseQuota(scope="service", name="fold", resource="jobs", limit=1, by=1, each=True),), 0)]


def test_a_drained_card_and_fewer_cards():
    of = key("ann", gpus=2)
    told = helps(asking(of, [card(0), card(1, drained=True), card(2, drained=True)]), of)
    assert told == [((FewerGpus(gpus=1, wanted=2),), 0), ((ResumeGpu(gpu=GpuUuid("GPU-1"), index=1),), 0)]


def test_two_drained_cards_are_named_together_where_one_is_not_enough():
    of = key("ann", gpus=3)
    told = helps(asking(of, [card(0), card(1, drained=True), card(2, drained=True)]), of)
    both = tuple(ResumeGpu(gpu=GpuUuid(f"GPU-{at}"), index=at) for at in (1, 2))
    assert (both, 0) in told


def test_any_type_less_memory_and_sharing():
    of = key("ann", gpu_type="a100", gpu_memory_mb=60_000)
    cards = [card(0, A100), card(1)]
    told = helps(asking(of, cards, [lease("old", key("bob"), 0)]), of)
    assert told == []  # any type alone does not help: no other card has the memory
    of = key("ann", gpu_type="a100", gpu_memory_mb=40_000)
    told = helps(asking(of, cards, [lease("old", key("bob"), 0)]), of)
    assert told == [((AnyType(gpu_type="a100"),), 0)]
    of = key("ann", gpu_memory_mb=60_000)
    told = helps(asking(of, cards, [lease("old", key("bob"), 0)]), of)
    assert told == [((LessGpuMemory(gpu_memory_mb=49_140, wanted=60_000),), 0)]
    of = key("ann", gpu_memory_mb=30_000)
    sharer = key("bob", gpu_memory_mb=10_000, share=True)
    assert helps(asking(of, 1, [lease("old", sharer, 0)]), of) == [((ShareGpu(gpu_memory_mb=30_000),), 0)]
    of = key("ann", gpu_memory_mb=45_000, share=True)
    told = helps(asking(of, 1, [lease("old", sharer, 0)]), of)
    assert told == [((LessGpuMemory(gpu_memory_mb=39_140, wanted=45_000),), 0)]


def test_cores_and_memory_of_the_host():
    hungry = lease("old", key("bob", gpus=0, cpu_cores=60, memory_mb=200_000))
    of = key("ann", cpu_cores=8)
    assert helps(asking(of, 1, [hungry]), of) == [((FewerCores(cpu_cores=4, wanted=8),), 0)]
    of = key("ann", memory_mb=100_000)
    assert helps(asking(of, 1, [hungry]), of) == [((LessMemory(memory_mb=56_000, wanted=100_000),), 0)]


def test_a_start_that_is_markedly_sooner_is_told_with_its_time():
    """Two cards: one free in an hour, the other in five. Both are busy, so nothing starts now."""
    of = key("ann", gpus=2)
    leases = [lease("short", key("bob"), 0, left=3600), lease("long", key("bob"), 1, left=18_000)]
    assert helps(asking(of, 2, leases), of) == [((FewerGpus(gpus=1, wanted=2),), 3600)]
    close = [lease("short", key("bob"), 0, left=3600), lease("long", key("bob"), 1, left=4000)]
    assert helps(asking(of, 2, close), of) == []
    assert helps(asking(of, 2, leases), of, expected=NOW + 100) == [((FewerGpus(gpus=1, wanted=2),), 3600)]


def test_a_job_at_the_end_of_a_long_queue_is_helped_by_itself():
    """The frozen copy does not hold the job: its own change is tried all the same."""
    of = key("ann", gpus=2, time_limit_s=600)
    queue = waiting(of, *((f"{at:04}", 9000 - at) for at in range(2000)), ("me", 10))
    snapshot = frozen(world(2, [queue], [lease("old", key("bob"), 0)]), POLICY)
    assert helps(snapshot, of) == [((FewerGpus(gpus=1, wanted=2),), 0)]


@settings(max_examples=20, deadline=None)
@given(snapshots(), policies)
def test_every_help_that_is_told_makes_the_plan_do_it(snapshot, policy):
    snapshot = replace(apply(snapshot, plan(snapshot, policy), policy), now=snapshot.now + 30.0)
    decided = plan(snapshot, policy)
    for group in snapshot.pending:
        for entry in group.jobs[:2]:
            before = outcome_of(decided, group.key, entry)
            told = what_if(snapshot, policy, group.key, entry)
            assert len(told) <= MOST and not (told and isinstance(before, Start))
            for one in told:
                world_then, key_then = changed(snapshot, group.key, entry, one.changes)
                after = outcome_of(plan(world_then, policy), key_then, entry)
                if one.start_at == snapshot.now:
                    assert isinstance(after, Start)
                else:
                    assert isinstance(after, Reserve) and after.start_at == one.start_at
                    assert not isinstance(before, Reserve) or after.start_at < before.start_at
                assert {change.code for change in one.changes} <= CHANGE_CODES


def test_the_number_of_passes_is_bounded(monkeypatch):
    import engine.core.whatif as module

    made = []
    monkeypatch.setattr(module, "plan", lambda *given: made.append(1) or plan(*given))
    of = key("ann", gpus=64)
    helps(asking(of, 64, [lease(f"old{at}", key("bob"), at) for at in range(64)]), of)
    assert 1 < len(made) <= TRIES + 1


def test_a_job_that_is_not_there_gets_no_false_help():
    of = key("ann")
    assert helps(world(1, [waiting(of, ("other", 5))], [lease("old", key("bob"), 0)]), of, expected=NOW) == []


@pytest.mark.parametrize("by", [1, 5])
def test_a_raised_quota_is_that_quota_only(by):
    quotas = Quotas(groups={GroupName("vision"): Quota(gpus=1, gpus_by_type={"a100": 2}, gpu_hours=1.5)})
    of = key("ann")
    for resource, limit in (("gpus", 1), ("gpus:a100", 2), ("gpu_hours", 1.5)):
        change = RaiseQuota(scope="group", name="vision", resource=resource, limit=limit, by=by)
        then, same = changed(asking(of, quotas=quotas), of, ME, [change])
        quota = then.quotas.groups[GroupName("vision")]
        assert same == of
        got = {"gpus": quota.gpus, "gpus:a100": quota.gpus_by_type["a100"], "gpu_hours": quota.gpu_hours}
        assert got == {"gpus": 1, "gpus:a100": 2, "gpu_hours": 1.5} | {resource: limit + by}


def test_lower_power_limits_help_where_they_can_be_set():
    cards = tuple(card(at, power_w=350.0, power_min_w=100.0) for at in range(2))
    of = key("ann")
    box = world(cards, [waiting(of, ("job", 60))], [lease("busy", key("bob"), 0, left=50_000.0)])
    policy = Policy(power=Power(budget_w=600.0, idle_w=25.0))
    (group,) = box.pending
    (found,) = what_if(box, policy, of, group.jobs[0])
    assert (found.changes, found.start_at) == ((LessPower(gpu_power_w=245, wanted=350),), NOW)
    fixed = replace(box, gpus=tuple(replace(gpu, power_min_w=None) for gpu in box.gpus))
    assert what_if(fixed, policy, of, group.jobs[0]) == ()
