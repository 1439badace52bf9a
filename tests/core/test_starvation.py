"""No feasible job waits for ever, whatever others send."""

from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import HOUR, card, key

from engine.core.model import GroupName, JobId
from engine.core.policy import Policy
from engine.core.simulate import simulate
from engine.core.snapshot import GroupTerms, Host
from engine.core.trace import Box, TraceJob

CARDS = 4
BOUND, STRETCH = 2 * HOUR, 2 * HOUR
LIMIT = HOUR
VICTIM_AT = 600.0
streams = st.lists(
    st.tuples(
        st.sampled_from(["bob", "cleo", "dan"]),
        st.integers(1, 3),
        st.integers(1, 10),
        st.sampled_from([300, 900, int(LIMIT)]),
        st.sampled_from([0.3, 1.0]),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


def flood(stream, until):
    """Of each kind of small job another whole box full every time that one could have ended, for ever."""
    groups = {"bob": "vision", "cleo": "language", "dan": "robots"}
    for number, (account, gpus, priority, limit, part, preemptible) in enumerate(stream):
        of = key(account, groups[account], priority=priority, gpus=gpus, time_limit_s=limit, preemptible=preemptible)
        runs, at, turn = max(60.0, limit * part), 0.0, 0
        while at < until:
            for more in range(CARDS // gpus + (turn == 0)):
                yield TraceJob(job=JobId(f"{number}-{turn:04}-{more}"), key=of, submit_s=at, runtime_s=runs)
            at, turn = at + runs, turn + 1


@settings(max_examples=12, deadline=None)
@given(streams, st.integers(2, CARDS), st.integers(1, 10))
def test_every_feasible_job_starts_in_bounded_time(stream, gpus, priority):
    """A lone wide job against floods of small ones. Once it has waited for the whole stretch its promise is by limits.

    It starts within the bound, the stretch, and the longest limit that may be running before it; so do the flood's jobs
    that came before it, which are as old and go first: a box of them at each limit.
    """
    policy = Policy(starvation_bound_s=BOUND, starvation_stretch_s=STRETCH)
    last = VICTIM_AT + BOUND + STRETCH + 2 * LIMIT
    older = [job for job in flood(stream, last) if job.submit_s <= VICTIM_AT]
    rounds = 1 + -(-sum(job.key.shape.gpus for job in older) // CARDS) * 2
    machine = Box(
        gpus=tuple(card(at) for at in range(CARDS)),
        host=Host(cpu_cores=256, memory_mb=256_000),
        groups={GroupName(name): GroupTerms(priority=10) for name in ("vision", "language", "robots")}
        | {GroupName("meek"): GroupTerms(priority=1)},
    )
    wide = key("ann", "meek", priority=priority, gpus=gpus, time_limit_s=int(LIMIT))
    me = TraceJob(job=JobId("wide"), key=wide, submit_s=VICTIM_AT, runtime_s=600.0)
    bound = BOUND + STRETCH + rounds * LIMIT
    for ran in simulate([me, *flood(stream, last)], machine, policy):
        if ran.job.job == "wide":
            assert ran.start_s - VICTIM_AT <= bound
            return
    raise AssertionError("it never started")
