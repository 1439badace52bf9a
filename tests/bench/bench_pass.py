"""How long a pass takes as the queue grows: `python tests/bench/bench_pass.py`.

500 owner x shape groups on 8 cards that are all busy but one, quotas on every account and group, 8 reservations. The
queue's lists are those of the daemon. Prints a Markdown table; figures go to docs/benchmarks.md by hand.
"""

import argparse
import statistics
import time

from sortedcontainers import SortedList

from engine.core.model import AccountName, GpuUuid, GroupKey, GroupName, JobId, Owner, PendingGroup, Shape, Waiting
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.quota import Quota
from engine.core.snapshot import Gpu, GroupTerms, Host, Lease, Quotas, Snapshot

NOW = 1_800_000_000.0
LIMITS = (600, 3600, 14_400, 86_400, 604_800)


def keys(count: int) -> list[GroupKey]:
    """`count` different owner x shape combinations over 50 accounts of 5 groups."""
    return [
        GroupKey(
            owner=Owner(account=AccountName(f"account{at % 50}"), group=GroupName(f"group{at % 5}")),
            service=None,
            priority=1 + at % 10,
            preemptible=False,
            shape=Shape(
                gpus=1 + at % 4, cpu_cores=1 + at % 8, memory_mb=1000 * (at % 7), time_limit_s=LIMITS[at % 5] + at
            ),
        )
        for at in range(count)
    ]


def snapshot(jobs: int, groups: int) -> Snapshot:
    """A busy box with `jobs` pending jobs in `groups` groups."""
    pending = []
    for number, key in enumerate(keys(groups)):
        entries = (Waiting(NOW - 1000.0 + at * 1e-4, JobId(str(at))) for at in range(number, jobs, groups))
        pending.append(PendingGroup(key, SortedList(entries)))
    gpus = tuple(
        Gpu(uuid=GpuUuid(f"GPU-{at}"), index=at, model="NVIDIA RTX A6000", memory_mb=49_140, temperature_c=50.0)
        for at in range(8)
    )
    leases = tuple(
        Lease(
            job=JobId(f"run{at}"),
            key=keys(8)[at],
            gpus=(GpuUuid(f"GPU-{at}"),),
            started_at=NOW - 60,
            expected_end=NOW + 600 * at + 60,
        )
        for at in range(7)
    )
    return Snapshot(
        now=NOW,
        host=Host(cpu_cores=64, memory_mb=256_000),
        gpus=gpus,
        leases=leases,
        pending=tuple(pending),
        groups={GroupName(f"group{at}"): GroupTerms() for at in range(5)},
        quotas=Quotas(
            accounts={AccountName(f"account{at}"): Quota(gpus=4) for at in range(50)},
            groups={GroupName(f"group{at}"): Quota(gpus=6, jobs=100) for at in range(5)},
        ),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    sizes = (1_000, 10_000, 100_000, 1_000_000)
    worlds = [snapshot(jobs, asked.groups) for jobs in sizes]
    times: list[list[float]] = [[] for _ in sizes]
    for _ in range(asked.rounds):  # interleaved, so that the machine's moods hit all sizes alike
        for at, world in enumerate(worlds):
            begun = time.perf_counter()
            plan(world, Policy())
            times[at].append(time.perf_counter() - begun)
    medians = [statistics.median(taken) for taken in times]
    print("| pending jobs | groups | pass, median ms | max ms | against the first |\n|---|---|---|---|---|")
    for jobs, taken, median in zip(sizes, times, medians, strict=True):
        figures = f"{median * 1e3:.1f} | {max(taken) * 1e3:.1f} | {median / medians[0]:.2f}"
        print(f"| {jobs:,} | {asked.groups} | {figures} |")


if __name__ == "__main__":
    main()
