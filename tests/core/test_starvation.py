"""No feasible job waits for ever, whatever others send."""

from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import A100, HOUR, card, key, lease, waiting, world

from engine.core.model import AccountName, GroupName, JobId
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.quota import Quota
from engine.core.simulate import simulate
from engine.core.snapshot import GroupTerms, Host, Quotas
from engine.core.trace import Box, TraceJob

CARDS = 4
BOUND, STRETCH = 2 * HOUR, 2 * HOUR
LIMIT = HOUR
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
        runs, at, turn = max(60.0, limit * part), 2.0, 0
        while at < until:
            for more in range(CARDS // gpus + (turn == 0)):
                yield TraceJob(job=JobId(f"{number}-{turn:04}-{more}"), key=of, submit_s=at, runtime_s=runs)
            at, turn = at + runs, turn + 1


@settings(max_examples=15, deadline=None)
@given(streams, st.integers(1, CARDS), st.integers(1, 10))
def test_every_feasible_job_starts_in_bounded_time(stream, gpus, priority):
    """A humble job against floods of small ones that come after it, into a full box.

    It starts within the bound, the stretch, and the longest limit of what may be running then.
    """
    policy = Policy(starvation_bound_s=BOUND, starvation_stretch_s=STRETCH)
    machine = Box(
        gpus=tuple(card(at) for at in range(CARDS)),
        host=Host(cpu_cores=256, memory_mb=256_000),
        groups={GroupName(name): GroupTerms(priority=10) for name in ("vision", "language", "robots")}
        | {GroupName("meek"): GroupTerms(priority=1)},
    )
    filling = key("dan", "robots", priority=10, time_limit_s=int(LIMIT))
    full = [TraceJob(job=JobId(f"full {at}"), key=filling, submit_s=0.0, runtime_s=LIMIT) for at in range(CARDS)]
    wide = key("ann", "meek", priority=priority, gpus=gpus, time_limit_s=int(LIMIT))
    me = TraceJob(job=JobId("wide"), key=wide, submit_s=1.0, runtime_s=600.0)
    most = BOUND + STRETCH + LIMIT
    for ran in simulate([*full, me, *flood(stream, most + LIMIT)], machine, policy):
        if ran.job.job == "wide":
            assert ran.start_s - me.submit_s <= most
            return
    raise AssertionError("it never started")


def test_older_runs_that_are_stopped_over_and_over_keep_nobody_waiting():
    """Bob's runs came first and are stopped for Cleo's urgent ones each time that they ran their minimum.

    Once the wide job is starved that ends: Bob's run once more, then it is the wide job's turn.
    """
    bobs = key("bob", "vision", priority=3, gpus=2, time_limit_s=int(LIMIT), preemptible=True)
    trace = [TraceJob(job=JobId(f"bob {at}"), key=bobs, submit_s=0.0, runtime_s=1080.0) for at in range(4)]
    urgent = ("cleo", 3, 10, 300, 0.3, False)
    policy = Policy(starvation_bound_s=BOUND, starvation_stretch_s=STRETCH)
    machine = Box(
        gpus=tuple(card(at) for at in range(CARDS)),
        host=Host(cpu_cores=256, memory_mb=256_000),
        groups={GroupName(name): GroupTerms(priority=10) for name in ("vision", "language")}
        | {GroupName("meek"): GroupTerms(priority=1)},
    )
    wide = key("ann", "meek", priority=1, gpus=2, time_limit_s=int(LIMIT))
    me = TraceJob(job=JobId("wide"), key=wide, submit_s=1.0, runtime_s=600.0)
    most = BOUND + STRETCH + 3 * LIMIT
    ran = {of.job.job: of for of in simulate([*trace, me, *flood([urgent], 2 * most)], machine, policy)}
    assert ran["wide"].start_s <= most
    assert all(ran[job.job].start_s <= most for job in trace)


def test_who_starves_is_promised_the_cards_that_its_caps_leave_it():
    box = (card(0, A100), card(1, A100), card(2), card(3))
    caps = Quotas(accounts={AccountName("ann"): Quota(gpus_by_type={"a100": 0})})
    pair = waiting(key(gpus=2), ("pair", 200 * HOUR))
    single = waiting(key("bob", gpu_type="a6000", time_limit_s=36_000), ("single", 1.0))
    busy = lease("busy", key("cleo", "language"), 2, left=300.0)
    decided = plan(world(box, [pair, single], [busy], quotas=caps), Policy())
    assert decided.starts == ()
    assert decided.reservations[0].job == "pair"
    assert decided.reservations[0].gpus == ("GPU-2", "GPU-3")
