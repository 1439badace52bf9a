"""The bars of the plan's coloured picture: what they are called, and how they lie on a line of cells.

A cell is a sign with its paint, `ink/ground`: names of colours that the screen maps to its theme's. Kinds differ in
their signs as well as in the depth of their colour, own jobs carry a star. Pure. Must not know what draws the cells.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from rcq_tui.viewmodel.formats import moment
from rcq_tui.viewmodel.lanes import Told
from rcq_tui.viewmodel.text import clean, cut, width
from rcq_tui.viewmodel.timeaxis import Scale

Cell = tuple[str, str]

HUES = 4
"""Groups have so many colours, `hue0` and on; own jobs have `mine`."""
SIGNS = {"running": "█", "promised": "╱", "forecast": "┄", "slot": "░"}
ASCII_SIGNS = {"running": "#", "promised": "=", "forecast": "-", "slot": ":"}
DEPTHS = {"running": "", "promised": ".soft", "slot": ".soft", "forecast": ".faint"}
_PARTS = "▏▎▍▌▋▊▉"


@dataclass(slots=True, frozen=True, kw_only=True)
class Viewer:
    """Who looks, and with what. account: whose jobs stand out. hues: of the groups."""

    account: str | None
    hues: Mapping[str, int]
    ascii_only: bool = False

    @property
    def star(self) -> str:
        """The sign of own jobs."""
        return "*" if self.ascii_only else "★"

    def owns(self, item: Told) -> bool:
        """Whether it is the viewer's."""
        return item["account"] is not None and item["account"] == self.account

    def hue(self, item: Told) -> str:
        """The colour of an item."""
        return "mine" if self.owns(item) else f"hue{self.hues.get(item['group'] or '', HUES - 1)}"

    def sign(self, item: Told) -> str:
        """The sign that fills its bar."""
        return (ASCII_SIGNS if self.ascii_only else SIGNS).get(item["kind"], "?")


def group_hues(planned: Told, own: str | None) -> dict[str, int]:
    """A colour for each group, the same for as long as the groups are the same; the own group has the first."""
    groups = sorted({item["group"] for item in planned["items"] if item["group"]} - {own})
    first = [own] if own else []
    return {group: at % HUES for at, group in enumerate([*first, *groups])}


def label(item: Told, viewer: Viewer, cells: int) -> str:
    """As much of what it is called as there is room for."""
    star = viewer.star if viewer.owns(item) else ""
    name, account = clean(item["name"]), clean(item["account"])
    whose = "" if star else account or f"({clean(item['group'] or 'somebody')})"
    number = "" if item["id"] is None else str(item["id"])
    if item["kind"] == "slot":
        choices = [f"{star}booked {whose}", f"{star}{whose or 'booked'}", star or whose]
    else:
        known = " ".join(part for part in (number, whose, name) if part)
        choices = [star + known, star + (f"{number} {name}" if number else whose), star + (number or whose), star]
    fitting = next((one.strip() for one in choices if 0 < width(one.strip()) <= cells), "")
    longest = choices[1].strip() if name and item["kind"] != "slot" else ""
    return cut(longest, cells) if longest and cells >= width(fitting) + 4 else fitting


def under_label(item: Told, cells: int) -> str:
    """A second line in a high bar: when it ends, and of what begins when that is."""
    ends = moment(item["end"], item["start"])
    begins = "" if item["kind"] == "running" else f"{moment(item['start'], item['start'])} "
    return next((one for one in (f"{begins}to {ends}", ends) if width(one) <= cells), "")


class Manner(NamedTuple):
    """How a bar is laid. second: of a high bar the lower line. chosen: under the cursor. kin: of the same as that."""

    second: bool = False
    chosen: bool = False
    kin: bool = False


