"""Cards on the screen: how many fit, what a click and `:gpu` open, what admins may do, drawing without Unicode."""

from dataclasses import asdict, replace

import pytest
from textual.theme import BUILTIN_THEMES

from rcq_tui.tui import themes
from rcq_tui.tui.asciionly import ascii_text
from rcq_tui.tui.main import _draws_unicode
from rcq_tui.tui.remembered import Remembered
from rcq_tui.tui.screens.card import CardScreen
from rcq_tui.tui.screens.dashboard import DashboardScreen
from rcq_tui.tui.widgets.gpu_panel import GpuCard, GpuPanel, GpuRows, shaped
from rcq_tui.viewmodel.text import width

ROOT = {"account": "root", "role": "admin"}


def admin(box):
    return box.busy(replace(box.ADA, **ROOT))


async def say(pilot, words):
    await pilot.press("colon", *({" ": "space"}.get(char, char) for char in words), "enter")


@pytest.mark.parametrize("cells", [40, 80, 120, 220])
@pytest.mark.parametrize("rows", [24, 40, 60])
def test_cards_leave_the_queue_its_half_whatever_their_number(cells, rows):
    for count in range(17):
        shape = shaped(count, cells, rows)
        assert shape.height <= max(rows // 2, 1 + -(-count // max(1, (cells - 2) // 38)))
    assert shaped(8, 80, 24) == (1, 0, 9)
    assert shaped(16, 80, 24) == (2, 0, 9)
    assert shaped(8, 220, 60).lines == 9


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (220, 60)])
@pytest.mark.parametrize("count", [1, 2, 5, 16])
async def test_every_card_is_in_sight(box, until, text, size, count):
    fake = box.busy()
    fake.cards = [box.card(index, utilization=0.3 + index / 100) for index in range(count)]
    app = box.app(fake)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "eval" in text(app))
        await until(pilot, lambda: all(f"{30 + index}%" in text(app) for index in range(count)))


async def test_only_what_changed_of_a_card_is_drawn_again(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "97%" in text(app) and fake.listeners)
        rows = app.screen.query_one(GpuRows)
        rows.drawn = 0
        app.screen.query_one(GpuPanel).show(app.gpus, app.histories, box.NOW)
        assert rows.drawn == 0
        changed = [replace(app.gpus[0], power_w=282.0), *app.gpus[1:]]
        app.screen.query_one(GpuPanel).show(changed, app.histories, box.NOW)
        assert rows.drawn == 1
        await until(pilot, lambda: "282W" in text(app))


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_a_click_opens_the_card_and_arrows_go_to_its_neighbours(box, until, text, size):
    app = box.app(box.busy())
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "97%" in text(app))
        at = text(app).splitlines()
        y = next(y for y, line in enumerate(at) if "281" in line)
        await pilot.click(offset=(10, y))
        await until(pilot, lambda: isinstance(app.screen, CardScreen) and "GPU 0 RTX A6000" in text(app))
        assert "141 ada resnet-lr3e-4" in text(app)
        await pilot.press("h")
        await until(pilot, lambda: "GPU 7 RTX A6000" in text(app))
        await pilot.press("right", "l", "l")
        await until(pilot, lambda: "Too hot to start a job on: it comes back below 70°C." in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))


async def test_the_page_follows_its_card_and_survives_its_loss(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(100, 40)) as pilot:
        await until(pilot, lambda: "eval" in text(app) and fake.listeners)
        await say(pilot, "gpu 4")
        await until(pilot, lambda: "GPU 4 RTX A6000" in text(app))
        fake.emit("gpus", {"items": [asdict(replace(fake.cards[4], utilization=0.01))]})
        await until(pilot, lambda: " 1%" in text(app))
        fake.emit("gpus", {"items": []})
        await pilot.press("j", "k", "G", "g", "pagedown", "h", "l", "D", "R")
        fake.cut_off()
        await until(pilot, lambda: "Disconnected" in text(app) and "GPU 4" in text(app))


async def test_an_unknown_card_is_named_with_those_there_are(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: "eval" in text(app) and "97%" in text(app))
        await say(pilot, "gpu 12")
        await until(pilot, lambda: "There is no GPU 12." in text(app))
        assert isinstance(app.screen, DashboardScreen)


