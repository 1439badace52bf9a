"""Whether the time of a refused log-in tells who there is: `python -m tests.bench.bench_logins [TRIES [ROUNDS]]`.

A real engine, at the shipped cost of a password hash unless another is given: at 4 rounds, the least, all else shows.
The kinds of log-in take turns, in an order that is mixed anew each time, so that what else the machine does meets all
alike. "later than a wrong password": of all pairs of one such try and a wrong password's, the part in which it took
longer; one half is no difference. Prints Markdown.
"""

import random
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from config.settings import AuthSettings
from tests.e2e.conftest import PASSWORD, Engine, Person

SETTINGS = """
[gpu]
provider = "none"
[auth]
peer = false
bcrypt_rounds = {rounds}
lockout_failures = 1000000
"""
KINDS = {
    "wrong password": ("ann", "guess"),
    "no such account": ("nobody", "guess"),
    "disabled account": ("bob", PASSWORD),
    "over 72 bytes": ("ann", "x" * 100),
}


def took_ms(person: Person, name: str, password: str) -> float:
    """Milliseconds of one refused log-in."""
    begun = time.perf_counter()
    answer = person.ask("POST", "/v1/login", json={"name": name, "password": password})
    assert answer.status_code == 401, answer.text
    return (time.perf_counter() - begun) * 1000


def measured(engine: Engine, tries: int) -> dict[str, list[float]]:
    """The times of each kind."""
    admin = engine.admin()
    for name in ("ann", "bob"):
        admin.post("/v1/accounts", {"name": name, "group": "lab", "password": PASSWORD})
    assert admin.ask("PATCH", "/v1/accounts/bob", json={"disabled": True}).status_code == 200
    stranger, found = Person(engine.socket), {kind: [] for kind in KINDS}  # type: ignore[var-annotated]
    for _ in range(tries):
        for kind in random.sample(list(KINDS), len(KINDS)):
            found[kind].append(took_ms(stranger, *KINDS[kind]))
    return found


def later(these: list[float], than: list[float]) -> float:
    """The part of all pairs in which one of `these` took longer."""
    return statistics.mean((one > other) + (one == other) / 2 for one in these for other in than)


def main() -> None:
    """Print the table."""
    tries = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else AuthSettings().bcrypt_rounds
    with TemporaryDirectory() as root:
        engine = Engine(Path(root), SETTINGS.format(rounds=rounds)).start()
        try:
            found = measured(engine, tries)
        finally:
            engine.clean_up()
    print("| refused log-in | median, ms | middle half, ms | later than a wrong password |\n|---|---|---|---|")
    for kind, times in found.items():
        first, median, third = statistics.quantiles(times, n=4)
        part = f"{later(times, found['wrong password']):.0%}" if kind != "wrong password" else "-"
        print(f"| {kind} | {median:.1f} | {first:.1f}–{third:.1f} | {part} |")


if __name__ == "__main__":
    main()
