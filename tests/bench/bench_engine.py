"""The engine from outside: `python tests/bench/bench_engine.py [start|throughput|idle|all]`.

A real engine on a temporary socket with simulated cards, driven over its API. Prints Markdown.
"""

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

SETTINGS = """
[scheduling]
cpu_cores = {cores}
[gpu]
provider = "simulated"
[[gpu.simulated]]
count = 8
[auth]
bcrypt_rounds = 4
peer = false
"""


class Rig:
    """An engine with one admin logged in. authorization: their header, where they are known to it already."""

    def __init__(
        self, root: Path, process: "subprocess.Popen[bytes]", socket: Path, authorization: str | None = None
    ) -> None:
        self.root, self.process, self.socket = root, process, socket
        self.http = httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://rcq", timeout=600)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.http.get("/healthz")
                break
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self.http.headers["Authorization"] = authorization or self._first_admin()

    def _first_admin(self) -> str:
        me = {"name": "ann", "password": "correct horse"}
        self.http.post("/v1/accounts", json={**me, "group": "lab", "role": "admin"}).raise_for_status()
        token = self.http.post("/v1/login", json=me).raise_for_status().json()["token"]
        return f"Bearer {token}"

    def counts(self) -> dict[str, int]:
        """Jobs in each state."""
        return dict(self.http.get("/v1/stats").raise_for_status().json()["jobs"])

    def ended(self) -> int:
        """How many jobs have ended."""
        counts = self.counts()
        return sum(counts.get(state, 0) for state in ("completed", "failed", "cancelled"))


@contextmanager
def engine(cores: int) -> Iterator[Rig]:
    """An engine of its own, ended with all its files."""
    with tempfile.TemporaryDirectory(prefix="rcq-bench-") as folder:
        root = Path(folder)
        (root / "rcq.toml").write_text(SETTINGS.format(cores=cores))
        command = [sys.executable, "-m", "engine.daemon", "--config", root / "rcq.toml", "--socket", root / "s"]
        with (root / "log").open("wb") as log:
            process = subprocess.Popen([*map(str, command), "--state-dir", str(root / "state")], stdout=log, stderr=log)
        try:
            yield Rig(root, process, root / "s")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def bench_start(count: int) -> None:
    """From sending a submission to the job's first instruction, one at a time on an idle engine."""
    latencies = []
    with engine(cores=8) as rig:
        for at in range(count):
            out = rig.root / f"t{at}"
            sent = time.time()
            job = {"command": ["/bin/sh", "-c", f"date +%s.%N > {out}.part && mv {out}.part {out}"]}
            rig.http.post("/v1/jobs", json=job).raise_for_status()
            while not out.exists():
                time.sleep(0.0005)
            latencies.append((float(out.read_text()) - sent) * 1e3)
    latencies.sort()
    print("| submit to start (`sh` and `date` included) | jobs | median ms | p95 ms | max ms |\n|---|---|---|---|---|")
    p95 = latencies[int(0.95 * (count - 1))]
    print(f"| one at a time | {count} | {statistics.median(latencies):.1f} | {p95:.1f} | {latencies[-1]:.1f} |")


def bench_throughput(count: int) -> None:
    """`true` jobs on two slots, from the first submission to the last end."""
    with engine(cores=2) as rig:
        body = b"".join(b'{"command":["true"]}\n' for _ in range(count))
        begun = time.perf_counter()
        rig.http.post("/v1/ingest", params={"format": "ndjson"}, content=body).raise_for_status()
        while rig.ended() < count:
            time.sleep(0.1)
        taken = time.perf_counter() - begun
        assert rig.counts().get("completed") == count
    print("| throughput | jobs | slots | seconds | jobs/s |\n|---|---|---|---|---|")
    print(f"| `true`, submitted by ingest | {count:,} | 2 | {taken:.2f} | {count / taken:.0f} |")


def bench_idle(seconds: float) -> None:
    """What an engine costs that has nothing to do: 8 simulated cards read each second, nobody connected."""
    with engine(cores=2) as rig:
        process = psutil.Process(rig.process.pid)
        time.sleep(3)
        before = process.cpu_times()
        time.sleep(seconds)
        after = process.cpu_times()
        cpu = (after.user + after.system - before.user - before.system) / seconds
        memory = process.memory_info().rss / 2**20
    print("| idle | seconds watched | CPU, % of a core | memory, MiB |\n|---|---|---|---|")
    print(f"| engine, 8 simulated cards at 1 Hz | {seconds:.0f} | {cpu * 100:.2f} | {memory:.0f} |")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["start", "throughput", "idle", "all"], nargs="?", default="all")
    parser.add_argument("--jobs", type=int, default=1000)
    asked = parser.parse_args()
    if asked.what in ("start", "all"):
        bench_start(100)
    if asked.what in ("throughput", "all"):
        bench_throughput(asked.jobs)
    if asked.what in ("idle", "all"):
        bench_idle(20)


if __name__ == "__main__":
    main()
