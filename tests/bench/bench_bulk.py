"""Bulk: `python tests/bench/bench_bulk.py speed|load [--rows N]`, a real engine on a temporary socket, simulated cards.

speed: NDJSON and CSV by `POST /v1/ingest` and by the command, each beside its floor (bare executemany of the very rows
that came of it, the same schema and durability), all in one run. load: one long file by the command, while others list
and submit: what they wait, what passes take, how late the engine's loop is, memory of the engine and of the command.
Prints Markdown.
"""

import argparse
import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).parent))

from bench_engine import Rig, engine

BATCH = 2000
ASK_EVERY_S = 0.05
LOOK_EVERY_S = 0.2
PIECE = 10_000


def job(at: int) -> dict[str, Any]:
    """One line of a sweep of jobs that never start here: each wants all 8 cards."""
    return {
        "job_id": f"sweep-{at}",
        "name": f"lr-{at % 100}",
        "command": ["python", "train.py", "--lr", f"{at % 100}", "--seed", str(at)],
        "gpus": 8,
        "cpu_cores": 4,
        "memory_mb": 16_000,
        "time_limit_s": 3600 + at % 50,
        "environment": {"SEED": str(at)},
        "tags": {"sweep": "bench"},
    }


def as_ndjson(first: int, last: int) -> bytes:
    """Lines of a file."""
    return b"".join(json.dumps(job(at)).encode() + b"\n" for at in range(first, last))


def as_csv(first: int, last: int) -> bytes:
    """The same jobs as records, a header before the first."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    if first == 0:
        table.writerow(job(0))
    for at in range(first, last):
        table.writerow(json.dumps(value) if isinstance(value, list | dict) else value for value in job(at).values())
    return text.getvalue().encode()


FORMS = {"ndjson": as_ndjson, "csv": as_csv}


def write(path: Path, form: str, rows: int) -> Path:
    """A file of so many jobs."""
    with path.open("wb") as file:
        for at in range(0, rows, PIECE):
            file.write(FORMS[form](at, min(rows, at + PIECE)))
    return path


def keep_busy(rig: Rig) -> None:
    """Somebody holds all cards, so that nothing of the sweep starts."""
    rig.http.post("/v1/jobs", json={"command": ["sleep", "3600"], "gpus": 8}).raise_for_status()


def command(rig: Rig, file: Path) -> "subprocess.Popen[bytes]":
    """`rcq ingest FILE` in a process of its own."""
    token = rig.http.headers["Authorization"].removeprefix("Bearer ")
    environ = os.environ | {"RCQ_SOCKET": str(rig.socket), "RCQ_TOKEN": token}
    words = [sys.executable, "-m", "rcq_tui.cli.main", "ingest", str(file), "--json"]
    return subprocess.Popen(words, env=environ, stdout=subprocess.PIPE)


def by_request(rig: Rig, file: Path, form: str) -> dict[str, Any]:
    """The file as one request's body."""

    def pieces() -> Iterator[bytes]:
        with file.open("rb") as source:
            while piece := source.read(256 * 1024):
                yield piece

    answer = rig.http.post("/v1/ingest", params={"format": form}, content=pieces())
    return dict(answer.raise_for_status().json())


def by_command(rig: Rig, file: Path, form: str) -> dict[str, Any]:
    """The file by the command, its start-up included."""
    output, _ = command(rig, file).communicate()
    return dict(json.loads(output))


WAYS: dict[str, Callable[[Rig, Path, str], dict[str, Any]]] = {
    "`POST /v1/ingest`": by_request,
    "`rcq ingest`": by_command,
}


def bench_speed(rows: int, rounds: int) -> None:
    """Both formats both ways, each on an engine of its own, its floor right after it."""
    print(f"Load before: {os.getloadavg()[0]:.2f}; {os.cpu_count()} cores, the client's included.\n")
    print("| ingest | rows | seconds | rows/s | engine CPU, µs a row | floor, rows/s | of the floor |")
    print("|---|---|---|---|---|---|---|")
    for name, way, form in [(name, way, form) for _ in range(rounds) for name, way in WAYS.items() for form in FORMS]:
        with engine(cores=8) as rig:
            keep_busy(rig)
            file = write(rig.root / f"sweep.{form}", form, rows)
            process = psutil.Process(rig.process.pid)
            before = sum(process.cpu_times()[:2])
            begun = time.perf_counter()
            report = way(rig, file, form)
            taken = time.perf_counter() - begun
            cpu = sum(process.cpu_times()[:2]) - before
            assert report["accepted"] == rows, report
            floor = bare_executemany(sqlite3.connect(rig.root / "state" / "rcq.db"), rig.root / "floor.db")
            rig.http.delete("/v1/jobs/1").raise_for_status()
        figures = (
            f"{taken:.2f} | {rows / taken:,.0f} | {cpu / rows * 1e6:.1f} | {rows / floor:,.0f} | {floor / taken:.2f}"
        )
        print(f"| {name}, {form} | {rows:,} | {figures} |", flush=True)
    print(f"\nThe floor: bare executemany, {BATCH} rows a commit. Load after: {os.getloadavg()[0]:.2f}.")


