"""Every key is declared once, offered somewhere, shown by help, and does something."""

import importlib
import pkgutil

import pytest
from textual.binding import Binding
from textual.message import Message

from rcq_tui.tui import screens
from rcq_tui.tui.app import RcqApp
from rcq_tui.tui.commands import COMMANDS, EVERYWHERE, key_name
from rcq_tui.tui.screens.base import CommandModal, CommandScreen, PlaceScreen
from rcq_tui.tui.screens.help import HelpScreen, help_lines

MODULES = [importlib.import_module(f"{screens.__name__}.{one.name}") for one in pkgutil.iter_modules(screens.__path__)]
SCREENS = [
    kind
    for module in MODULES
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, (CommandScreen, CommandModal)) and kind.__module__ == module.__name__
    and kind not in (CommandScreen, CommandModal, PlaceScreen)
]  # fmt: skip


def offered(screen: type) -> list[str]:
    return [binding.action.removeprefix("command('").removesuffix("')") for binding in vars(screen)["BINDINGS"]]


def test_there_are_screens_to_look_at():
    assert {"DashboardScreen", "JobScreen", "SubmitScreen", "ConfirmScreen", "HelpScreen", "LineScreen"} <= {
        screen.__name__ for screen in SCREENS
    }


@pytest.mark.parametrize("screen", SCREENS)
def test_every_binding_comes_from_a_declared_command(screen):
    for binding in vars(screen)["BINDINGS"]:
        assert isinstance(binding, Binding)
    for name in offered(screen):
        assert name in COMMANDS


@pytest.mark.parametrize("screen", SCREENS)
def test_no_key_means_two_things_on_one_screen(screen):
    keys = [key for name in offered(screen) for key in COMMANDS[name].keys]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("screen", SCREENS)
def test_every_offered_command_is_carried_out_by_somebody(screen):
    for name in offered(screen):
        handler = COMMANDS[name].message.handler_name
        assert hasattr(screen, handler) or hasattr(RcqApp, handler), (screen, name)


def test_every_command_is_offered_somewhere():
    keyless = {name for screen in SCREENS for name in screen.KEYLESS}
    assert {name for screen in SCREENS for name in offered(screen)} | keyless | set(EVERYWHERE) == set(COMMANDS)


def test_every_command_has_a_message_and_stands_in_help():
    assert all(issubclass(command.message, Message) for command in COMMANDS.values())
    listed = [command.name for _, commands in help_lines([]) for command in commands]
    assert sorted(listed) == sorted(COMMANDS)


async def test_the_help_screen_shows_every_key_and_closes(box, until, text):
    app = box.app(box.busy())
    async with app.run_test(size=(120, 190)) as pilot:
        await until(pilot, lambda: "eval" in text(app))
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen) and "Signs" in text(app))
        screen = text(app)
        for command in COMMANDS.values():
            assert command.help in screen, command.name
            assert all(key_name(key) in screen for key in command.keys)
        assert "▮ paused" in screen
        for state in ("held", "preempted", "quarantined"):
            assert state in screen
        await pilot.press("q")
        await until(pilot, lambda: not isinstance(app.screen, HelpScreen))


async def test_q_quits_with_zero_and_no_job_is_touched(box, until, text):
    fake = box.busy()
    app = box.app(fake)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "eval" in text(app))
        await pilot.press("q")
        await pilot.pause()
    assert app.return_value == 0
    assert {call[0] for call in fake.calls} <= {"me", "stats", "gpus", "nodes", "jobs", "events"}
