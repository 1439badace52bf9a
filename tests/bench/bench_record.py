"""What a record of the decision log costs: `python tests/bench/bench_record.py`. Prints Markdown.

A pass that starts one job, on 8 busy cards with pending groups of 50 jobs each; beside it, what planning it takes.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))

from worlds import NOW, card, key, lease, waiting, world

from config.settings import RetentionSettings
from engine.core.model import GroupName
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.snapshot import Host, Snapshot
from engine.daemon.decisionlog import DecisionLog


class Still:
    """A clock that stands."""

    def now(self) -> float:
        return NOW


def busy(groups: int) -> Snapshot:
    """Thirty people of six groups wait, eight cards are taken; one job without a card can start."""
    shapes = (
        key(f"user{at % 30}", f"group{at % 6}", priority=1 + at % 10, gpus=1 + at % 4, time_limit_s=3600 + at)
        for at in range(groups - 1)
    )
    queues = [
        waiting(of, *((str(100_000 + 50 * at + n), 60.0 * n + 1.2345678 * at) for n in range(50)))
        for at, of in enumerate(shapes)
    ]
    queues.append(waiting(key("zoe", "group1", gpus=0), ("7", 5.0)))
    leases = [
        lease(str(at), key(f"user{at}", f"group{at % 6}"), at, ran=100.123 * at, left=300.7 * at) for at in range(8)
    ]
    cards = [card(at, temperature_c=61.3 + at, memory_used_mb=300 + at) for at in range(8)]
    usage = {GroupName(f"group{at}"): 12_345.678901 * at for at in range(6)}
    return world(cards, queues, leases, usage_gpu_s=usage, host=Host(cpu_cores=128, memory_mb=768_000))


def best_us(call: Callable[[], object], times: int) -> float:
    """Microseconds of the fastest of so many calls: what is slower is the machine's noise."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        took.append(time.perf_counter() - begun)
    return min(took) * 1e6


def main() -> None:
    """Print the table."""
    print("| pending groups | plan, µs | record, µs | bytes on disk |\n|---|---|---|---|")
    policy = Policy()
    for groups in (2, 40, 200, 1000):
        # the store is asked for nothing here: the bound is never reached
        log = DecisionLog(store=None, settings=RetentionSettings(decisions_mb=10**6), version="0", clock=Still())  # type: ignore[arg-type]
        snapshot = log.watched(busy(groups))
        decided = plan(snapshot, policy)
        (made,) = log.note(snapshot, policy, decided)
        planning = best_us(lambda of=snapshot: plan(of, policy), 10)
        noting = best_us(lambda of=snapshot, by=decided, log=log: log.note(log.watched(of) and of, policy, by), 50)
        print(f"| {groups:,} | {planning:,.0f} | {noting:,.0f} | {len(made.blob):,} |")


if __name__ == "__main__":
    main()
