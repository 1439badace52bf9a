"""What the terminal UI costs: first paint, bytes over the wire, key to paint, memory.

`python -m tests.bench.bench_screen [first] [wire] [keys] [memory] [--jobs N] [--waiting]`, prints Markdown; without a
word, all of it. A real engine with 8 simulated GPUs read once a second, and `rcq` in a real pty.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from tests.bench.bench_paging import ARRAY, fill
from tests.bench.terminal import Terminal
from tests.e2e.conftest import Engine, Person

SETTINGS = """
[engine]
sample_interval_s = {sample_s}
[scheduling]
cpu_cores = 8
memory_mb = 8000
[gpu]
provider = "simulated"
[[gpu.simulated]]
count = 8
[auth]
bcrypt_rounds = 4
peer = false
"""
SIZES = ((80, 24), (220, 60))
CARD = "A6000"
WAITING = "sweep-1"
"""In the queue: what keys are for has come."""
KEYS: dict[str, Sequence[str]] = {
    "j, k": ["j", "j", "j", "k", "j", "j", "k", "k"] * 5,
    "PgDn, PgUp": ["\x1b[6~", "\x1b[6~", "\x1b[6~", "\x1b[5~"] * 8,
    "letters of the filter": [*"sweep-1", *["\x7f"] * 6] * 2,
    "pages": [],
}


@contextmanager
def engine_of(root: Path, sample_s: float = 1.0) -> Iterator[tuple[Engine, Person]]:
    """A busy one: six jobs run on the eight cards, all others wait, those of `fill` for cores, too."""
    engine = Engine(root, SETTINGS.format(sample_s=sample_s))
    try:
        admin = engine.start().admin()
        admin.http.timeout = 300
        for gpus in (1, 1, 1, 1, 2, 2):
            admin.submit("sleep", "100000", gpus=gpus, name=f"train-{gpus}", tags={"sim_load": "0.8"})
        for number in range(30):
            admin.submit("sleep", "100000", gpus=1, name=f"sweep-{number}")
        yield engine, admin
    finally:
        engine.clean_up()


@contextmanager
def terminal(engine: Engine, admin: Person, size: tuple[int, int]) -> Iterator[Terminal]:
    """The UI on that engine, logged in, with nothing remembered."""
    with tempfile.TemporaryDirectory(prefix="rcq-bench-") as home:
        token = admin.http.headers["Authorization"].removeprefix("Bearer ")
        places = {"XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home, "HOME": home}
        screen = Terminal(*size, {"RCQ_SOCKET": str(engine.socket), "RCQ_TOKEN": token, **places})
        try:
            yield screen
        finally:
            screen.close()


def first_paint(engine: Engine, admin: Person, tries: int) -> None:
    """Seconds from the process's start until cards stand on the screen."""
    print("\n| size | first bytes, median s | cards on the screen, median s | worst s |\n|---|---|---|---|")
    for size in SIZES:
        any_s, cards_s = [], []
        for _ in range(tries):
            with terminal(engine, admin, size) as screen:
                cards_s.append(screen.shows(CARD) - screen.began)
                any_s.append(screen.bursts[0][0] - screen.began)
        print(f"| {named(size)} | {median(any_s):.2f} | {median(cards_s):.2f} | {max(cards_s):.2f} |", flush=True)


def wire(engine: Engine, admin: Person, seconds: float) -> None:
    """Bytes a second at rest, and while 20 jobs a second change."""
    print("\n| size | what happens | KiB/s | CPU of the UI, % of a core |\n|---|---|---|---|")
    for size in SIZES:
        with terminal(engine, admin, size) as screen:
            screen.shows(CARD)
            time.sleep(5)  # starting is over
            print(f"| {named(size)} | nothing but readings | {watched(screen, seconds)} |", flush=True)
            with load(engine, admin, 20.0):
                time.sleep(2)
                print(f"| {named(size)} | 20 job changes a second | {watched(screen, seconds / 2)} |", flush=True)


def watched(screen: Terminal, seconds: float) -> str:
    """KiB a second from now on, and the processor time that they cost."""
    screen.forget()
    before, began = screen.cpu_s(), time.monotonic()
    time.sleep(seconds)
    took_s = time.monotonic() - began
    return f"{screen.sent() / took_s / 1024:.2f} | {100 * (screen.cpu_s() - before) / took_s:.1f}"


