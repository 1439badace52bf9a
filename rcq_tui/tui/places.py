"""The places that one goes to by a number: which there are, and where their screens are found.

A screen is imported after the first paint, or when somebody goes there before that. Must not know what a place
shows.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from textual.screen import Screen


@dataclass(slots=True, frozen=True, kw_only=True)
class Place:
    """name: also that of its command. label: on the bar of places. module, kind: its screen; empty for the first
    screen, which is always there.
    """

    name: str
    key: str
    label: str
    module: str = ""
    kind: str = ""

    def load(self) -> type[Screen[Any]]:
        """The class of its screen, imported."""
        kind: type[Screen[Any]] = getattr(import_module(f"rcq_tui.tui.screens.{self.module}"), self.kind)
        return kind

    def screen(self) -> Screen[Any]:
        """A new screen of it."""
        return self.load()()


PLACES: tuple[Place, ...] = (
    Place(name="dashboard", key="1", label="box"),
    Place(name="queue", key="2", label="queue"),
    Place(name="plan", key="3", label="plan", module="plan", kind="PlanScreen"),
    Place(name="usage", key="4", label="usage", module="usage", kind="UsageScreen"),
    Place(name="admin", key="5", label="admin", module="admin", kind="AdminScreen"),
)


def place_named(name: str) -> Place | None:
    """The place of this name."""
    return next((place for place in PLACES if place.name == name), None)
