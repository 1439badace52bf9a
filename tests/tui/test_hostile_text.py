"""Every screen over an engine whose every text is hostile: it shows literally, and obeys nobody."""

import dataclasses
import sys
from pathlib import Path
from typing import Any, get_type_hints

import pytest

sys.path.append(str(Path(__file__).parents[1]))

from hostile_text import POISON, harms, poisoned

from engine.protocol.cards import GpuUser, GpuView
from engine.protocol.errors import Refused
from engine.protocol.people import Me
from engine.protocol.responses import JobDetail, LogChunk, Stats, Why
from rcq_tui.client.decode import decode
from rcq_tui.tui.screens.login import LoginScreen
from rcq_tui.tui.screens.submit import SubmitScreen
from rcq_tui.viewmodel.logwindow import LINE_MOST, LogWindow

LITERAL = "[bold red]m[/bold"
"""How the poison begins where it is shown as it is."""
SIZES = [(80, 24), (160, 50)]


def hostile(kind: Any, **sane: Any) -> Any:
    """A value of the protocol in which every text is hostile but those that are given."""
    return dataclasses.replace(decode(kind, poisoned(kind)), **sane)


def harmless(app: Any) -> None:
    """Nothing on the screen has power, and no style of it leads anywhere."""
    strips = app.screen._compositor.render_strips()
    assert harms("".join(strip.text for strip in strips)) == []
    styles = [segment.style for strip in strips for segment in strip if segment.style is not None]
    assert styles
    assert not [style for style in styles if style.link]
    actions = [style.meta for style in styles if "@click" in (style.meta or {})]
    assert not [meta for meta in actions if "quit" in str(meta["@click"])]


def poisoned_box(box: Any, me: Me | None = None) -> Any:
    """The busy box with hostile texts in place of all that it says."""
    fake = box.busy(me)
    user = GpuUser(id=141, account=POISON, group=POISON, name=POISON, memory_mb=1)
    fake.cards = [
        hostile(GpuView, index=at, state=state, jobs=[user] * at, links=[], slot=None)
        for at, state in enumerate((POISON, "ok", "quarantined", "hot"))
    ]
    texts = {name: POISON for name, kind in get_type_hints(JobDetail).items() if kind in (str, str | None)}
    more = {"reasons": [{"code": POISON, POISON: POISON}], "notices": [{"code": POISON, POISON: POISON}],
            "tags": {POISON: POISON}, "environment": {POISON: POISON}, "after": [], "gpu_uuids": [POISON]}  # fmt: skip
    fake.rows = {
        number: dataclasses.replace(row, **texts | more | {"state": row.state}) for number, row in fake.rows.items()
    }
    fake.figures = hostile(Stats)
    fake.whys = {number: hostile(Why, id=number, helps=[]) for number in fake.rows}
    for stream in ("stdout", "stderr"):
        for number in fake.rows:
            fake.logs[number, stream] = b"\xff\x9b31m\xed\xa0\x80" + POISON.encode(errors="replace") + b"\nhalf \x1b["
    return fake


ADA = Me(account=POISON, group=POISON, role=POISON, via="token")


@pytest.mark.parametrize("size", SIZES)
async def test_dashboard_job_and_questions(box, until, text, size):
    fake = poisoned_box(box, ADA)
    app = box.app(fake)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: LITERAL[:10] in text(app))
        harmless(app)
        await pilot.press("enter")
        await until(pilot, lambda: "half" in text(app) and LITERAL[:10] in text(app))
        harmless(app)
        await pilot.press("o")
        await until(pilot, lambda: "[stderr]" in text(app) and "half" in text(app))
        harmless(app)
        await pilot.press("c")
        await until(pilot, lambda: "Cancel job" in text(app))
        harmless(app)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: "Cancel job" not in text(app))
        harmless(app)


async def test_a_job_that_waits_and_why(box, until, text):
    fake = poisoned_box(box, ADA)
    app = box.app(fake)
    async with app.run_test(size=(160, 50), notifications=True) as pilot:
        await until(pilot, lambda: LITERAL in text(app))
        await pilot.press(*["j"] * 5, "enter")
        await until(pilot, lambda: "Why it waits" in text(app))
        harmless(app)
        assert LITERAL in text(app)


async def test_toasts_and_a_lost_link(box, until, text):
    fake = poisoned_box(box, ADA)
    app = box.app(fake)
    async with app.run_test(size=(160, 50), notifications=True) as pilot:
        await until(pilot, lambda: fake.listeners == 1)
        fake.emit("notice", {"code": POISON, "job": POISON, "at": 1.0, "a": POISON})
        await until(pilot, lambda: f"Job {LITERAL}" in text(app))
        harmless(app)
        app.complain(Refused(POISON, "refused " + POISON, [{"field": POISON, "message": POISON}]))
        await until(pilot, lambda: f"refused {LITERAL}" in text(app))
        harmless(app)
        app.lost = "lost " + POISON
        await until(pilot, lambda: f"lost {LITERAL}" in text(app))
        harmless(app)


async def test_log_in_and_form_tell_what_was_refused_literally(box, until, text):
    fake = poisoned_box(box, None)
    app = box.app(fake)
    async with app.run_test(size=(160, 50), notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LoginScreen))
        fake.expect("login", "[b]x", "y", answer=Refused("UNAUTHENTICATED", POISON))
        await pilot.press(*"[b]x", "enter", "y", "enter")
        await until(pilot, lambda: LITERAL in text(app))
        harmless(app)


async def test_the_form_tells_what_was_refused_literally(box, until, text):
    fake = poisoned_box(box, ADA)
    app = box.app(fake)
    async with app.run_test(size=(160, 50), notifications=True) as pilot:
        await until(pilot, lambda: LITERAL in text(app))
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, SubmitScreen))
        app.screen._refused(Refused("VALIDATION_ERROR", "whole " + POISON, [
            {"field": "command", "message": POISON}, {"field": "name", "message": POISON},
        ]))  # fmt: skip
        await until(pilot, lambda: "whole" in text(app) or LITERAL[:10] in text(app))
        harmless(app)


def chunk(text: str, offset: int, size: int) -> LogChunk:
    return LogChunk(text=text, offset=offset, next_offset=offset + len(text), size=size, complete=False)


def test_a_megabyte_without_a_line_feed_stays_small() -> None:
    window, piece, size = LogWindow(0), "x" * 65_536, 16 * 65_536
    for at in range(16):
        assert window.take(chunk(piece, at * 65_536, size)).after == ()
        assert len(window.unfinished) < LINE_MOST + 40
    [line] = window.take(chunk("y" * 65_536 + "\n", size, size + 65_537)).after
    assert len(line) < LINE_MOST + 40
    assert line.endswith(f"… ({16 * 1024 + 65_536 - LINE_MOST} more characters)")
    assert window.unfinished == ""


async def test_a_log_of_huge_lines_leaves_the_keys_alive(box, until, text):
    fake = box.busy()
    fake.logs[141, "stdout"] = (b"\x1b[31m" + "数".encode() * 400_000 + b"\n") * 3 + b"z" * 1_000_000
    app = box.app(fake)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await until(pilot, lambda: "eval" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "zzzz" in text(app))
        for at in range(40):
            fake.logs[141, "stdout"] += b"w%d" % at + b"w" * 100_000
        await pilot.press("escape")
        await until(pilot, lambda: "eval" in text(app) and "[stdout]" not in text(app))
