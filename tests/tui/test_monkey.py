"""Random keys, clicks, resizes and news over the whole UI: it stays up, in its bounds, and destroys nothing unasked."""

import os
import random
import string
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from textual.events import Event, Key, MouseDown, MouseUp
from textual.pilot import Pilot

from engine.protocol.errors import Refused
from engine.protocol.people import Session
from rcq_tui.client.fake import FakeApi
from rcq_tui.tui.app import RcqApp
from rcq_tui.tui.commands import COMMANDS
from rcq_tui.tui.messages import LoggedIn
from rcq_tui.tui.screens.confirm import ConfirmScreen
from rcq_tui.tui.screens.help import HelpScreen
from rcq_tui.tui.screens.login import LoginScreen
from rcq_tui.viewmodel.states import FINISHED

KEYS, SEED = 10_000, 20_260_301
BURST = 10
QUIT = {"q", "ctrl+q", "ctrl+c"}
LEAVES = QUIT | {"the foot", "colon", "ctrl+p"}
"""Keys to leave by; the foot has that one, too, and both lines have its name."""
DESTROYS = {"cancel", "requeue", "unreserve", "remove_group", "revoke_token", "change_array"}
"""Calls after which something is gone; `change_array` by its step, `requeue` of what has not ended."""
SIZES = ((80, 24), (220, 60), (40, 12), (100, 30), (133, 20), (20, 5))
NAMED = sorted({key for command in COMMANDS.values() for key in command.keys} - QUIT - {"L"})
PLAIN = [
    *string.ascii_letters.replace("q", "").replace("L", ""),
    *string.digits,
    "space",
    "slash",
    "minus",
    "full_stop",
]
LETTERS = {"space": " ", "slash": "/", "minus": "-", "full_stop": ".", "question_mark": "?", "colon": ":"}
MOVES = ["enter", "tab", "shift+tab", "escape", "up", "down", "left", "right", "backspace", "pageup", "home", "end"]


class Reluctant(FakeApi):
    """Answers everything that is asked, refuses every change, and keeps what was to be destroyed without a question."""

    yes = 0
    """Questions answered with yes that no deed has followed yet."""
    unasked: list[tuple[Any, ...]]
    changes: set[str]

    def _scripted(self, *call: Any) -> Any:
        self._note(*call)
        self.changes.add(call[0])
        ended = call[0] == "requeue" and self.rows[call[1]].state in FINISHED
        harmless = ended or "hold" in call or "release" in call
        if call[0] in DESTROYS and not harmless and not self.yes:
            self.unasked.append(call)
        raise Refused("FORBIDDEN", "Not today.")


def reluctant(box: Any) -> Reluctant:
    fake = box.busy()
    fake.__class__ = Reluctant
    fake.unasked, fake.changes = [], set()
    return fake


