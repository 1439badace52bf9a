"""What rcq adds to a Slurm: `python tests/bench/bench_slurm.py [pass|looks|queue|release|all]`, as root.

pass: the plan of a large cluster with many jobs waiting. looks: one look at Slurm's queue with many foreign jobs in it.
queue: an engine on a real Slurm (tests/slurm/cluster.py) whose cards are all taken, with many jobs waiting: how fast
they are taken in, what a pass and a quiet minute cost, memory. release: jobs that end at once, through rcq and, in the
same run and on the same cluster, by a bare loop of `sbatch`: the floor. Prints Markdown; figures go to
docs/benchmarks.md.
"""

import argparse
import json
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

from bench_engine import Rig
from bench_pass import HOUR, NOW, Size, rules, snapshot

from engine.core.model import GpuUuid, JobId
from engine.core.plan import plan
from engine.core.snapshot import CLUSTER, Gpu, Host, NodeRoom, Snapshot
from engine.slurm.commands import Commands
from engine.slurm.jobs import of_squeue
from tests.slurm.cluster import Cluster, until
from tests.slurm.configuration import NodeShape

WIDE = tuple(NodeShape(name=f"n{at}", cores=64, memory_mb=64_000, gpus=(("a100", 4),)) for at in range(1, 5))
SETTINGS = """
[gpu]
provider = "none"
[auth]
bcrypt_rounds = 4
peer = false
[executor]
kind = "slurm"
[slurm]
ahead = {ahead}
"""
QUIET_S = 30.0
LOOKS = 5


def large(jobs: int, nodes: int, *, free: int, preemptible: int = 0) -> Snapshot:
    """A cluster of machines with four cards each; all but `free` of them are taken, by jobs of one card."""
    base = snapshot(Size(jobs=jobs, groups=100, slots=0, old=False))
    cards = tuple(
        Gpu(uuid=GpuUuid(f"slurm/n{at // 4}/a100/{at % 4}"), index=at, model="NVIDIA A100", memory_mb=81_920,
            node=f"n{at // 4}")
        for at in range(4 * nodes)
    )  # fmt: skip
    rooms = tuple(NodeRoom(name=f"n{at}", cpu_cores=64, memory_mb=512_000) for at in range(nodes))
    first = base.leases[0]
    one = replace(first.key, shape=replace(first.key.shape, gpus=1, gpu_type=None))
    leases = tuple(
        replace(first, job=JobId(f"run{at}"), gpus=(card.uuid,), key=replace(one, preemptible=at < preemptible),
                place=CLUSTER, started_at=NOW - 60.0 * at, expected_end=NOW + HOUR + 60.0 * at)
        for at, card in enumerate(cards[free:])
    )  # fmt: skip
    host = Host(cpu_cores=64 * nodes, memory_mb=512_000 * nodes, nodes=rooms)
    return replace(base, place=CLUSTER, gpus=cards, host=host, leases=leases, ahead=5)


def bench_pass() -> None:
    """Processor time of a pass."""
    print("| cluster | cards free | preemptible | jobs waiting | pass, median ms | max ms | starts |")
    print("|---|---|---|---|---|---|---|")
    for jobs in (10_000, 100_000):
        for nodes, free in product((4, 25, 100), (0, 2)):
            _pass_row(jobs, nodes, free=free, preemptible=0)
    for preemptible in (4, 16, 64):
        _pass_row(10_000, 25, free=0, preemptible=preemptible)


def _pass_row(jobs: int, nodes: int, *, free: int, preemptible: int) -> None:
    seen, policy, taken = large(jobs, nodes, free=free, preemptible=preemptible), rules(Size()), []
    for _ in range(5):
        begun = time.process_time()
        decided = plan(seen, policy)
        taken.append((time.process_time() - begun) * 1e3)
    what = f"{nodes} machines, {4 * nodes} cards | {free} | {preemptible}"
    times = f"{statistics.median(taken):.0f} | {max(taken):.0f}"
    print(f"| {what} | {jobs:,} | {times} | {len(decided.starts)} |", flush=True)


def bench_looks(sizes: tuple[int, ...]) -> None:
    """`squeue --json`, and reading what it printed, as the number of jobs in Slurm grows."""
    print("| jobs in Slurm | `squeue --json`, ms | MB | read by rcq, ms | bare `squeue`, ms |\n|---|---|---|---|---|")
    with Cluster(WIDE) as cluster:
        commands, there = Commands(conf=str(cluster.conf)), 0
        for size in sizes:
            while there < size:
                cluster.run("sbatch", "--hold", "--output=/dev/null", "--wrap=true")
                there += 1
            printed = commands.run_now("squeue", "--json")
            asked, read = timed(partial(commands.run_now, "squeue", "--json")), timed(partial(of_squeue, printed))
            bare = timed(partial(commands.run_now, "squeue"))
            print(f"| {size:,} | {asked:.0f} | {len(printed) / 1e6:.1f} | {read:.0f} | {bare:.0f} |", flush=True)


def timed(act: Callable[[], object]) -> float:
    """Median milliseconds of some."""
    taken = []
    for _ in range(LOOKS):
        begun = time.perf_counter()
        act()
        taken.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(taken)


