"""What one reading of /metrics costs with a million jobs and 64 cards: in the event loop, and in the thread beside it.

    python -m tests.bench.bench_metrics [JOBS] [CARDS]

One in ten jobs is held, the rest waits in 2,000 groups of 200 accounts in 50 research groups.
"""

import asyncio
import gc
import statistics
import sys
import tempfile
import time
from pathlib import Path

from prometheus_client import generate_latest

from config.paths import personal, prepare
from config.settings import GpuSettings, MetricsSettings, Settings, SimulatedCard
from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, Shape, Waiting
from engine.daemon.main import GC_THRESHOLDS
from engine.daemon.wiring import Engine, build
from engine.store.groups import Group

KEYS = 2000
TIMES = 100


def fill(engine: Engine, jobs: int) -> None:
    keys = [
        GroupKey(
            owner=Owner(account=AccountName(f"a{number % 200}"), group=GroupName(f"g{number % 50}")),
            service=None,
            priority=1 + number % 10,
            preemptible=False,
            shape=Shape(gpus=1),
        )
        for number in range(KEYS)
    ]
    places = [(keys[number % KEYS], Waiting(float(number), JobId(str(number)))) for number in range(jobs)]
    engine.books.pending.add_all(places[jobs // 10 :])
    engine.books.held.update({place[1].job: place for place in places[: jobs // 10]})
    engine.register.groups = {f"g{number}": Group(name=f"g{number}") for number in range(50)}


async def measure(state: Path, jobs: int, cards: int) -> None:
    gpu = GpuSettings(provider="simulated", simulated=(SimulatedCard(count=cards),))
    paths = personal(state_dir=state, socket=state / "s")
    prepare(paths)
    engine = build(Settings(gpu=gpu, metrics=MetricsSettings(groups=True)), paths)
    await engine.sampler.sample()
    fill(engine, jobs)
    gc.collect()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.freeze()
    gathered, wrote, text = [], [], b""
    for _ in range(TIMES):
        began = time.perf_counter()
        page = engine.metering.service.told_to_anybody()
        gathered.append(time.perf_counter() - began)
        began = time.perf_counter()
        text = await asyncio.to_thread(generate_latest, page)
        wrote.append(time.perf_counter() - began)
    samples = sum(not line.startswith(b"#") for line in text.splitlines())
    print(f"{jobs:,} jobs, {cards} cards: {samples:,} samples, {len(text) // 1024} KiB")
    for name, took in (("gathered in the event loop", gathered), ("written out in a thread", wrote)):
        ordered = sorted(took)
        print(
            f"  {name}: median {statistics.median(took) * 1e3:.1f} ms, 9 of 10 {ordered[TIMES * 9 // 10] * 1e3:.1f} ms"
        )
    await engine.store.close()


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]] or [1_000_000, 64]
    with tempfile.TemporaryDirectory() as made:
        asyncio.run(measure(Path(made), given[0], given[1] if len(given) > 1 else 64))
