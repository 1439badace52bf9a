"""The `:` line and the palette: what is typed is completed, understood, and carried out by the screen below."""

import pytest

from rcq_tui.tui.commands import COMMANDS
from rcq_tui.tui.completion import parse, suggestions
from rcq_tui.tui.screens.dashboard import DashboardScreen
from rcq_tui.tui.screens.help import HelpScreen
from rcq_tui.tui.screens.job import JobScreen
from rcq_tui.tui.screens.line import LineScreen

OFFERED = [COMMANDS[name] for name in ("quit", "queue", "theme", "job", "help", "hold", "refresh")]


def none(_kind):
    return []


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("quit", "quit", ""),
        (" q ", "quit", ""),
        ("qui", "quit", ""),
        ("queue", "queue", "queue"),
        ("theme", "theme", ""),
        ("theme nord", "theme", "nord"),
        ("job  7", "job", "7"),
        ("jobs", "queue", "queue"),
    ],
)
def test_a_name_its_beginning_and_its_alias_are_understood(text, name, said):
    command, got = parse(text, OFFERED)
    assert (command.name, got) == (name, said)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Type a command"),
        ("nonsense", "no command nonsense here"),
        ("qu", "may be quit, queue"),
        ("job", "job ID"),
        ("quit now", "stands alone"),
        ("h", "may be help, hold"),
    ],
)
def test_what_is_not_understood_says_why(text, words):
    assert words in parse(text, OFFERED)


def test_suggestions_begin_alike_and_complete_arguments():
    assert [one.text for one in suggestions("qu", OFFERED, none, palette=False)][:2] == ["quit", "queue"]
    assert suggestions("job 1", OFFERED, lambda _: ["141", "143", "7"], palette=False)[0].text == "job 141"
    assert [one.text for one in suggestions("theme n", OFFERED, lambda _: ["nord", "dracula"], palette=False)] == [
        "theme nord"
    ]
    assert "refresh" in [one.text for one in suggestions("fetch", OFFERED, none, palette=True)]
    assert len(suggestions("", list(COMMANDS.values()), none, palette=True)) == 12


async def test_a_command_is_typed_completed_and_carried_out(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "141 ada" in text(app))
        await pilot.press("colon", *"jo", "tab")
        await until(pilot, lambda: ":job " in text(app))
        await pilot.press(*"143", "enter")
        await until(pilot, lambda: isinstance(app.screen, JobScreen) and app.screen.number == 143)
        await pilot.press("colon", *"queue", "enter")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen) and app.screen.place == "queue")
        assert "RTX A6000" not in text(app)
        await pilot.press("1")
        await until(pilot, lambda: "RTX A6000" in text(app))


async def test_letters_typed_ahead_belong_to_the_line(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "141 ada" in text(app))
        await pilot.press("colon", *"cancelled q", "escape")
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        await pilot.press("colon", *"nonsense", "enter")
        await until(pilot, lambda: "There is no command nonsense here" in text(app))
        assert isinstance(app.screen, LineScreen)
        await pilot.press("escape", "colon", *"job x", "enter")
        await until(pilot, lambda: "x is no job's id" in text(app))
    assert {call[0] for call in fake.calls} <= {"me", "stats", "gpus", "nodes", "jobs", "events"}


async def test_the_palette_finds_by_what_a_command_does(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: "141 ada" in text(app))
        await pilot.press("ctrl+p", *"this page")
        await until(pilot, lambda: "> help" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("escape", "ctrl+p", "down", "down", "up", *"job")
        await until(pilot, lambda: "> job" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "^p job" in text(app))
        await pilot.press(*"141", "enter")
        await until(pilot, lambda: isinstance(app.screen, JobScreen))
