"""Pages of a list of a million jobs: what the first and the last cost, and that a walk shows each job once.

`python -m tests.bench.bench_paging [JOBS]`, prints Markdown. A real engine; while the walk goes on another client
submits and cancels jobs.
"""

import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

from tests.e2e.conftest import SETTINGS, Engine, Person

LIMIT = 1000
ARRAY = 100_000
STATES = {"waiting (by the plan's order)": "pending", "all states (newest first)": "pending,cancelled"}


def fill(admin: Person, jobs: int) -> set[int]:
    """So many jobs that wait; their ids."""
    admin.submit("sleep", "100000", cpu_cores=8)
    ids: set[int] = set()
    while len(ids) < jobs:
        size = min(ARRAY, jobs - len(ids))
        taken = admin.post("/v1/jobs", {"command": ["true"], "cpu_cores": 8, "array": f"0-{size - 1}"})
        ids |= set(range(taken["id"], taken["last_id"] + 1))
    return ids


def disturb(person: Person, stop: threading.Event) -> None:
    """Submit jobs and cancel them, ahead of and behind whoever walks."""
    while not stop.is_set():
        for priority in (1, 10):
            person.ask("DELETE", f"/v1/jobs/{person.submit('true', cpu_cores=8, priority=priority)}")


def walk(person: Person, states: str) -> tuple[list[int], list[float]]:
    """All ids in the order in which pages show them, and the seconds that each page took."""
    seen: list[int] = []
    times: list[float] = []
    query = {"state": states, "limit": LIMIT}
    while True:
        began = time.perf_counter()
        page = person.get("/v1/jobs", **query)
        times.append(time.perf_counter() - began)
        seen += [row["id"] for row in page["items"]]
        if page["cursor"] is None:
            return seen, times
        query["cursor"] = page["cursor"]


def measure(root: Path, jobs: int) -> None:
    engine = Engine(root, SETTINGS)
    try:
        admin = engine.start().admin()
        admin.http.timeout = 120
        standing = fill(admin, jobs)
        token = admin.http.headers["Authorization"].removeprefix("Bearer ")
        stop = threading.Event()
        other = threading.Thread(target=disturb, args=(Person(engine.socket, token), stop))
        other.start()
        try:
            for name, states in STATES.items():
                seen, times = walk(admin, states)
                stood = [number for number in seen if number in standing]
                assert len(stood) == len(standing) == len(set(stood)), "not each job exactly once"
                first, last = (1000 * median(part) for part in (times[:20], times[-21:-1]))
                print(
                    f"| {name} | {len(stood):,} | {len(times):,} | {first:.1f} | {last:.1f} | {last / first:.2f} | "
                    f"{1000 * max(times):.0f} |",
                    flush=True,
                )
        finally:
            stop.set()
            other.join()
    finally:
        engine.clean_up()


def main(jobs: int = 1_000_000) -> None:
    print(
        f"| {LIMIT} rows a page | jobs, each once | pages | first 20, median ms | last 20, median ms | ratio | max ms |"
    )
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="rcq-bench-") as directory:
        measure(Path(directory), jobs)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
