"""Everyday commands as whole processes: `python tests/bench/bench_commands.py [--rounds N] [--rcq FILE]`.

What people type, with a real engine on a temporary socket and output to a pipe, beside the floor: the same interpreter
that imports `json` and `socket` and ends. All take turns (A B C A B C …), so that a busy moment meets them alike. The
interpreter keeps compiled modules, as it does for people. Prints Markdown.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench_engine import Rig, engine

JOBS = 60
"""That wait, more than a listing shows unless told."""
FLOOR = "floor"


def commands(rcq: Path, interpreter: str) -> dict[str, list[str]]:
    """What takes turns, the floor first."""
    given = {
        "`rcq submit --gpus 8 true`": ["submit", "--gpus", "8", "true"],
        "`rcq queue` (50 rows)": ["queue"],
        "`rcq show 3`": ["show", "3"],
        "`rcq gpus`": ["gpus"],
        "`rcq --version`": ["--version"],
        "`rcq --help`": ["--help"],
    }
    floor = [interpreter, "-c", "import json, socket"]
    return {FLOOR: floor, **{name: [str(rcq), *words] for name, words in given.items()}}


def interpreter_of(script: Path) -> str:
    """The one that a console script names in its first line."""
    return script.read_text(encoding="utf-8").partition("\n")[0].removeprefix("#!").strip()


def environment(rig: Rig) -> dict[str, str]:
    """A person's, who is logged in; nothing that would keep the interpreter from keeping what it compiled."""
    ours = {"RCQ_SOCKET": str(rig.root / "s"), "RCQ_TOKEN": rig.http.headers["Authorization"].removeprefix("Bearer ")}
    left_out = ("PYTHON", "RCQ_", "COLUMNS")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)} | ours


def fill(rig: Rig) -> None:
    """One runs, the others wait for cards."""
    for at in range(JOBS):
        job = {"command": ["sleep", "600"], "gpus": 8, "name": f"job-{at}"}
        rig.http.post("/v1/jobs", json=job).raise_for_status()


def end(rig: Rig) -> None:
    """No job outlives the engine."""
    while left := rig.http.get("/v1/jobs", params={"limit": 1000}).raise_for_status().json()["items"]:
        for row in reversed(left):  # those that wait first, or each would start in turn
            rig.http.delete(f"/v1/jobs/{row['id']}")
        time.sleep(0.05)


def timed(command: list[str], environ: dict[str, str]) -> float:
    """Milliseconds of the whole process."""
    begun = time.perf_counter()
    subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return (time.perf_counter() - begun) * 1e3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--rcq", type=Path, default=Path(sys.executable).with_name("rcq"), help="the installed command")
    asked = parser.parse_args()
    taken: dict[str, list[float]] = {}
    with engine(cores=8) as rig:
        fill(rig)
        environ = environment(rig)
        turns = commands(asked.rcq, interpreter_of(asked.rcq))
        for name, command in turns.items():
            timed(command, environ)  # what follows finds everything compiled and in the page cache
            taken[name] = []
        for _ in range(asked.rounds):
            for name, command in turns.items():
                taken[name].append(timed(command, environ))
        end(rig)
    floor = statistics.median(taken[FLOOR])
    print(f"| {asked.rounds} turns | median ms | fastest ms | of the floor |\n|---|---|---|---|")
    for name, times in taken.items():
        median = statistics.median(times)
        shown = "`python -c 'import json, socket'`" if name == FLOOR else name
        print(f"| {shown} | {median:.1f} | {min(times):.1f} | {median / floor:.2f} |")


if __name__ == "__main__":
    main()