@contextmanager
def on(cluster: Cluster, ahead: int) -> Iterator[Rig]:
    """An engine whose jobs run on that cluster."""
    with tempfile.TemporaryDirectory(prefix="rcq-bench-") as folder:
        root = Path(folder)
        (root / "rcq.toml").write_text(SETTINGS.format(ahead=ahead))
        command = [sys.executable, "-m", "engine.daemon", "--config", root / "rcq.toml", "--socket", root / "s"]
        with (root / "log").open("wb") as log:
            process = subprocess.Popen(
                [*map(str, command), "--state-dir", str(root / "state")], stdout=log, stderr=log, env={**cluster.env}
            )
        try:
            rig = Rig(root, process, root / "s")
            until(lambda: bool(rig.http.get("/v1/nodes").json()["items"]), "the engine knows the nodes")
            yield rig
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@dataclass(slots=True, frozen=True, kw_only=True)
class Quiet:
    """What an engine and a controller cost while nothing happens: percent of a core, and the engine's MiB."""

    engine: float
    controller: float
    memory_mb: float


def quiet(rig: Rig, cluster: Cluster, seconds: float) -> Quiet:
    """The engine with the commands that it ran, and slurmctld, watched for so long."""
    engine = psutil.Process(rig.process.pid)
    conf = str(cluster.conf)  # others may run beside it
    (controller,) = (
        one
        for one in psutil.process_iter(["name", "cmdline"])
        if one.info["name"] == "slurmctld" and conf in (one.info["cmdline"] or ())
    )
    before = _spent(engine), _spent(controller)
    time.sleep(seconds)
    after = _spent(engine), _spent(controller)
    used = [(late - early) / seconds * 100 for early, late in zip(before, after, strict=True)]
    return Quiet(engine=used[0], controller=used[1], memory_mb=engine.memory_info().rss / 2**20)


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def pass_ms(rig: Rig) -> tuple[float, float]:
    """How many passes there were, and the mean milliseconds of one."""
    text = rig.http.get("/metrics").text
    count, total = (
        float(re.findall(rf"^rcq_pass_seconds_{of}(?:{{.*}})? (.+)$", text, re.M)[0]) for of in ("count", "sum")
    )
    return count, total / max(1.0, count) * 1e3


def bench_queue(sizes: tuple[int, ...]) -> None:
    """Many jobs that wait for a cluster of 16 cards, each taken by a stranger's job."""
    print(
        "| jobs waiting | taken in, s | passes | a pass, mean ms | engine, % of a core | slurmctld, % | engine, MiB |"
    )
    print("|---|---|---|---|---|---|---|")
    for size in (0, *sizes):
        with Cluster(WIDE) as cluster:
            for _ in WIDE:
                cluster.run("sbatch", "--gres=gpu:4", "--output=/dev/null", "--wrap=sleep 9999")
            with on(cluster, 5) as rig:
                body = b"".join(b'{"command":["train","%d"],"gpus":1}\n' % at for at in range(size))
                begun = time.perf_counter()
                if size:
                    rig.http.post("/v1/ingest", params={"format": "ndjson"}, content=body).raise_for_status()
                taken = time.perf_counter() - begun
                time.sleep(5)  # until the five that wait in Slurm are there
                now = quiet(rig, cluster, QUIET_S)
                count, mean = pass_ms(rig)
                print(
                    f"| {size:,} | {taken:.1f} | {count:.0f} | {mean:.1f} | {now.engine:.1f} | {now.controller:.1f} "
                    f"| {now.memory_mb:.0f} |",
                    flush=True,
                )


def bench_release(count: int) -> None:
    """`true` so many times: through rcq with several bounds of `ahead`, and by a bare loop."""
    print("| `true` on 256 cores | jobs | seconds | jobs/s |\n|---|---|---|---|")
    with Cluster(WIDE) as cluster:
        begun = time.perf_counter()
        for _ in range(count):
            cluster.run("sbatch", "--output=/dev/null", "--wrap=true")
        submitted = time.perf_counter() - begun
        until(lambda: not cluster.run("squeue", "-h"), "all are over", 600)
        print(
            f"| a loop of `sbatch`, until the last is submitted | {count} | {submitted:.1f} | {count / submitted:.0f} |"
        )
        _row("the same, until the last is over", count, time.perf_counter() - begun)
        for ahead in (5, 50):
            with on(cluster, ahead) as rig:
                body = b"".join(b'{"command":["true"]}\n' for _ in range(count))
                begun = time.perf_counter()
                rig.http.post("/v1/ingest", params={"format": "ndjson"}, content=body).raise_for_status()
                until(lambda rig=rig: rig.ended() >= count, "all are over", 900)  # type: ignore[misc]
                _row(f"through rcq, `ahead = {ahead}`", count, time.perf_counter() - begun)
                assert rig.counts().get("completed") == count, json.dumps(rig.counts())


def _row(what: str, count: int, seconds: float) -> None:
    print(f"| {what} | {count} | {seconds:.1f} | {count / seconds:.1f} |", flush=True)


def main() -> None:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", default="all", choices=("pass", "looks", "queue", "release", "all"))
    parser.add_argument("--sizes", type=int, nargs="+", default=(10_000, 100_000), help="jobs waiting")
    parser.add_argument("--foreign", type=int, nargs="+", default=(0, 1_000, 5_000), help="jobs in Slurm")
    parser.add_argument("--count", type=int, default=300, help="jobs to release")
    asked = parser.parse_args()
    benches: dict[str, Callable[[], None]] = {
        "pass": bench_pass,
        "looks": lambda: bench_looks(tuple(asked.foreign)),
        "queue": lambda: bench_queue(tuple(asked.sizes)),
        "release": lambda: bench_release(asked.count),
    }
    for name, bench in benches.items():
        if asked.what in (name, "all"):
            print()
            bench()


if __name__ == "__main__":
    main()
