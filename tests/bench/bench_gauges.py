"""What gauges cost: `python tests/bench/bench_gauges.py [--seconds 30] [--cards 8]`.

An idle engine that reads scripted cards through the true bindings once a second, beside one without cards: the
difference is what the engine itself pays for gauges. The process that reads the driver is told apart, and beside it
the bare calls to the same library, of which most of its time is. Prints Markdown.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # run as a file, from anywhere

from tests.gpu.scripted import ScriptedDriver  # noqa: E402

NONE = """
[gpu]
provider = "none"
[auth]
bcrypt_rounds = 4
peer = false
"""
BARE = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.gpu.played import play
library = play(Path(sys.argv[2]))
import pynvml
from engine.gpu.nvml import NvmlGpus
pynvml.nvmlInit()
calls = []
gpus = NvmlGpus(type("Clock", (), {"now": staticmethod(time.time)})())
for _ in range(3):
    library.calls.clear()
    gpus.read()
names = list(library.calls)
rounds = 200
began = time.process_time()
for _ in range(rounds):
    gpus.read()
whole = (time.process_time() - began) / rounds
one = pynvml.nvmlDeviceGetHandleByIndex(0)
began = time.process_time()
for _ in range(rounds * len(names)):
    pynvml.nvmlDeviceGetPowerUsage(one)
calls = (time.process_time() - began) / rounds
print(len(names), whole, calls)
"""


@contextmanager
def engine(folder: Path, settings: str, environment: Mapping[str, str]) -> Iterator[psutil.Process]:
    """An engine of its own, ended behind it."""
    folder.mkdir()
    (folder / "rcq.toml").write_text(settings)
    command = [sys.executable, "-m", "engine.daemon", "--config", folder / "rcq.toml", "--socket", folder / "s"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*map(str, command), "--state-dir", str(folder / "state")],
            stdout=log, stderr=log, cwd=ROOT, env={**os.environ, **environment},
        )  # fmt: skip
    http = httpx.Client(transport=httpx.HTTPTransport(uds=str(folder / "s")), base_url="http://rcq")
    deadline = time.monotonic() + 20
    while True:
        try:
            http.get("/healthz")
            break
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def cpu_s(process: psutil.Process) -> float:
    """Processor seconds that it has used."""
    times = process.cpu_times()
    return times.user + times.system


def watched(engines: Mapping[str, psutil.Process], seconds: float) -> dict[str, float]:
    """Parts of a core that these use from now on, side by side: the machine's moods hit all of them."""
    time.sleep(5)  # starting is over
    before = {name: cpu_s(process) for name, process in engines.items()}
    began = time.monotonic()
    time.sleep(seconds)
    taken = time.monotonic() - began
    return {name: (cpu_s(process) - before[name]) / taken for name, process in engines.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--cards", type=int, default=8)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rcq-bench-") as folder:
        root = Path(folder)
        driver = ScriptedDriver(root / "driver", cards=asked.cards)
        for index in range(asked.cards):
            driver.processes(index, [(os.getpid(), 4_000)])
        settings = driver.settings(sample_s=1.0, timeout_s=10.0)
        with engine(root / "with", settings, driver.environment) as one, engine(root / "without", NONE, {}) as other:
            (reader,) = (child for child in one.children() if "engine.gpu.reader" in child.cmdline())
            used = watched({"with": one, "without": other, "reader": reader}, asked.seconds)
        bare = [sys.executable, "-c", BARE, str(ROOT), str(driver.script)]
        calls, whole, library = subprocess.run(bare, capture_output=True, text=True, check=True).stdout.split()
    print(f"| {asked.cards} cards at 1 Hz, {asked.seconds:.0f} s | CPU, % of a core |\n|---|---|")
    print(f"| engine without cards | {100 * used['without']:.2f} |")
    print(f"| engine with cards | {100 * used['with']:.2f} |")
    print(f"| **gauges, in the engine** | **{100 * (used['with'] - used['without']):.2f}** |")
    print(f"| process that reads the driver | {100 * used['reader']:.2f} |")
    print(f"| of that, one reading ({calls} calls) in a loop | {100 * float(whole):.2f} |")
    print(f"| as many bare calls of the bindings to the same library in a loop | {100 * float(library):.2f} |")


if __name__ == "__main__":
    main()