def bare_executemany(source: sqlite3.Connection, target: Path) -> float:
    """Seconds to write the rows of `jobs` again: same columns and indexes, WAL, synchronous=FULL, a commit a batch."""
    made = "SELECT sql FROM sqlite_master WHERE tbl_name = 'jobs' AND type IN ('table', 'index') AND sql NOT NULL"
    schema = [row[0] for row in source.execute(made)]
    rows = source.execute("SELECT * FROM jobs").fetchall()
    database = sqlite3.connect(target, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    for statement in schema:
        database.execute(statement)
    insert = f"INSERT INTO jobs VALUES ({', '.join('?' * len(rows[0]))})"  # noqa: S608 (question marks)
    begun = time.perf_counter()
    for at in range(0, len(rows), BATCH):
        database.execute("BEGIN IMMEDIATE")
        database.executemany(insert, rows[at : at + BATCH])
        database.execute("COMMIT")
    return time.perf_counter() - begun


class Asker(threading.Thread):
    """Does the same every so often until it is told to stop; took: seconds of each."""

    def __init__(self, ask: Callable[[], object], every_s: float) -> None:
        super().__init__(daemon=True)
        self.took: list[float] = []
        self._ask = ask
        self._every_s = every_s
        self._over = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._over.wait(self._every_s):
            begun = time.perf_counter()
            self._ask()
            self.took.append(time.perf_counter() - begun)

    def stop(self) -> list[float]:
        """What was seen, in seconds, ascending."""
        self._over.set()
        self.join()
        return sorted(self.took)


def client(rig: Rig, token: str) -> httpx.Client:
    """Somebody with a connection of their own."""
    transport = httpx.HTTPTransport(uds=str(rig.socket))
    return httpx.Client(
        transport=transport, base_url="http://rcq", timeout=60, headers={"Authorization": f"Bearer {token}"}
    )


def somebody_else(rig: Rig) -> str:
    """Another account's token."""
    bob = {"name": "bob", "password": "correct horse"}
    rig.http.post("/v1/accounts", json={**bob, "group": "lab2", "role": "user"}).raise_for_status()
    return str(rig.http.post("/v1/login", json=bob).raise_for_status().json()["token"])


def bench_load(rows: int) -> None:
    """One long file, and what it does to everybody else."""
    print(f"Load before: {os.getloadavg()[0]:.2f}; {os.cpu_count()} cores, the clients' included.\n")
    with engine(cores=8) as rig:
        keep_busy(rig)
        file = write(rig.root / "sweep.ndjson", "ndjson", rows)
        own, other = (
            client(rig, rig.http.headers["Authorization"].removeprefix("Bearer ")),
            client(rig, somebody_else(rig)),
        )
        job = {"command": ["true"], "gpus": 8}
        process = psutil.Process(rig.process.pid)
        passes: dict[float, float] = {}
        lags: list[float] = []

        def note() -> None:
            passes.update((one["at"], one["seconds"]) for one in own.get("/v1/passes?limit=600").json()["items"])
            lags.append(own.get("/v1/engine").json()["loop_lag_s"])

        note()
        passes.clear()
        at_rest = process.memory_info().rss
        begun = time.perf_counter()
        sender = command(rig, file)
        sending = psutil.Process(sender.pid)
        sizes: list[tuple[float, float]] = []
        askers = {
            "`GET /v1/jobs` (`rcq queue`)": Asker(
                lambda: own.get("/v1/jobs?state=pending&limit=50").raise_for_status(), ASK_EVERY_S
            ),
            "`POST /v1/jobs` of somebody else": Asker(
                lambda: other.post("/v1/jobs", json=job).raise_for_status(), ASK_EVERY_S
            ),
        }
        watcher = Asker(lambda: sizes.append((process.memory_info().rss, _size_of(sending))), LOOK_EVERY_S)
        noter = Asker(note, 10.0)
        report = json.loads(sender.communicate()[0])
        taken = time.perf_counter() - begun
        seen = {name: asker.stop() for name, asker in askers.items()}
        watcher.stop()
        noter.stop()
        note()
        assert report["accepted"] == rows, report
        after = process.memory_info().rss
        rig.http.delete("/v1/jobs/1").raise_for_status()
    seen["a pass, its commit included"] = sorted(passes.values())
    print(f"{rows:,} lines by `rcq ingest` in {taken:.1f} s ({rows / taken:,.0f} a second).")
    print(f"Load after: {os.getloadavg()[0]:.2f}.\n")
    print("| meanwhile | times | p50, ms | p99, ms | max, ms |\n|---|---|---|---|---|")
    for name, took in seen.items():
        print(f"| {name} | {len(took)} | {at(took, 0.5)} | {at(took, 0.99)} | {at(took, 1.0)} |")
    print(f"\nThe engine's loop was late by {max(lags) * 1e3:.0f} ms at most.\n")
    told(at_rest, after, sizes, rows)


def told(at_rest: int, after: int, sizes: list[tuple[float, float]], rows: int) -> None:
    """Memory, in a table."""
    engines, clients = [one for one, _ in sizes], [two for _, two in sizes if two]
    middle = clients[len(clients) // 4 :]
    print("| memory | MiB |\n|---|---|")
    print(f"| engine before | {at_rest / 2**20:.0f} |")
    print(f"| engine, most meanwhile | {max(engines) / 2**20:.0f} |")
    print(f"| engine after | {after / 2**20:.0f} ({(after - at_rest) / rows:.0f} bytes a job) |")
    flat = f"{min(middle) / 2**20:.1f}, {max(middle) / 2**20:.1f}"
    print(f"| `rcq ingest`, from a quarter of the way on: least, most | {flat} |")


def at(took: list[float], part: float) -> str:
    """That quantile, in milliseconds."""
    return f"{took[min(len(took) - 1, int(part * len(took)))] * 1e3:.1f}" if took else "-"


def _size_of(process: psutil.Process) -> float:
    """Bytes; 0 once it has ended."""
    try:
        return float(process.memory_info().rss)
    except psutil.Error:
        return 0.0


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["speed", "load"])
    parser.add_argument("--rows", type=int)
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    if asked.what == "speed":
        bench_speed(asked.rows or 100_000, asked.rounds)
    else:
        bench_load(asked.rows or 1_000_000)


if __name__ == "__main__":
    main()
