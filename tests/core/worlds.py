"""Snapshots for the core's tests: small builders, and Hypothesis strategies that cover contended boxes."""

from dataclasses import replace

from hypothesis import strategies as st

from engine.core.model import (
    AccountName,
    ArrayCap,
    GpuUuid,
    GroupKey,
    GroupName,
    JobId,
    Owner,
    PendingGroup,
    ServiceName,
    Shape,
    Waiting,
)
from engine.core.plan import plan
from engine.core.policy import Basis, Order, Policy, Preemption
from engine.core.quota import Quota
from engine.core.simulate import apply
from engine.core.snapshot import Gpu, GroupTerms, Host, Lease, Month, Quotas, Slot, Snapshot

NOW = 1_800_000_000.0
HOUR = 3600.0
A6000, A100 = "NVIDIA RTX A6000", "NVIDIA A100-SXM4-80GB"


def card(index, model=A6000, **more):
    size = 81_920 if model == A100 else 49_140
    return Gpu(**{"uuid": GpuUuid(f"GPU-{index}"), "index": index, "model": model, "memory_mb": size, **more})


def key(account="ann", group="vision", service=None, priority=5, *, preemptible=False, kind="", array=None, **shape):
    return GroupKey(
        owner=Owner(account=AccountName(account), group=GroupName(group)),
        service=ServiceName(service) if service else None,
        priority=priority,
        preemptible=preemptible,
        shape=Shape(**{"gpus": 1, "time_limit_s": 3600, **shape}),
        kind=kind,
        array=array,
    )


def waiting(of, *jobs):
    """A pending group of (id, seconds waited) pairs."""
    return PendingGroup(of, tuple(sorted(Waiting(NOW - waited, JobId(name)) for name, waited in jobs)))


def lease(job, of, *indices, ran=60.0, left=3540.0):
    return Lease(
        job=JobId(job),
        key=of,
        gpus=tuple(GpuUuid(f"GPU-{index}") for index in indices),
        started_at=NOW - ran,
        expected_end=NOW + left,
    )


def world(cards=4, pending=(), leases=(), **more):
    gpus = tuple(card(index) for index in range(cards)) if isinstance(cards, int) else tuple(cards)
    groups = {of.key.owner.group: GroupTerms() for of in pending} | {of.key.owner.group: GroupTerms() for of in leases}
    return Snapshot(
        **{
            "now": NOW,
            "host": Host(cpu_cores=64, memory_mb=256_000),
            "gpus": gpus,
            "pending": tuple(pending),
            "leases": tuple(leases),
            "groups": groups,
            **more,
        }
    )


ARRAYS = {
    account: ArrayCap(parent=JobId(f"array of {account}"), most=most)
    for account, most in (("ann", 1), ("bob", 2), ("cleo", 1), ("dan", 3))
}
ACCOUNTS = {"ann": "vision", "bob": "vision", "cleo": "language", "dan": "robots"}
OWNERS = [Owner(account=AccountName(name), group=GroupName(of)) for name, of in sorted(ACCOUNTS.items())]


@st.composite
def keys(draw):
    account = draw(st.sampled_from(sorted(ACCOUNTS)))
    share = draw(st.booleans())
    return key(
        account,
        ACCOUNTS[account],
        service=draw(st.sampled_from([None, "alphafold"])),
        priority=draw(st.integers(1, 10)),
        gpus=draw(st.integers(1, 2)) if share else draw(st.integers(0, 5)),
        gpu_type=draw(st.sampled_from([None, None, "a100", "a6000", "nvidia"])),
        gpu_memory_mb=draw(st.sampled_from([10_000, 30_000, 60_000]))
        if share
        else draw(st.sampled_from([0, 0, 48_000, 70_000])),
        share=share,
        cpu_cores=draw(st.integers(1, 12)),
        memory_mb=draw(st.sampled_from([0, 4_000, 60_000])),
        time_limit_s=draw(st.sampled_from([60, 3600, 36_000, 500_000])),
        preemptible=draw(st.booleans()),
        kind=draw(st.sampled_from(["", "train-#"])),
        array=draw(st.sampled_from([None, None, ARRAYS[account]])),
    )


