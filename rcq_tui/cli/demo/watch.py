"""Watches the demo's jobs until all have ended, and remembers what held each one back.

Must not know what is expected of them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.protocol.listings import STATES
from rcq_tui.cli.pages import fetch
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.words import leading

LIVE = "held,pending,scheduled,running"
DEADLINE_S = 900.0
_POLL_S = 0.2
_TELL_EVERY_S = 5.0


@dataclass(slots=True, kw_only=True)
class Watched:
    """What was seen. hottest: degrees by card's index. complete: whether all jobs ended in time.

    held_by: job → the codes of what held it back in the first place at one time or another, first seen first. Of
    several reasons at once only the leading one counts: nearly every waiting job has a hot or busy card among its.
    """

    held_by: dict[int, list[str]] = field(default_factory=dict)
    hottest: dict[int, float] = field(default_factory=dict)
    cards: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    complete: bool = False


def watch(wire: Wire, say: Callable[[str], None], deadline_s: float = DEADLINE_S) -> Watched:
    """Look again and again until no job is left that has not ended, or the time is up."""
    watched = Watched()
    began = time.monotonic()
    told = began - _TELL_EVERY_S
    while True:
        live = fetch(wire, "/v1/jobs", {"state": LIVE}, 1000)["items"]
        _note_reasons(watched, live)
        _note_cards(watched, wire.request("GET", "/v1/gpus")["items"])
        now = time.monotonic()
        watched.seconds, watched.complete = now - began, not live
        if watched.complete or watched.seconds > deadline_s:
            break
        if now - told >= _TELL_EVERY_S:
            told = now
            say(_counts(live))
        time.sleep(_POLL_S)
    rows = fetch(wire, "/v1/jobs", {"state": ",".join(STATES)}, 1000)["items"]
    watched.jobs = [
        wire.request("GET", f"/v1/jobs/{row['id']}") for row in sorted(rows, key=lambda row: int(row["id"]))
    ]
    return watched


def _note_reasons(watched: Watched, live: list[dict[str, Any]]) -> None:
    for row in live:
        reason = leading(row["reasons"])
        codes = watched.held_by.setdefault(row["id"], [])
        if reason is not None and reason["code"] not in codes:
            codes.append(reason["code"])


def _note_cards(watched: Watched, cards: list[dict[str, Any]]) -> None:
    watched.cards = cards
    for card in cards:
        if card["temperature_c"] is not None:
            known = watched.hottest.get(card["index"], card["temperature_c"])
            watched.hottest[card["index"]] = max(known, card["temperature_c"])


def _counts(live: list[dict[str, Any]]) -> str:
    states = [row["state"] for row in live]
    waiting = sum(state in {"held", "pending"} for state in states)
    return f"{len(states) - waiting} jobs run, {waiting} wait"
