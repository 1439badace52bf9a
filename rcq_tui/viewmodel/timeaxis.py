"""Times of day over the cells of a picture in which time goes to the right.

Pure: times are Unix seconds, words are in the reader's time zone. Must not know what stands under the axis; light
enough for the command line.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

STEPS_S = (60, 300, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800)
"""What may lie between two times that are named."""

Says = Callable[[float], str]
"""The words of a time."""


class Scale(NamedTuple):
    """Time onto cells: `cells` cells from `begin` to `until`."""

    begin: float
    until: float
    cells: int

    @property
    def cell_s(self) -> float:
        """Seconds in a cell."""
        return (self.until - self.begin) / self.cells

    def place(self, at: float) -> float:
        """Where an instant is, in cells from the left; it may be outside."""
        return (at - self.begin) / (self.until - self.begin) * self.cells

    def cell(self, at: float) -> int:
        """The nearest edge of a cell, within the picture."""
        return min(self.cells, max(0, round(self.place(at))))


class Tick(NamedTuple):
    """An instant on the axis and the cell that begins then."""

    at: float
    cell: int


def ticks(scale: Scale, least_cells: int, shortest_s: float = 0.0) -> list[Tick]:
    """Round times of the reader's clock within the picture, so many cells apart at least."""
    span = scale.until - scale.begin
    steps = [one for one in STEPS_S if one >= shortest_s]
    step = next((one for one in steps if one / span * scale.cells >= least_cells), steps[-1])
    shift = time.localtime(scale.begin).tm_gmtoff
    at = (int(scale.begin + shift) // step + 1) * step - shift
    found = []
    while at < scale.until:
        found.append(Tick(at, round(scale.place(at))))
        at += step
    return found


def labelled(marks: list[Tick], cells: int, says: Says, begin: str = "") -> str:
    """The words of those times over their cells, each only where it has room, behind what stands at the left edge."""
    line = begin
    for at, cell in marks:
        label = says(at)
        if (cell > len(line) or not line) and cell + len(label) <= cells:
            line = line.ljust(cell) + label
    return line


def clock_axis(scale: Scale, says: Says, least_cells: int = 12) -> str:
    """The axis of something that was: times of day, at most as long as the picture."""
    return labelled(ticks(scale, least_cells), scale.cells, says)