@st.composite
def cards(draw):
    count = draw(st.integers(0, 6))
    return tuple(
        card(
            index,
            draw(st.sampled_from([A6000, A100])),
            temperature_c=draw(st.sampled_from([None, 30.0, 69.9, 70.0, 74.9, 75.0, 92.0])),
            memory_used_mb=draw(st.sampled_from([None, 0, 400, 501, 20_000])),
            throttled=draw(st.sampled_from([False, False, False, True])),
            margin_c=draw(st.sampled_from([None, None, None, -1.0, 5.0, 9.9, 10.1, 40.0])),
            drained=draw(st.sampled_from([False, False, False, True])),
            quarantined=draw(st.sampled_from([False, False, False, True])),
        )
        for index in range(count)
    )


@st.composite
def quotas(draw):
    limit = st.one_of(st.none(), st.integers(0, 6))

    def quota():
        return Quota(
            gpus=draw(limit),
            gpus_by_type=draw(st.dictionaries(st.sampled_from(["a100", "nvidia"]), st.integers(0, 3), max_size=2)),
            gpu_memory_mb=draw(st.one_of(st.none(), st.sampled_from([50_000, 100_000, 200_000]))),
            cpu_cores=draw(st.one_of(st.none(), st.integers(0, 30))),
            memory_mb=draw(st.one_of(st.none(), st.integers(0, 100_000))),
            jobs=draw(limit),
            gpu_hours=draw(st.sampled_from([None, None, None, 0.5, 30.0, 300.0])),
        )

    return Quotas(
        accounts={AccountName(name): quota() for name in ACCOUNTS if draw(st.booleans())},
        groups={GroupName(name): quota() for name in set(ACCOUNTS.values()) if draw(st.booleans())},
        services={ServiceName("alphafold"): draw(st.integers(0, 3))} if draw(st.booleans()) else {},
        service_totals={ServiceName("alphafold"): quota()} if draw(st.booleans()) else {},
    )


@st.composite
def months(draw):
    used = st.sampled_from([0.0, 1000.0, 1e5])
    return Month(
        accounts={AccountName(name): draw(used) for name in ACCOUNTS},
        groups={GroupName(name): draw(used) for name in sorted(set(ACCOUNTS.values()))},
        services={ServiceName("alphafold"): draw(used)},
    )


@st.composite
def slots(draw):
    """Booked cards of an empty box: nobody has any card twice at a time."""
    found = []
    for number in range(draw(st.integers(0, 3))):
        start = NOW + draw(st.sampled_from([-100.0, 0.0, 1000.0, 5000.0, 100_000.0]))
        booked = tuple(GpuUuid(f"GPU-{index}") for index in sorted(draw(st.sets(st.integers(0, 5), min_size=1))))
        end = start + draw(st.sampled_from([120.0, 7200.0, 50_000.0]))
        account = AccountName(draw(st.sampled_from(sorted(ACCOUNTS))))
        if not any(set(booked) & set(of.gpus) and start < of.end and of.start < end for of in found):
            found.append(Slot(slot=f"slot {number}", account=account, gpus=booked, start=start, end=end))
    return tuple(found)


@st.composite
def snapshots(draw):
    """A contended box whose leases came out of earlier plans, so that its books are consistent."""
    groups = draw(st.lists(st.tuples(keys(), st.integers(1, 4)), max_size=8, unique_by=lambda entry: entry[0]))
    number = iter(range(1000))
    waits = st.sampled_from([0.0, 1.0, 59.0, 600.0, 10 * HOUR, 25 * HOUR])
    return Snapshot(
        now=NOW,
        host=Host(cpu_cores=draw(st.integers(1, 40)), memory_mb=draw(st.sampled_from([8_000, 128_000]))),
        gpus=draw(cards()),
        pending=tuple(waiting(of, *((str(next(number)), draw(waits)) for _ in range(count))) for of, count in groups),
        groups={
            GroupName(name): GroupTerms(
                priority=draw(st.integers(1, 10)),
                share=draw(st.sampled_from([0.5, 1.0, 3.0])),
                guarantee_gpus=draw(st.sampled_from([0, 0, 1, 2, 3])),
            )
            for name in sorted(set(ACCOUNTS.values()))
        },
        quotas=draw(quotas()),
        usage_gpu_s={
            GroupName(name): draw(st.sampled_from([0.0, 1e4, 1e6, 1e8])) for name in sorted(set(ACCOUNTS.values()))
        },
        usage_accounts_gpu_s=draw(
            st.dictionaries(st.sampled_from(OWNERS), st.sampled_from([0.0, 1e4, 1e6, 1e8]), max_size=4)
        ),
        month=draw(months()),
        estimates={
            of: min(run_s, float(of.shape.time_limit_s))
            for of, _ in groups
            if (run_s := draw(st.sampled_from([None, 60.0, 500.0, 20_000.0]))) is not None
        },
        slots=draw(slots()),
        hot=frozenset(draw(st.sets(st.sampled_from([GpuUuid(f"GPU-{index}") for index in range(6)])))),
    )