@contextmanager
def load(engine: Engine, admin: Person, changes_s: float) -> Iterator[Callable[[], int]]:
    """Jobs are submitted and cancelled, so many changes a second; how many there were."""
    stop, done = threading.Event(), [0]
    person = Person(engine.socket, admin.http.headers["Authorization"].removeprefix("Bearer "))

    def run() -> None:
        due = time.monotonic()
        while not stop.is_set():
            number = person.submit("true", cpu_cores=8, name=f"churn-{done[0]}")
            person.ask("DELETE", f"/v1/jobs/{number}")
            done[0] += 2
            due += 2 / changes_s
            stop.wait(max(0.0, due - time.monotonic()))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield lambda: done[0]
    finally:
        stop.set()
        thread.join()


def keys(engine: Engine, admin: Person, jobs: int) -> None:
    """Milliseconds from a key to the first bytes that it makes, and to the last of them."""
    print(f"\n| size | {jobs:,} jobs: key | to paint: p50, ms | p95 | max | until settled: p50 | p95 | unanswered |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for size in SIZES:
        with terminal(engine, admin, size) as screen:
            screen.shows(WAITING)
            time.sleep(3)
            for name, typed in KEYS.items():
                one_kind(screen, f"{named(size)} | {name}", typed or pages())


def pages() -> list[str]:
    """The keys of all places, round and round, from the second on: the first is where one is."""
    from rcq_tui.tui.places import PLACES

    return [*map(str, range(2, len(PLACES) + 1)), "1"] * 4


def one_kind(screen: Terminal, name: str, typed: Sequence[str]) -> None:
    """Type each key in a quiet moment, and tell how it went."""
    first, last, unanswered = [], [], 0
    if name.endswith("filter"):
        screen.press("/")
    for key in typed:
        screen.moment()
        screen.forget()
        pressed = screen.press(key)
        painted = screen.answered(pressed, 0.6)
        if painted is None:
            unanswered += 1
            continue
        screen.quiet(0.1)
        first.append(1000 * (painted - pressed))
        last.append(1000 * (screen.bursts[-1][0] - pressed))
    if name.endswith("filter"):
        screen.press("\x1b")
    print(
        f"| {name} | {median(first):.0f} | {p95(first):.0f} | {max(first):.0f} | {median(last):.0f} | {p95(last):.0f} "
        f"| {unanswered} of {len(typed)} |",
        flush=True,
    )


def memory(root: Path, readings: int) -> None:
    """MiB after an hour's events, fed as fast as they come."""
    print("\n| size | at first, MiB | after | readings | job changes | most, MiB |\n|---|---|---|---|---|---|")
    with engine_of(root, sample_s=0.02) as (engine, admin):
        for size in SIZES:
            with terminal(engine, admin, size) as screen:
                screen.shows(CARD)
                time.sleep(3)
                at_first, most = screen.memory_mb(), 0.0
                with load(engine, admin, 50.0) as done:
                    until = time.monotonic() + readings * 0.025
                    while time.monotonic() < until:
                        time.sleep(1)
                        most = max(most, screen.memory_mb())
                    print(
                        f"| {named(size)} | {at_first:.0f} | {screen.memory_mb():.0f} | {readings:,} | {done():,} "
                        f"| {most:.0f} |",
                        flush=True,
                    )


def named(size: tuple[int, int]) -> str:
    """80x24"""
    return f"{size[0]}x{size[1]}"


def p95(values: Sequence[float]) -> float:
    """The value that 95 % do not exceed."""
    return quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", choices=["first", "wire", "keys", "memory", []])
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--waiting", action="store_true", help="the jobs wait; else they are over")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--tries", type=int, default=7)
    asked = parser.parse_args()
    what = asked.what or ["first", "wire", "keys", "memory"]
    with tempfile.TemporaryDirectory(prefix="rcq-bench-") as directory:
        root = Path(directory)
        if {"first", "wire", "keys"} & set(what):
            with engine_of(root) as (engine, admin):
                if "first" in what:
                    first_paint(engine, admin, asked.tries)
                if "wire" in what:
                    wire(engine, admin, asked.seconds)
                if "keys" in what:
                    arrays = fill(admin, asked.jobs)
                    if not asked.waiting:
                        for first in sorted(arrays)[::ARRAY]:
                            admin.ask("DELETE", f"/v1/jobs/{first}", params={"elements": "all"})
                    keys(engine, admin, asked.jobs)
        if "memory" in what:
            other = root / "fast"
            other.mkdir()
            memory(other, 3600)


if __name__ == "__main__":
    main()
