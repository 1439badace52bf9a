"""No start takes GPU memory that somebody really has: strangers' and sharers' over what they asked for count."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import policies, snapshots

from engine.core.plan import plan
from engine.core.simulate import apply

MANY = settings(max_examples=60, deadline=None)


@st.composite
def measured(draw):
    """A box on which sharers run that have more than they asked for, beside strangers who are tolerated."""
    policy = draw(policies)
    first = draw(snapshots())
    after = apply(first, plan(first, policy), policy)
    leases = after.leases[:: draw(st.sampled_from([1, 2]))]
    gpus = []
    for gpu in after.gpus:
        sharers = [lease.job for lease in leases if gpu.uuid in lease.gpus and lease.key.shape.share]
        over = tuple((job, draw(st.sampled_from([100, 9_000, 30_000]))) for job in sharers if draw(st.booleans()))
        gpus.append(replace(gpu, over=over, memory_used_mb=draw(st.sampled_from([None, 0, 450, 4_000])), held_mb=0))
    world = replace(after, now=after.now + 30.0, leases=leases, gpus=tuple(gpus), hot=frozenset())
    return world, replace(policy, tolerated_foreign_mb=draw(st.sampled_from([500, None])))


@MANY
@given(measured())
def test_no_start_exceeds_really_free_memory(found):
    snapshot, policy = found
    starts = plan(snapshot, policy).starts
    for gpu in snapshot.gpus:
        over = dict(gpu.over)
        here = [lease for lease in snapshot.leases if gpu.uuid in lease.gpus]
        new = [start.lease for start in starts if gpu.uuid in start.lease.gpus]
        if not new:
            continue
        asked = sum(lease.key.shape.gpu_memory_mb for lease in [*here, *new])
        really = sum(over.get(lease.job, 0) for lease in here)
        assert asked + really + gpu.foreign_mb <= gpu.memory_mb


@MANY
@given(measured())
def test_planning_again_starts_nothing_new_and_whoever_is_promised_could_start_without_the_leases(found):
    snapshot, policy = found
    decided = plan(snapshot, policy)
    assert plan(apply(snapshot, decided, policy), policy).starts == ()
    cards = {gpu.uuid: gpu for gpu in snapshot.gpus}
    for promise in decided.reservations:
        assert all(cards[uuid].open_mb >= promise.key.shape.gpu_memory_mb for uuid in promise.gpus)


@MANY
@given(measured())
def test_the_reason_tells_the_truth(found):
    snapshot, policy = found
    decided = plan(snapshot, policy)
    cards = {gpu.uuid: gpu for gpu in snapshot.gpus}
    told = [
        reason
        for outcome in (*decided.holds, *decided.reservations)
        for reason in outcome.reasons
        if reason.code == "GPU_MEMORY_TAKEN"
    ]
    for reason in told:
        gpu = cards[reason.gpu]
        assert reason.free_mb < reason.wanted_mb <= gpu.memory_mb
        assert gpu.foreign_mb or gpu.over
