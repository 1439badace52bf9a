"""No flicker: while the box works and nobody touches a key, nothing is cleared, and only what changed is drawn."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.screen.terminals import PATIENCE_S, Bare, environment

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
WATCHED_S = 8.0
"""Long enough for every gauge to move a few times."""
_CLEARED = re.compile(rb"\x1b\[[0-3]?J|\x1bc|\x1b\[\?(?:1049|47|1047)[hl]")
"""Erased up to, from or on the whole screen, reset, or another screen in its place."""
_ROW = re.compile(rb"\x1b\[(\d+);\d+H")


@pytest.fixture
def terminal(engine: Any, admin: Any, tmp_path: Path) -> Iterator[Bare]:
    token = admin.http.headers["Authorization"].removeprefix("Bearer ")
    bare = Bare(environment(engine.socket, tmp_path, RCQ_TOKEN=token))
    yield bare
    bare.close()


def rows(drawn: bytes) -> set[int]:
    """Lines of the screen on which something was written."""
    return {int(row) for row in _ROW.findall(drawn)}


def sweep(drawn: bytes) -> int:
    """The most lines that were drawn one below the other without a gap, as a picture of the whole screen is."""
    longest = length = before = 0
    for row in map(int, _ROW.findall(drawn)):
        if row != before:
            length = length + 1 if row == before + 1 else 1
        longest, before = max(longest, length), row
    return longest


def frames(terminal: Bare, enough: Callable[[list[bytes], float], bool]) -> list[bytes]:
    """What is drawn in one go, one after the other, until it is enough: asked with what came, and seconds so far."""
    seen: list[bytes] = []
    began = time.monotonic()
    while not enough(seen, passed_s := time.monotonic() - began):
        assert passed_s < PATIENCE_S, f"lines drawn in one go: {[sweep(frame) for frame in seen]}"
        if drawn := terminal.reads(0.5):
            seen.append(drawn)
    return seen


def settle(terminal: Bare) -> None:
    """Wait until the first pictures are complete: from then on a few frames draw on few lines each."""
    few = terminal.lines // 2
    frames(terminal, lambda seen, _: len(seen) >= 4 and all(sweep(frame) <= few for frame in seen[-4:]))


def test_at_rest_nothing_is_cleared_and_only_what_changed_is_drawn(terminal: Bare, admin: Any) -> None:
    for _ in range(2):
        admin.submit("sleep", "600", gpus=1, name="keeps-a-card-warm")
    terminal.sees("keeps-a-card")
    assert _CLEARED.search(terminal.wrote), "at its start it does take the screen: the pattern finds that"
    assert sweep(terminal.wrote) > terminal.lines // 2, "and draws all of it"
    settle(terminal)
    terminal.wrote = b""
    drawn = frames(terminal, lambda seen, passed_s: passed_s > WATCHED_S and len(seen) > 3)
    assert not _CLEARED.search(terminal.wrote)
    assert max(sweep(frame) for frame in drawn) < terminal.lines * 3 // 4, "not even a table is as high as this"

    before = len(terminal.wrote)
    admin.submit("sleep", "600", gpus=1, name="comes-later")
    terminal.sees("comes-later")
    assert not _CLEARED.search(terminal.wrote[before:]), "nor when the queue changes"


def test_after_a_resize_it_draws_within_the_new_bounds(terminal: Bare, admin: Any) -> None:
    admin.submit("sleep", "600", gpus=1, name="keeps-a-card-warm")
    terminal.sees("keeps-a-card")
    for columns, lines in ((60, 18), (200, 50), (80, 24)):
        terminal.wrote = b""
        terminal.resize(columns, lines)
        terminal.sees("keeps-a-c")
        settle(terminal)
        terminal.wrote = b""
        frames(terminal, lambda seen, _: len(seen) >= 4)
        assert 0 < max(rows(terminal.wrote)) <= lines
