"""`rcq __ids [WHAT]`: ids and names for the completion of shells; not for people, so `--help` does not have it.

Whoever presses Tab starts no engine, waits for none, and is told nothing of what fails. Names are other people's: one
that is not plain to the eye is left out, as what was shown would not be what is meant. Shells quote the others.
"""

from collections.abc import Callable, Iterator
from typing import Any

from config.homes import PathsError
from engine.protocol.errors import EXIT_DONE, EXIT_FAILED, RcqError
from engine.protocol.listings import STATES
from rcq_tui.cli.failures import UsageError
from rcq_tui.client.token import read
from rcq_tui.client.where import find_socket
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.text import clean

MOST = 100
_PATIENCE_S = 2.0
_ENDED = ",".join(STATES[STATES.index("running") + 1 :])
QUERIES: dict[str, list[dict[str, Any]]] = {
    "job": [{"mine": 1, "limit": MOST}, {"mine": 1, "limit": MOST, "state": _ENDED}]
}
"""Of jobs those that run come first, so that no long sweep that waits hides them; then the last that ended."""
Row = dict[str, Any]
Words = Iterator[tuple[object, object]]
"""What can be typed, and what it is."""


def run(argv: list[str]) -> int:
    """A line for each: what can be typed, Tab, what it is."""
    what = argv[0] if argv else "job"
    if what not in KINDS:
        raise UsageError(f"there is no {what!r} to complete; there are: {', '.join(KINDS)}")
    path, words = KINDS[what]
    try:
        wire = Wire(find_socket(start=False), read(), _PATIENCE_S)
        rows = [row for query in QUERIES.get(what, [{}]) for row in wire.request("GET", path, query)["items"]]
    except (RcqError, PathsError):
        return EXIT_FAILED
    for row in rows:
        for word, told in words(row):
            if str(word).strip() and clean(word) == str(word):
                print(f"{word}\t{clean(told)}")
    return EXIT_DONE


def _job(row: Row) -> Words:
    yield row["id"], f"{row['state']} {row.get('name') or ''}".strip()


def _card(card: Row) -> Words:
    yield card["index"], card["model"]
    yield card["uuid"], f"{card['index']}: {card['model']}"


def _reservation(slot: Row) -> Words:
    if slot["mine"]:
        yield slot["id"], f"GPU {','.join(map(str, slot['gpu_indices']))}"


def _account(one: Row) -> Words:
    yield one["name"], f"{one['role']} in {one['group']}"


def _token(one: Row) -> Words:
    yield one["id"], f"{one['kind']} {one['name'] or ''}".strip()


def _named(what: str) -> Callable[[Row], Words]:
    def words(one: Row) -> Words:
        yield one["name"], what

    return words


KINDS: dict[str, tuple[str, Callable[[Row], Words]]] = {
    "job": ("/v1/jobs", _job),
    "group": ("/v1/groups", _named("group")),
    "service": ("/v1/services", _named("service")),
    "account": ("/v1/accounts", _account),
    "gpu": ("/v1/gpus", _card),
    "reservation": ("/v1/reservations", _reservation),
    "token": ("/v1/tokens", _token),
}
"""Where the engine tells of each, and what can be typed of it. packaging/pages has the same words."""
