"""What a page of a search or of another order costs among a million jobs that wait.

`python -m tests.bench.bench_listing [JOBS]`, prints Markdown. A real engine with arrays of 100,000 elements; 50 rows a
page. Of a search that finds nothing: until the last page says so.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.bench_paging import ARRAY
from tests.e2e.conftest import SETTINGS, Engine, Person

LOOKS: dict[str, dict[str, Any]] = {
    "the plan's order": {},
    "the plan's order, folded": {"fold": 1},
    "the plan's order, `sweep-3`": {"search": "sweep-3"},
    "the plan's order, finds nothing": {"search": "nothing"},
    "newest first, finds nothing": {"search": "nothing", "sort": "id", "order": "desc"},
    "newest first, `sweep-3`": {"search": "sweep-3", "sort": "id", "order": "desc"},
    "newest first, folded": {"sort": "id", "order": "desc", "fold": 1},
    "by priority": {"sort": "priority", "order": "desc"},
    "by priority, folded": {"sort": "priority", "order": "desc", "fold": 1},
    "by name": {"sort": "name"},
    "by account": {"sort": "account"},
    "by submission": {"sort": "submitted"},
}


def fill(admin: Person, jobs: int) -> None:
    """Arrays that wait behind a job that takes the whole box."""
    admin.submit("sleep", "100000", cpu_cores=8)
    for number in range(0, jobs, ARRAY):
        last = min(ARRAY, jobs - number) - 1
        job = {"command": ["true"], "cpu_cores": 8, "array": f"0-{last}", "name": f"sweep-{number // ARRAY}"}
        admin.post("/v1/jobs", {**job, "priority": 1 + number // ARRAY % 10})


def measure(admin: Person, query: dict[str, Any]) -> tuple[list[float], int, int]:
    """Milliseconds of each page until 3 pages with rows, or the end; rows; jobs looked at."""
    times: list[float] = []
    rows = looked = with_rows = 0
    cursor: dict[str, str] = {}
    while with_rows < 3:
        begun = time.perf_counter()
        page = admin.get("/v1/jobs", **query, **cursor)
        times.append(1000 * (time.perf_counter() - begun))
        rows, looked, with_rows = (
            rows + len(page["items"]),
            looked + (page["searched"] or 0),
            with_rows + bool(page["items"]),
        )
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    return times, rows, looked


def main(jobs: int = 1_000_000) -> None:
    print("| 50 rows a page | first, ms | longest, ms | pages | rows | looked at | all, ms |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="rcq-bench-") as directory:
        engine = Engine(Path(directory), SETTINGS)
        try:
            admin = engine.start().admin()
            admin.http.timeout = 120
            fill(admin, jobs)
            for name, query in LOOKS.items():
                times, rows, looked = measure(admin, query)
                first, longest, all_of_it = (f"{time_ms:.0f}" for time_ms in (times[0], max(times), sum(times)))
                print(
                    f"| {name} | {first} | {longest} | {len(times)} | {rows} | {looked:,} | {all_of_it} |", flush=True
                )
        finally:
            engine.clean_up()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
