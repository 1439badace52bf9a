"""On many machines: what is asked of each of them, and what is booked anew, does not grow with what others hold."""

from dataclasses import replace

from clusters import nodes
from worlds import A6000, HOUR, NOW, key, lease, waiting, world

from engine.core.backfill import Timeline
from engine.core.ledger import TypeCap
from engine.core.model import JobId
from engine.core.placement.nodes import Machines
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.reasons import NotEnoughGpus, QuotaReached
from engine.core.snapshot import CLUSTER
from engine.core.taken import timeline_of
from engine.core.wants import Want

ALL = (1 << 8) - 1


def cap(left):
    reached = QuotaReached(scope="account", name="ada", resource="gpus:a6000", limit=left, used=0, wanted=2)
    return TypeCap(gpu_type="a6000", left=left, reached=reached)


def test_machines_of_which_a_cap_leaves_too_few_cards_are_not_looked_at():
    gpus, _ = nodes(2, 2, 2, 2)
    machines = Machines(gpus)
    assert len(machines.enough(ALL, 2, [cap(2)])) == 4
    assert machines.enough(ALL, 2, [cap(1)]) == []
    assert machines.enough(ALL, 1, [cap(0)]) == []
    other, _ = nodes(8, model="NVIDIA H100")
    assert Machines(other).enough(ALL, 2, [cap(0)]) == [ALL], "it is about other cards"


def test_one_machine_has_to_have_all_cards():
    gpus, _ = nodes(2, 3, 3)
    machines = Machines(gpus)
    assert machines.has(ALL, 3)
    assert not machines.has(ALL, 4)
    assert not machines.has(0b0010_1011, 3), "two, one and one"
    assert machines.most(0b0010_1011, 2) == 2
    assert machines.most(0b0010_1011, 1) == 4, "any will do"
    assert machines.has(0, 0)


def test_who_wants_one_card_is_told_of_all_that_match():
    gpus, host = nodes(2, 2)
    full = [
        replace(lease(f"9{at}", key()), gpus=(gpu.uuid,), place=CLUSTER, waits=False) for at, gpu in enumerate(gpus)
    ]
    decided = plan(world(gpus, [waiting(key(), ("1", 60))], full, place=CLUSTER, host=host), Policy())
    (reason,) = (decided.reservations or decided.holds)[0].reasons
    assert reason == NotEnoughGpus(wanted=1, free=0, matching=4)


def held(number, gpu):
    return replace(
        lease(f"9{number}", key()), gpus=(gpu.uuid,), place=CLUSTER, expected_end=NOW + HOUR + number, waits=False
    )


def crowded(machines, bare):
    """All cards taken; a gang waits that is promised something; `bare` jobs want cores alone."""
    gpus, host = nodes(*[2] * machines)
    leases = [held(number, gpu) for number, gpu in enumerate(gpus)]
    gang = waiting(key(gpus=2), ("1", 9 * 24 * HOUR))
    cores = waiting(key(gpus=0, cpu_cores=1, time_limit_s=60), *((str(100 + at), 60) for at in range(bare)))
    host = replace(host, cpu_cores=1000)
    return world(gpus, [gang, cores], leases, place=CLUSTER, host=host, ahead=0)


def test_what_is_held_is_booked_once_however_many_start_behind_a_promise(monkeypatch):
    booked = []
    book = Timeline.lease
    monkeypatch.setattr(Timeline, "lease", lambda line, of: (booked.append(of.job), book(line, of))[1])
    snapshot = crowded(10, 6)
    decided = plan(snapshot, Policy())
    assert len(decided.starts) == 6
    assert [one.job for one in decided.reservations] == ["1"]
    assert booked.count(JobId("90")) == 1


def test_for_who_finds_no_card_in_use_no_moment_is_looked_at(monkeypatch):
    """A cluster that is drained has hundreds of ends before it, and as many kinds of jobs ask at each pass."""
    looked = []
    usable = Timeline._usable
    monkeypatch.setattr(Timeline, "_usable", lambda line, *of: (looked.append(of), usable(line, *of))[1])
    snapshot = crowded(10, 0)
    drained = replace(snapshot, gpus=tuple(replace(gpu, drained=True) for gpu in snapshot.gpus))
    line = timeline_of(drained, drained.leases, frozenset(), Policy(), by_limits=False)
    want = Want(key(gpus=2).shape, HOUR, key().owner.account)
    assert line.earliest(want) is None
    open_ = timeline_of(snapshot, snapshot.leases, frozenset(), Policy(), by_limits=False)
    assert open_.earliest(want, [cap(1)]) is None
    assert looked == []


def test_what_is_booked_on_a_copy_is_not_in_the_way_on_the_first():
    snapshot = crowded(2, 0)
    free = replace(snapshot, leases=snapshot.leases[1:])
    first = timeline_of(free, free.leases, frozenset(), Policy(), by_limits=False)
    want = Want(key().shape, HOUR, key().owner.account)
    assert first.refusal(want) is None
    second = first.copied()
    second.lease(snapshot.leases[0])
    assert second.refusal(want) is not None
    assert first.refusal(want) is None
    assert first.earliest(want) != second.earliest(want)
    assert A6000 in {gpu.model for gpu in first.cards(snapshot.leases[0].gpus)}
