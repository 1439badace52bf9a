"""Random keys from a real terminal into the real UI on a real engine: no traceback, and in the end it still answers."""

import os
import random
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.screen.terminals import Bare, environment

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(280)]
KEYS, BURST, SEED = 2_000, 20, 7
SIZES = ((80, 24), (220, 60), (40, 12), (100, 30))
LETTERS = [
    one.encode() for one in string.ascii_letters.replace("q", "").replace("L", "") + string.digits + " /:?.,-<>[]*"
]
NAMED = [
    b"\r", b"\t", b"\x1b", b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D", b"\x1b[H", b"\x1b[F", b"\x1b[5~", b"\x1b[6~",
    b"\x1b[Z", b"\x7f", b"\x10", b"\x13", b"\x0f", b"\x06", b"\x02", b"\x0e", b"\x0c",
]  # fmt: skip
QUIT = [b"q", b"\x11"]
_ESC = b"\x1b[27u"
"""As terminals send it that tell it from the beginning of another key."""
_GIVES_BACK = b"\x1b[?1049l"
"""Written when it leaves, or makes room for an editor: the screen is what it was before."""
_TAKES = b"\x1b[?1049h"


@pytest.fixture
def place(engine: Any, admin: Any, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Somebody with jobs of every kind, at home in an empty folder."""
    ann = engine.someone(admin, "ann", "vision")
    for number in range(12):
        ann.submit("sleep", "600", gpus=number % 3 % 2, name=f"job-{number}")
    ann.script("for i in $(seq 200); do echo line $i; done")
    token = ann.http.headers["Authorization"].removeprefix("Bearer ")
    yield environment(engine.socket, tmp_path, RCQ_TOKEN=token, EDITOR="true")


def key(dice: random.Random) -> bytes:
    if dice.random() < 0.002:
        return dice.choice(QUIT)
    return dice.choice(dice.choice((LETTERS, NAMED)))


def click(dice: random.Random, terminal: Bare) -> bytes:
    at = f"{dice.randrange(terminal.columns) + 1};{dice.randrange(terminal.lines) + 1}"
    return f"\x1b[<0;{at}M\x1b[<0;{at}m".encode()


def left(terminal: Bare) -> bool:
    """Whether the screen is not its own any more."""
    return terminal.wrote.rfind(_GIVES_BACK) > terminal.wrote.rfind(_TAKES)


def play(terminal: Bare, dice: random.Random, keys: int) -> int:
    """Until so many keys are sent or it has left, by a key, a click on the foot or a command: how many were."""
    sent = 0
    terminal.sees("2 queue")  # the places, whichever was the last one
    while sent < keys and not left(terminal):
        if dice.random() < 0.05:
            terminal.resize(*dice.choice(SIZES))
        keys_now = b"".join(key(dice) for _ in range(BURST)) + (click(dice, terminal) if dice.random() < 0.3 else b"")
        terminal.sends(keys_now)
        sent += BURST
        while terminal.reads(0.02):
            pass
        assert "Traceback" not in terminal.text(), terminal.text()[-6000:]
    for _ in range(10):  # keys typed ahead are carried out
        terminal.reads(0.3)
    if left(terminal):
        assert terminal.ended() == 0, terminal.text()[-8000:]
    return sent


def test_random_keys_do_no_harm(place: dict[str, str], admin: Any) -> None:
    dice = random.Random(int(os.environ.get("RCQ_TEST_SEED", SEED)))
    keys = KEYS
    while keys > 0:
        terminal = Bare(place)
        try:
            keys -= play(terminal, dice, keys)
            if not left(terminal):
                terminal.resize(100, 30)
                terminal.wrote = b""
                for one in [_ESC] * 20 + [b"1", b"?"]:
                    terminal.sends(one)
                    terminal.reads(0.2)
                terminal.sees("one line down")
        finally:
            terminal.close()
    assert admin.get("/healthz")["status"] == "ok"
