"""Many clients beside one that holds half-open connections: `python tests/bench/bench_load.py [--seconds 60]`.

A real engine in a process of its own on simulated cards. 50 clients, a third each submitting (each job_id once),
listing and following the event stream, over connections of the command line's own `Wire`; beside them, in every second
run, a process that keeps 1,000 connections open with half a head on each and opens those anew that are closed. All are
the same Unix user. Afterwards every job that was acknowledged has to be in the database, each job_id once. Prints
Markdown.
"""

import argparse
import multiprocessing
import resource
import select
import socket
import sqlite3
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

sys.path.insert(0, str(Path(__file__).parent))

from bench_engine import Rig, engine

from engine.protocol.errors import RcqError, Refused
from rcq_tui.client.wire import Wire

HALF_A_HEAD = b"GET /v1/stats HTTP/1.1\r\nhost: rcq\r\nx-slow: "
T = TypeVar("T")
EVERY_S = 0.1
"""Between two requests of one client: somebody who watches and submits by a script."""


@dataclass(slots=True)
class Seen:
    """What the clients of one process saw: seconds of each operation, acknowledged ids, what went wrong."""

    took: dict[str, list[float]] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    events: int = 0
    errors: Counter[str] = field(default_factory=Counter)


def main() -> None:
    """Runs in pairs, without and with the half-open connections; a row for each operation of each."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--clients", type=int, default=50)
    options.add_argument("--half-open", type=int, default=1000)
    options.add_argument("--pairs", type=int, default=2)
    chosen = options.parse_args()
    heads = ("run", "half-open", "operation", "done", "p50, ms", "p99, ms", "max, ms", "refused")
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for pair in range(chosen.pairs):
        for half_open in (0, chosen.half_open):
            with engine(cores=8) as rig:
                seen, reopened = load(rig, chosen.clients, half_open, chosen.seconds)
                lost, twice = missing(rig.root / "state" / "rcq.db", seen)
            name = f"{pair + 1}{'B' if half_open else 'A'}"
            for row in rows(seen):
                print(f"| {name} | {half_open} | {row} |")
            told = f"{len(seen.acknowledged):,} acknowledged, **{lost} lost**, {twice} twice; {seen.events:,} events"
            told += f"; {reopened:,} half-open ones opened; errors: {dict(seen.errors) or 'none'}"
            print(f"| {name} | {half_open} | {told} | | | | | |", flush=True)


def load(rig: Rig, clients: int, half_open: int, seconds: float) -> tuple[Seen, int]:
    """The load on an engine of the benchmarks."""
    token = rig.http.headers["Authorization"].removeprefix("Bearer ")
    return load_on(str(rig.socket), token, clients, half_open, seconds)


def load_on(path: str, token: str, clients: int, half_open: int, seconds: float) -> tuple[Seen, int]:
    """Clients (and the one who holds connections) for so long; what they saw, and how many were opened half."""
    with holding(path, half_open) as opened:
        until = time.monotonic() + seconds
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            parts = [pool.apply_async(crowd, (path, token, of, clients // 2, seconds)) for of in ("p", "q")]
            seen = merged([part.get(seconds + 120) for part in parts])
        assert time.monotonic() >= until
        return seen, opened()


def crowd(path: str, token: str, of: str, clients: int, seconds: float) -> Seen:
    """Clients of one process, a thread each, in three kinds."""
    end = time.monotonic() + seconds
    seen = [Seen() for _ in range(clients)]
    kinds = (submitting, listing, following)
    threads = [
        threading.Thread(target=kinds[at % 3], args=(Wire(path, token), f"{of}{at}", end, seen[at]))
        for at in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return merged(seen)


def submitting(wire: Wire, name: str, end: float, seen: Seen) -> None:
    """One job after another, each under a job_id of its own; none of them ever starts."""
    number = 0
    while time.monotonic() < end:
        key = f"{name}-{number}"
        job = {"job_id": key, "command": ["true"], "begin": 4e9}
        answer = timed("submit", seen, lambda: wire.request("POST", "/v1/jobs", body=job))  # noqa: B023
        if answer is not None:
            seen.acknowledged[key] = int(answer["id"])
        number += 1
        threading.Event().wait(EVERY_S)


def listing(wire: Wire, name: str, end: float, seen: Seen) -> None:
    """The first page of the queue, again and again."""
    while time.monotonic() < end:
        timed("list", seen, lambda: wire.request("GET", "/v1/jobs", {"limit": 50}))
        threading.Event().wait(EVERY_S)


def following(wire: Wire, name: str, end: float, seen: Seen) -> None:
    """The event stream; the time until its first event, then whatever comes."""
    while time.monotonic() < end:
        stream = wire.events("/v1/events", {"after": 0})
        if timed("follow", seen, lambda: next(stream, None)) is None:  # noqa: B023
            continue
        try:
            for _ in stream:
                seen.events += 1
                if time.monotonic() >= end:
                    return
        except RcqError as error:
            seen.errors[f"stream: {error}"[:60]] += 1


def timed(operation: str, seen: Seen, do: Callable[[], T]) -> T | None:
    """What it gives, its time noted; `None` where it was refused or broke."""
    began = time.monotonic()
    try:
        answer = _told_once_to_come_again(do)
    except RcqError as error:
        seen.errors[f"{operation}: {error}"[:60]] += 1
        return None
    seen.took.setdefault(operation, []).append(time.monotonic() - began)
    return answer


def _told_once_to_come_again(do: Callable[[], T]) -> T:
    """What it gives, after the pause that a refusal named, as honest clients do; the second refusal is raised."""
    try:
        return do()
    except Refused as refused:
        if refused.retry_after_s is None:
            raise
        threading.Event().wait(refused.retry_after_s)
    return do()


def merged(parts: list[Seen]) -> Seen:
    """All of them as one."""
    whole = Seen()
    for part in parts:
        for operation, took in part.took.items():
            whole.took.setdefault(operation, []).extend(took)
        whole.acknowledged |= part.acknowledged
        whole.events += part.events
        whole.errors += part.errors
    return whole


@contextmanager
def holding(path: str, count: int) -> Iterator[Callable[[], int]]:
    """A process that keeps `count` connections half open; gives a call that tells how many it opened."""
    context = multiprocessing.get_context("spawn")
    stop, opened = context.Event(), context.Value("q", 0)
    holder = context.Process(target=hold, args=(path, count, stop, opened))
    if count:
        holder.start()
        while opened.value < count:
            threading.Event().wait(0.01)
    try:
        yield lambda: int(opened.value)
    finally:
        stop.set()
        if count:
            holder.join(30)


def hold(path: str, count: int, stop: Any, opened: Any) -> None:
    """Half a head on each connection, never the rest; one that is closed is opened anew at once.

    stop, opened: an event and a counter that the processes share.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
    held: dict[int, socket.socket] = {}
    poll = select.poll()
    while not stop.is_set():
        while len(held) < count and not stop.is_set():
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(path)
            try:
                connection.send(HALF_A_HEAD)
            except OSError:  # it was closed for another of them
                connection.close()
                opened.value += 1
                continue
            held[connection.fileno()] = connection
            poll.register(connection.fileno(), select.POLLIN)
            opened.value += 1
        for number, _ in poll.poll(50):
            poll.unregister(number)
            held.pop(number).close()
    for connection in held.values():
        connection.close()


def missing(file: Path, seen: Seen) -> tuple[int, int]:
    """Acknowledged jobs that the database does not have as acknowledged; job_ids that it has twice."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        keyed = database.execute("SELECT job_id, id FROM jobs WHERE job_id IS NOT NULL")
        found = [(str(key), int(number)) for key, number in keyed]
    known = dict(found)
    lost = sum(known.get(key) != number for key, number in seen.acknowledged.items())
    return lost, len(found) - len(known)


def rows(seen: Seen) -> Iterator[str]:
    """A table's cells for each operation."""
    for operation, took in sorted(seen.took.items()):
        cuts = [1000 * cut for cut in statistics.quantiles(took, n=100, method="inclusive")]
        refused = sum(count for what, count in seen.errors.items() if what.startswith(operation))
        yield f"{operation} | {len(took):,} | {cuts[49]:.1f} | {cuts[98]:.1f} | {1000 * max(took):.0f} | {refused}"


if __name__ == "__main__":
    main()
