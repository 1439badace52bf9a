"""How long a pass takes, and with what it grows: `python tests/bench/bench_pass.py [--rounds N] [--quick]`.

A crowded box: owner x shape groups of every kind (whole cards, parts of cards, none; with and without a card type),
quotas with GPU-hours on accounts, groups and services, guarantees, preemptible leases, booked slots, estimates for half
of the keys, usage of accounts. The queue's lists are those of the daemon. Prints Markdown; figures go to
docs/benchmarks.md by hand.
"""

import argparse
import gc
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sortedcontainers import SortedList

from engine.core.decisions import Plan
from engine.core.model import (
    AccountName,
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
from engine.core.policy import Policy
from engine.core.quota import Quota
from engine.core.snapshot import Gpu, GroupTerms, Host, Lease, Month, Quotas, Slot, Snapshot

NOW = 1_800_000_000.0
HOUR, DAY = 3600.0, 86_400.0
LIMITS = (600, 3600, 14_400, 86_400, 604_800)
CARD_MB = 49_140
MODELS = ("NVIDIA RTX A6000", "NVIDIA A100-SXM4-48GB")
ACCOUNTS, GROUPS, SERVICES = 100, 10, 4
BARE_CORES = 40
"""Cores that a job without a card wants at least: a full box has none such free."""
STARVED = 40
"""Groups whose first job has waited for eight days: they get the promises."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """What a pass has to deal with. free: cards that nobody holds; old: whether somebody has waited for a promise.

    gap: of base priorities, for preemption; cores: of the host that are free, for each free card and one more.
    """

    jobs: int = 1_000_000
    groups: int = 1000
    cards: int = 8
    free: int = 1
    leases: int = 16
    promises: int = 8
    slots: int = 4
    preemptible: int = 3
    old: bool = True
    gap: int = 3
    cores: int = 8


def owner(at: int) -> Owner:
    """One of a hundred accounts of ten groups."""
    return Owner(account=AccountName(f"account{at % ACCOUNTS}"), group=GroupName(f"group{at % GROUPS}"))


def shape(at: int) -> Shape:
    """Whole cards mostly; every sixth a part of one, every ninth none; every fifth of a certain type."""
    share, bare = at % 6 == 5, at % 9 == 8
    return Shape(
        gpus=1 if share else 0 if bare else 1 + at % 4,
        gpu_type=None if bare or at % 5 else ("a6000", "a100")[at % 2],
        gpu_memory_mb=8_000 if share else 0,
        share=share,
        cpu_cores=BARE_CORES + at % 8 if bare else 1 + at % 8,
        memory_mb=1000 * (at % 7),
        time_limit_s=LIMITS[at % 5] + at,
    )


def key(at: int, *, preemptible: bool = False) -> GroupKey:
    """The `at`-th combination of owner and shape; no two are equal."""
    service = ServiceName(f"service{at % SERVICES}") if at % 4 == 3 else None
    return GroupKey(
        owner=owner(at), service=service, priority=1 + at % 10, preemptible=preemptible, shape=shape(at), kind="train-#"
    )


def queue(size: Size) -> Iterator[PendingGroup]:
    """The pending groups."""
    for number in range(size.groups):
        late = [Waiting(NOW - 1000.0 + at * 1e-4, JobId(str(at))) for at in range(number, size.jobs, size.groups)]
        if size.old and number < STARVED:
            late[0] = Waiting(NOW - 8 * DAY, late[0].job)
        yield PendingGroup(key(number), SortedList(late))


def leased(size: Size) -> Iterator[Lease]:
    """Who runs: a job on each card that is not free, the others on cores alone."""
    busy = size.cards - size.free
    for at in range(size.leases):
        of = key(at, preemptible=at < size.preemptible)
        gpus = (GpuUuid(f"GPU-{at}"),) if at < busy else ()
        plain = replace(of.shape, gpus=len(gpus), share=False, gpu_memory_mb=0, cpu_cores=1, memory_mb=1000)
        started = NOW - 700.0 - at
        yield Lease(
            job=JobId(f"run{at}"),
            key=replace(of, shape=replace(plain, time_limit_s=2 * 86_400)),
            gpus=gpus,
            started_at=started,
            expected_end=started + 3000.0 + 600.0 * at,
        )


def limits() -> Quotas:
    """Quotas on everybody; some bind."""
    return Quotas(
        accounts={owner(at).account: Quota(gpus=4, jobs=20, gpu_hours=100.0 + at) for at in range(ACCOUNTS)},
        groups={
            GroupName(f"group{at}"): Quota(gpus=6, gpus_by_type={"a100": 2}, cpu_cores=200, gpu_hours=5000.0)
            for at in range(GROUPS)
        },
        services={ServiceName(f"service{at}"): 2 for at in range(SERVICES)},
        service_totals={ServiceName(f"service{at}"): Quota(gpus=4, gpu_hours=9000.0) for at in range(SERVICES)},
    )


def slots(size: Size) -> Iterator[Slot]:
    """Bookings of two cards each, in the coming days."""
    for at in range(size.slots):
        uuids = tuple(GpuUuid(f"GPU-{(at + beside) % size.cards}") for beside in (0, 1))
        start = NOW + 6 * HOUR * (at + 1)
        yield Slot(slot=f"slot{at}", account=owner(at).account, gpus=uuids, start=start, end=start + 2 * HOUR)


def snapshot(size: Size) -> Snapshot:
    """A crowded box of that size."""
    pending = tuple(queue(size))
    free = size.free + 1
    return Snapshot(
        now=NOW,
        host=Host(cpu_cores=size.cores * free + size.leases, memory_mb=64_000 * free + 1000 * size.leases),
        gpus=tuple(
            Gpu(uuid=GpuUuid(f"GPU-{at}"), index=at, model=MODELS[at % 2], memory_mb=CARD_MB, temperature_c=50.0 + at)
            for at in range(size.cards)
        ),
        leases=tuple(leased(size)),
        pending=pending,
        groups={
            GroupName(f"group{at}"): GroupTerms(priority=1 + at, share=1.0 + at % 3, guarantee_gpus=at % 3)
            for at in range(GROUPS)
        },
        quotas=limits(),
        usage_gpu_s={GroupName(f"group{at}"): 1e5 * (1 + at) for at in range(GROUPS)},
        usage_accounts_gpu_s={owner(at): 1e4 * (1 + at // GROUPS) for at in range(ACCOUNTS)},
        month=Month(
            accounts={owner(at).account: 3600.0 * at for at in range(ACCOUNTS)},
            groups={GroupName(f"group{at}"): 1e5 * (1 + at) for at in range(GROUPS)},
        ),
        estimates={group.key: group.key.shape.time_limit_s / 3 for group in pending[::2]},
        slots=tuple(slots(size)),
    )


def rules(size: Size) -> Policy:
    """The default policy with the size's promises."""
    plain = Policy(reservation_depth=size.promises)
    return replace(plain, preemption=replace(plain.preemption, priority_gap=size.gap))


def passes(size: Size, rounds: int) -> tuple[list[float], Plan]:
    """Processor seconds of each of so many passes over one snapshot, and the plan."""
    seen, policy, taken = snapshot(size), rules(size), []
    gc.collect()
    gc.freeze()  # the queue is the benchmark's: walking it is no part of a pass
    for _ in range(rounds):
        begun = time.process_time()
        decided = plan(seen, policy)
        taken.append(time.process_time() - begun)
    gc.unfreeze()
    return taken, decided


def table(title: str, sizes: Iterable[tuple[str, Size]], rounds: int) -> None:
    """Measure and print one table."""
    print(f"\n| {title} | pass, median ms | max ms | starts | promises | held groups | stopped |")
    print("|---|---|---|---|---|---|---|")
    for name, size in sizes:
        taken, decided = passes(size, rounds)
        outcome = (decided.starts, decided.reservations, decided.holds, decided.preemptions)
        counts = " | ".join(f"{len(found):,}" for found in outcome)
        print(f"| {name} | {statistics.median(taken) * 1e3:.1f} | {max(taken) * 1e3:.1f} | {counts} |", flush=True)


STEPS: dict[str, tuple[int, ...]] = {
    "jobs": (1_000, 10_000, 100_000, 1_000_000),
    "groups": (10, 100, 1000, 3000),
    "cards": (1, 4, 8, 16, 64),
    "leases": (8, 32, 128),
    "promises": (1, 8, 32),
    "slots": (0, 4, 16, 64),
    "preemptible": (0, 3, 7),
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="the whole size only")
    asked = parser.parse_args()
    whole = Size()
    cases = {
        "nothing starts": replace(whole, free=0, preemptible=0),
        "one card free, three leases preemptible": whole,
        "eight start": replace(whole, free=8, leases=8, preemptible=0, old=False),
        "dozens start behind promises": replace(whole, cores=200),
        "others are stopped": replace(whole, preemptible=7, free=0, gap=1),
    }
    table("1,000,000 jobs, 1,000 groups", cases.items(), asked.rounds)
    if asked.quick:
        return
    base = replace(whole, jobs=10_000)
    for name, steps in STEPS.items():
        sizes = ((f"{at:,}", _scaled(base, name, at)) for at in steps)
        table(name, sizes, asked.rounds)


def _scaled(base: Size, name: str, at: int) -> Size:
    """The base with one dimension changed; more cards bring a lease for each."""
    changed = replace(base, **{name: at})
    if name == "cards":
        changed = replace(changed, leases=at + 8, free=min(1, at - 1))
    return replace(changed, jobs=max(changed.jobs, changed.groups))


if __name__ == "__main__":
    main()
