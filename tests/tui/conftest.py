"""The scripted box, a bounded wait for a condition, and the text of a screen."""

import importlib.util
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot

WITHIN_S = 30.0


def _beside(file: str, name: str) -> ModuleType:
    """The module in a file beside this one, imported anew under this name."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(file))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def box() -> ModuleType:
    """The module `screens` beside this file."""
    return _beside("screens.py", "rcq_test_screens")


@pytest.fixture
def plans() -> ModuleType:
    """The module `planned` beside this file; imported anew, or its plan would be another test's."""
    return _beside("planned.py", "rcq_test_planned")


@pytest.fixture
def clusters() -> ModuleType:
    """The module `clustered` beside this file."""
    return _beside("clustered.py", "rcq_test_clustered")


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One time zone for everyone who runs these tests."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def seen(app: App[Any]) -> str:
    """What the screen shows, as lines of text."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


Wait = Callable[[Pilot[Any], Callable[[], object]], Awaitable[None]]
"""Waits until a condition holds, and fails showing the screen when it does not in time."""


@pytest.fixture
def until() -> Wait:
    async def wait(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < deadline, "it never came true; the screen:\n" + seen(pilot.app)
            await pilot.pause(0.01)

    return wait


@pytest.fixture
def text() -> Callable[[App[Any]], str]:
    return seen