async def test_an_admin_drains_with_words_and_resumes(box, until, text):
    fake = admin(box)
    uuid = fake.cards[7].uuid
    fake.expect("drain", uuid, "fan rattles")
    fake.expect("resume", uuid)
    app = box.app(fake)
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await until(pilot, lambda: "eval" in text(app) and fake.listeners)
        await say(pilot, "gpu 7")
        await until(pilot, lambda: "GPU 7 RTX A6000" in text(app))
        await pilot.press("D")
        await until(pilot, lambda: "Drain GPU 7?" in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "Drain GPU 7?" not in text(app))
        await pilot.press("D", *"fan", "space", *"rattles", "enter")
        await until(pilot, lambda: "GPU 7 is drained: no job" in text(app))
        fake.emit("gpus", {"items": [asdict(card) for card in fake.cards]})
        await until(pilot, lambda: app.screen.card.state == "drained")
        await pilot.press("R")
        await until(pilot, lambda: "Resume GPU 7?" in text(app))
        await pilot.press("y")
        await until(pilot, lambda: "GPU 7 is back in use." in text(app))
    fake.finish()


async def test_others_are_told_that_only_admins_may(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await until(pilot, lambda: "eval" in text(app) and "97%" in text(app))
        await say(pilot, "gpu 7")
        await until(pilot, lambda: "GPU 7 RTX A6000" in text(app))
        await pilot.press("D")
        await until(pilot, lambda: "Only admins take cards out" in text(app))


async def test_without_unicode_nothing_but_ascii_is_drawn_anywhere(box, until, text):
    fake = box.busy()
    fake.rows[154] = replace(fake.rows[154], name="Gödel 日本 naïve…")
    app = box.app(fake, ascii_only=True)
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: "eval" in text(app) and "97%" in text(app) and "Godel ???? naive~" in text(app))
        assert text(app).isascii()
        for keys, there in (
            (["question_mark"], "one line down"),
            (["escape", "enter"], "141"),
            (["escape", "s"], "Submit"),
        ):
            await pilot.press(*keys)
            await until(pilot, lambda wanted=there: wanted in text(app))
            assert text(app).isascii(), keys


async def test_ascii_is_toggled_and_remembered(box, until, text):
    remembered = Remembered()
    app = box.app(box.busy(), remembered=remembered)
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: "eval" in text(app) and "━" in text(app))
        await say(pilot, "ascii")
        await until(pilot, lambda: "eval" in text(app) and "==" in text(app) and text(app).isascii())
        assert remembered.of("ascii", False) is True
        await say(pilot, "ascii")
        await until(pilot, lambda: "━" in text(app) and "eval" in text(app))
        assert remembered.of("ascii", True) is False


@pytest.mark.parametrize("name", themes.THEMES)
async def test_every_theme_draws_every_role(box, until, text, name):
    app = box.app(box.busy(), theme=name)
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: "eval" in text(app) and "97%" in text(app))
        assert app.theme == name
        assert len(app.screen.query(GpuCard)) == 8


def test_themes_are_known_and_a_console_gets_its_own_colours():
    own = {themes.HIGH_CONTRAST.name, themes.SIXTEEN.name}
    assert set(themes.THEMES) - own <= set(BUILTIN_THEMES)
    assert themes.usual("linux") == themes.SIXTEEN.name
    assert themes.usual("xterm-256color") == themes.THEMES[0]


def test_who_draws_unicode(monkeypatch):
    monkeypatch.setattr("locale.getpreferredencoding", lambda _=True: "UTF-8")
    assert _draws_unicode({"TERM": "xterm-256color"})
    assert not _draws_unicode({"TERM": "linux"})
    assert not _draws_unicode({"TERM": "xterm", "RCQ_ASCII": "1"})
    assert _draws_unicode({"TERM": "xterm", "RCQ_ASCII": "0"})
    monkeypatch.setattr("locale.getpreferredencoding", lambda _=True: "ISO-8859-1")
    assert not _draws_unicode({"TERM": "xterm"})


@pytest.mark.parametrize("text", ["▶ 141 ada…", "日本", "e\u0301", "╭─ ● 0 ─╮", "68°C", "\U0001f600", "Привет"])
def test_ascii_takes_as_many_cells(text):
    assert ascii_text(text).isascii()
    assert width(ascii_text(text)) == width(text)
