"""rcq beside gflow and task-spooler on the same machine, in the same run: `python -m tests.bench.bench_peers`.

Needs gflow's programs (`runqd` on PyPI), tmux, and `tsp` (Debian's `task-spooler`) in PATH; a peer that is not there is
named and left out. Each is used the way its own people use it. Prints Markdown.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.peers import Gflow, Peer, Rcq, TaskSpooler

NEEDS = {"rcq": "true", "gflow": "gbatch", "task-spooler": "tsp"}
MAKES: dict[str, Callable[[Path], Peer]] = {"rcq": Rcq, "gflow": Gflow, "task-spooler": TaskSpooler}
PATIENCE_S = 600.0


@contextmanager
def server(name: str) -> Iterator[tuple[Peer, Path]]:
    """A started one in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="rcq-peer-", ignore_cleanup_errors=True) as folder:
        peer = MAKES[name](Path(folder))
        peer.start()
        try:
            yield peer, Path(folder)
        finally:
            peer.close()


def starts(submit: Callable[..., None], folder: Path, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds from before a submission to the job's first instruction, and to the command's own end, sorted."""
    latencies, commands = [], []
    for at in range(count):
        out = folder / f"out-{at}"
        script = folder / f"job-{at}.sh"
        script.write_text(f"#!/bin/sh\ndate +%s.%N > {out}.part && mv {out}.part {out}\n")
        script.chmod(0o755)
        sent = time.time()
        submit(str(script))
        commands.append((time.time() - sent) * 1e3)
        deadline = time.monotonic() + PATIENCE_S
        while not out.exists():
            assert time.monotonic() < deadline, "it never started"
            time.sleep(0.0005)
        latencies.append((float(out.read_text()) - sent) * 1e3)
    return sorted(latencies), sorted(commands)


def bench_starts(names: list[str], count: int) -> None:
    """One job at a time on an idle queue."""
    print("| submit to start, one at a time | jobs | median ms | p95 ms | max ms | the command itself, median ms |")
    print("|---|---|---|---|---|---|")
    for name in names:
        with server(name) as (peer, folder):
            ways = {f"{name}, by its command": peer.submit}
            if isinstance(peer, Rcq):
                ways[f"{name}, over its API"] = peer.submit_api
            for at, (way, submit) in enumerate(ways.items()):
                place = folder / f"way-{at}"
                place.mkdir()
                latencies, commands = starts(submit, place, count)
                p95 = latencies[int(0.95 * (count - 1))]
                print(
                    f"| {way} | {count} | {statistics.median(latencies):.1f} | {p95:.1f} | {latencies[-1]:.1f} "
                    f"| {statistics.median(commands):.1f} |"
                )


def bench_throughput(counts: dict[str, int]) -> None:
    """From the first submission to the last end."""
    print("\n| `true` on two slots | submitted by | jobs | seconds | jobs/s |\n|---|---|---|---|---|")
    for name, count in counts.items():
        with server(name) as (peer, _):
            begun = time.perf_counter()
            peer.submit_true(count)
            while peer.ended() < count:
                assert time.perf_counter() - begun < PATIENCE_S, f"{name}: {peer.ended()} of {count} ended"
                time.sleep(0.05)
            taken = time.perf_counter() - begun
            print(f"| {name} | {peer.natural} | {count:,} | {taken:.2f} | {count / taken:,.1f} |")


def bench_kill(names: list[str], count: int) -> None:
    """SIGKILL to the server right after it has acknowledged the jobs; what the next server knows of them."""
    print("\n| `kill -9` right after the last acknowledgement | acknowledged | known afterwards |\n|---|---|---|")
    for name in names:
        with server(name) as (peer, _):
            peer.submit_true(count)
            peer.kill()
            peer.start()
            print(f"| {name} | {count:,} | {peer.known():,} |")


def main() -> None:
    """Run all three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--gflow-jobs", type=int, default=60, help="fewer, as it starts about one a second")
    parser.add_argument("--only", choices=sorted(MAKES), action="append")
    asked = parser.parse_args()
    names = [name for name in MAKES if shutil.which(NEEDS[name]) and name in (asked.only or MAKES)]
    print("Left out:", ", ".join(name for name in MAKES if name not in names) or "nothing", end="\n\n")
    bench_starts(names, asked.starts)
    bench_throughput({name: asked.gflow_jobs if name == "gflow" else asked.jobs for name in names})
    bench_kill(names, asked.jobs)


if __name__ == "__main__":
    main()