def lay(cells: list[Cell], item: Told, scale: Scale, viewer: Viewer, manner: Manner) -> None:
    """Lay a bar over the cells of a line, with what it is called in it."""
    begin, end = extent(item, scale, viewer.ascii_only)
    first, last = int(begin), ceil(end)
    stands_out = manner.chosen or manner.kin
    own_colour = viewer.hue(item) + DEPTHS.get(item["kind"], ".faint")
    colour = "chosen" if manner.chosen else "kin" if manner.kin else own_colour
    solid = stands_out or item["kind"] == "running"
    before = cells[first]
    fill = (viewer.sign(item), f"{colour if solid else viewer.hue(item)}/{colour}")
    cells[first:last] = [fill] * (last - first)
    ink = f"{'own' if viewer.owns(item) else 'word'}/{colour}"
    words = _words(item, viewer, last - first - (begin > first), manner)
    spread(cells, first + (begin > first and last - first > 1), words, ink)
    if not viewer.ascii_only:
        _smooth(cells, begin, end, colour, before)
    elif item["start"] >= scale.begin and not manner.chosen and last - first > 1:
        cells[first] = ("[", ink)


def _words(item: Told, viewer: Viewer, cells: int, manner: Manner) -> str:
    pointer = "" if not manner.chosen or manner.second else ">" if viewer.ascii_only else "▸"
    said = under_label(item, cells - 2) if manner.second else label(item, viewer, cells - 2)
    return f"{pointer or ' '}{said} " if said else pointer


def extent(item: Told, scale: Scale, whole: bool) -> tuple[float, float]:
    """Where a bar begins and ends, in cells with their eighths (`whole`: without); never less than a cell, never
    outside.
    """
    parts = 1 if whole else 8
    begin = min(scale.cells - 1.0, max(0.0, round(scale.place(item["start"]) * parts) / parts))
    end = min(float(scale.cells), round(scale.place(item["end"]) * parts) / parts)
    return (begin, end) if end - begin >= 1 else (float(int(begin)), int(begin) + 1.0)


def _smooth(cells: list[Cell], begin: float, end: float, colour: str, before: Cell) -> None:
    """The ends of a bar to an eighth of a cell; one that ends where it begins keeps its part of that cell."""
    first, part = int(begin), int(begin * 8) % 8
    if part:
        sign, (ink, _, ground) = before[0], before[1].partition("/")
        cells[first] = (
            (sign, f"{ink}/{colour}") if sign in _PARTS and not ground else (_PARTS[part - 1], f"bare/{colour}")
        )
    last, part = int(end), int(end * 8) % 8
    if part and last > first:
        cells[last] = (_PARTS[part - 1], f"{colour}/")


def spread(cells: list[Cell], begin: int, text: str, paint: str) -> None:
    """Write words over cells; a letter of two cells takes the place of two, marks stand on their letter."""
    at = begin
    for char in text:
        wide = width(char)
        if wide == 0:
            if at > begin:
                cells[at - 1] = (cells[at - 1][0] + char, cells[at - 1][1])
            continue
        if at + wide > len(cells):
            return
        cells[at] = (char, paint)
        for hidden in range(at + 1, at + wide):
            cells[hidden] = ("", paint)
        at += wide


def cross(cells: list[Cell], at: int, sign: str, signs: Collection[str]) -> None:
    """Draw a line across a bar, where the bar shows nothing but one of its signs and goes on at either side."""
    text, (_, _, ground) = cells[at][0], cells[at][1].partition("/")
    beside = {paint.partition("/")[2] for _, paint in (*cells[max(0, at - 1) : at], *cells[at + 1 : at + 2])}
    if ground and text in signs and beside == {ground}:
        cells[at] = (sign, f"now/{ground}")


def as_line(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """Cells as pieces, neighbours of one paint together."""
    pieces: list[tuple[str, str]] = []
    for sign, paint in cells:
        if pieces and pieces[-1][1] == paint:
            pieces[-1] = (pieces[-1][0] + sign, paint)
        else:
            pieces.append((sign, paint))
    return pieces