class Monkey:
    """Presses. log: the last keys, to tell how it came about."""

    def __init__(self, app: RcqApp, fake: Reluctant, pilot: Pilot[int], dice: random.Random) -> None:
        self.app, self.fake, self.pilot, self.dice = app, fake, pilot, dice
        self.log: deque[str] = deque(maxlen=60)

    async def plays(self, keys: int) -> int:
        """Until so many keys are pressed, or it has left by a key that is meant to: how many keys that were."""
        pressed = 0
        while pressed < keys and self.app.return_code is None:
            pressed += await self._burst()
            await self._looks()
            await self._goes_on()
        await self.pilot.pause()
        if self.app.return_code is not None:
            assert self.app.return_code == 0
            assert LEAVES & set(self.log), f"left by {list(self.log)}"
        return pressed

    async def _burst(self) -> int:
        kind = self.dice.random()
        if kind < 0.03:
            await self.pilot.resize_terminal(*self.dice.choice(SIZES))
        elif kind < 0.08:
            self._news()
        elif kind < 0.18:
            width, height = self.app.size
            self._clicks(self.dice.randrange(width), self.dice.randrange(height))
            await self.pilot._wait_for_screen()
            return 1
        keys = [self._key() for _ in range(BURST)]
        self.log.extend(keys)
        for key in keys:
            self._presses(key)
        await self.pilot._wait_for_screen()  # as fast as it follows; a pilot's own presses wait for idle each time
        return len(keys)

    def _clicks(self, x: int, y: int) -> None:
        self.log.append("the foot" if y == self.app.size.height - 1 else f"click {x},{y}")
        for kind in (MouseDown, MouseUp):
            self._sends(kind(None, x, y, 0, 0, 1, False, False, False, x, y))

    def _presses(self, key: str) -> None:
        letter = LETTERS.get(key, key)
        self._sends(Key(key, letter if len(letter) == 1 else None))

    def _sends(self, event: Event) -> None:
        driver = self.app._driver
        assert driver is not None
        event.set_sender(self.app)
        driver.send_message(event)

    def _key(self) -> str:
        if self.dice.random() < 0.002:
            return self.dice.choice([*sorted(QUIT), "L"])
        return self.dice.choice(self.dice.choices((NAMED, MOVES, PLAIN), (5, 4, 2))[0])

    def _news(self) -> None:
        """The box goes on meanwhile; now and then it is not to be reached."""
        match self.dice.randrange(4):
            case 0:
                self.fake.change(self.dice.choice(list(self.fake.rows)), priority=self.dice.randrange(1, 11))
            case 1:
                self.fake.emit("gpus", {"items": []} if self.dice.random() < 0.1 else {})
            case 2:
                self.fake.cut_off()
            case _:
                self.fake.mend()

    async def _looks(self) -> None:
        if self.app._exception is not None:
            raise self.app._exception
        assert len(self.app.screen_stack) > 1 or self.app.return_code is not None, f"nothing is left: {self.log}"
        assert not self.fake.unasked, f"{self.fake.unasked} after {list(self.log)}"
        for _ in range(20):  # a new size takes a moment
            if self._fits():
                return
            await self.pilot.pause(0.05)
        assert self.app.return_code is not None, f"{self.app.screen} is larger than {self.app.size}: {self.log}"

    def _fits(self) -> bool:
        width, height = self.app.size
        strips = self.app.screen._compositor.render_strips()
        return len(strips) <= height and max((strip.cell_length for strip in strips), default=0) <= width

    async def _goes_on(self) -> None:
        """Back in after a log-out, and back on the way out of a question for nobody."""
        if isinstance(self.app.screen, LoginScreen) and self.dice.random() < 0.5:
            self.fake.mend()
            session = Session(
                token="t", account="ada", group="vision", role="user", expires_at=2e9, must_change_password=False
            )
            self.app.post_message(LoggedIn(session))
            await self.pilot.pause()


async def is_responsive(app: RcqApp, fake: Reluctant, pilot: Pilot[int], until: Any) -> None:
    """Esc leads out of everything, and a key still does what it says."""
    fake.mend()
    await pilot.resize_terminal(100, 30)
    if isinstance(app.screen, LoginScreen):
        return
    for _ in range(20):
        await pilot.press("escape")
    await pilot.press("1")
    await pilot.press("question_mark")
    await until(pilot, lambda: isinstance(app.screen, HelpScreen) or app._exception is not None)
    if app._exception is not None:
        raise app._exception


@pytest.mark.slow
@pytest.mark.timeout(280)
async def test_ten_thousand_keys(box: Any, until: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("EDITOR", "true")
    dice = random.Random(int(os.environ.get("RCQ_TEST_SEED", SEED)))
    left, starts, fake = int(os.environ.get("RCQ_TEST_KEYS", KEYS)), 0, reluctant(box)
    dismiss = ConfirmScreen.dismiss

    def answered(screen: ConfirmScreen, result: bool | None = None) -> Any:
        fake.yes += bool(result)
        return dismiss(screen, result)

    monkeypatch.setattr(ConfirmScreen, "dismiss", answered)
    while left > 0:
        app = box.app(fake)
        starts += 1
        async with app.run_test(size=(100, 30)) as pilot:
            monkey = Monkey(app, fake, pilot, dice)
            try:
                left -= await monkey.plays(left)
            except Exception as error:
                raise AssertionError(f"after {list(monkey.log)}") from error
            finally:
                print(f"{left} keys left; {[type(one).__name__ for one in app.screen_stack]}; last: {list(monkey.log)}")
            if app.return_code is None:
                await is_responsive(app, fake, pilot, until)
    assert starts > 1, "it never left, not even by the keys for that"
    assert not any(os.scandir(tmp_path)), "nothing is written where it was started"
