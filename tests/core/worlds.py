"""Snapshots for the core's tests: small builders, and Hypothesis strategies that cover contended boxes."""

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
from engine.core.policy import Order, Policy
from engine.core.quota import Quota
from engine.core.snapshot import Gpu, GroupTerms, Host, Lease, Quotas, Snapshot

NOW = 1_800_000_000.0
HOUR = 3600.0
A6000, A100 = "NVIDIA RTX A6000", "NVIDIA A100-SXM4-80GB"


def card(index, model=A6000, **more):
    size = 81_920 if model == A100 else 49_140
    return Gpu(**{"uuid": GpuUuid(f"GPU-{index}"), "index": index, "model": model, "memory_mb": size, **more})


def key(account="ann", group="vision", service=None, priority=5, preemptible=False, kind="", array=None, **shape):
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


ACCOUNTS = {"ann": "vision", "bob": "vision", "cleo": "language", "dan": "robots"}


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
        )

    return Quotas(
        accounts={AccountName(name): quota() for name in ACCOUNTS if draw(st.booleans())},
        groups={GroupName(name): quota() for name in set(ACCOUNTS.values()) if draw(st.booleans())},
        services={ServiceName("alphafold"): draw(st.integers(0, 3))} if draw(st.booleans()) else {},
    )


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
            GroupName(name): GroupTerms(priority=draw(st.integers(1, 10)), share=draw(st.sampled_from([0.5, 1.0, 3.0])))
            for name in sorted(set(ACCOUNTS.values()))
        },
        quotas=draw(quotas()),
        usage_gpu_s={
            GroupName(name): draw(st.sampled_from([0.0, 1e4, 1e6, 1e8])) for name in sorted(set(ACCOUNTS.values()))
        },
        hot=frozenset(draw(st.sets(st.sampled_from([GpuUuid(f"GPU-{index}") for index in range(6)])))),
    )


policies = st.builds(
    Policy,
    order=st.sampled_from(Order),
    reservation_depth=st.integers(1, 8),
    starvation_bound_s=st.sampled_from([600.0, 86_400.0]),
)