@st.composite
def cool_cards(draw):
    return tuple(card(index, draw(st.sampled_from([A6000, A6000, A100]))) for index in range(draw(st.integers(1, 6))))


@st.composite
def crowded(draw):
    """A busy box and its policy: what a first plan started runs on for a while, then others come, many urgent.

    Half of these worlds have claims standing: the plan's victims were told to stop and have not gone yet.
    """
    policy = draw(policies)
    first = replace(draw(snapshots()), gpus=draw(cool_cards()), hot=frozenset())
    after = apply(first, plan(first, policy), policy)
    late = draw(st.sampled_from([0.0, 30.0, 700.0, 4000.0]))
    fresh = draw(st.lists(keys(), min_size=1, max_size=4, unique=True))
    known = {of.key for of in after.pending}
    come = (
        waiting(replace(of, priority=draw(st.sampled_from([of.priority, 10]))), (f"late {number}", -late))
        for number, of in enumerate(fresh)
    )
    pending = {of.key: of for of in come if of.key not in known} | {of.key: of for of in after.pending}
    late_world = replace(after, now=after.now + late, pending=tuple(pending.values()))
    if draw(st.booleans()):
        return late_world, policy
    return acted(late_world, plan(late_world, policy), policy), policy


def acted(snapshot, decided, policy):
    """The world right after a plan: its starts run, its victims were told to stop, their cards are claimed."""
    stopped = {preempt.victim.job for preempt in decided.preemptions}
    end = snapshot.now + policy.preemption.grace_s
    then = apply(snapshot, decided, policy)
    leases = (replace(of, ending=True, expected_end=end) if of.job in stopped else of for of in then.leases)
    started = {start.lease.job for start in decided.starts}
    claims = dict.fromkeys(preempt.by for preempt in decided.preemptions)
    standing = (claim for claim in snapshot.claims if claim.job not in started)
    return replace(then, leases=tuple(leases), claims=(*standing, *claims))


def gone(snapshot):
    """The same world once all who were told to stop have gone; they wait again, each as of its start."""
    queues = {of.key: list(of.jobs) for of in snapshot.pending}
    for of in snapshot.leases:
        if of.ending:
            queues.setdefault(of.key, []).append(Waiting(of.started_at, of.job))
    return replace(
        snapshot,
        leases=tuple(of for of in snapshot.leases if not of.ending),
        pending=tuple(PendingGroup(of, tuple(sorted(jobs))) for of, jobs in queues.items()),
    )


policies = st.builds(
    Policy,
    order=st.sampled_from(Order),
    reservation_depth=st.integers(1, 8),
    shortness=st.sampled_from([0.0, 0.5, 1.0]),
    starvation_bound_s=st.sampled_from([600.0, 86_400.0]),
    starvation_stretch_s=st.sampled_from([0.0, 600.0, 6 * 86_400.0]),
    promise_window_s=st.sampled_from([3600.0, 86_400.0]),
    promises=st.sampled_from(Basis),
    preemption=st.builds(
        Preemption,
        enabled=st.sampled_from([True, True, False]),
        min_run_s=st.sampled_from([0.0, 600.0]),
        priority_gap=st.sampled_from([1, 3]),
        grace_s=st.sampled_from([0.0, 30.0]),
    ),
)
