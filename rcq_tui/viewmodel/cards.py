"""A GPU as a card of so many cells and lines: its meters, two minutes of its utilisation, who is on it.

Pure: `now` is an argument. Must not know what draws the lines.
"""

from engine.protocol.cards import GpuView
from rcq_tui.viewmodel.bars import graph
from rcq_tui.viewmodel.cardfacts import (
    clock_text,
    heat_meter,
    heat_text,
    memory_meter,
    memory_text,
    model,
    power_meter,
    power_text,
    use_meter,
)
from rcq_tui.viewmodel.carduse import use_lines
from rcq_tui.viewmodel.formats import degrees, percent
from rcq_tui.viewmodel.history import SPAN_S, History
from rcq_tui.viewmodel.pieces import Line, Piece, cells_of, fitted
from rcq_tui.viewmodel.states import colour, symbol
from rcq_tui.viewmodel.text import pad

__all__ = ["FEWEST_LINES", "MOST_LINES", "Line", "Piece", "lines", "title"]

FEWEST_LINES, MOST_LINES = 5, 9
"""Lines inside a card."""

WIDE = 84
"""From so many cells on, the history stands beside the meters instead of below them."""

_WIDE_LINES = 6
_LABEL, _VALUE = 7, 12
_BEST_METER = 60


def most_lines(cells: int) -> int:
    """So many lines have something to say in a card of so many cells."""
    return _WIDE_LINES if cells >= WIDE else MOST_LINES


def title(card: GpuView, *, ascii_only: bool = False) -> Line:
    """Symbol, index and model."""
    return [
        (f"{symbol(card.state, ascii_only=ascii_only)} ", colour(card.state)),
        (f"{card.index} ", "title"),
        (model(card), "text"),
    ]


def lines(
    card: GpuView, history: History | None, cells: int, rows: int, now: float, *, ascii_only: bool = False
) -> list[Line]:
    """The inside of a card, exactly so many lines (`FEWEST_LINES` to `MOST_LINES`) of exactly so many cells."""
    if cells >= WIDE:
        return _wide(card, history, (cells, rows), now, ascii_only=ascii_only)
    gauges = _gauges(card, cells, ascii_only, with_power=rows > FEWEST_LINES)
    left = rows - len(gauges)
    drawn = 1 if left < 3 else 2 if left < 5 else 3
    past = _past(history, cells - _LABEL, drawn, now, ascii_only)
    labels = ["2 min", *[""] * (drawn - 1)]
    chart = [[(pad(label, _LABEL), "quiet"), (row, "history")] for label, row in zip(labels, past, strict=True)]
    return gauges + chart + use_lines(card, cells, left - drawn, now, ascii_only=ascii_only)


def _wide(card: GpuView, history: History | None, size: tuple[int, int], now: float, *, ascii_only: bool) -> list[Line]:
    """Meters to the left, the history to the right, users below both."""
    cells, rows = size
    half = min(cells // 2, _LABEL + _BEST_METER + _VALUE)
    gauges = _gauges(card, half, ascii_only, with_power=True)
    past = _past(history, cells - half - 2, len(gauges), now, ascii_only)
    beside = [[*line, ("  ", "text"), (row, "history")] for line, row in zip(gauges, past, strict=True)]
    return beside + use_lines(card, cells, rows - len(gauges), now, ascii_only=ascii_only)


def step_s(cells: int) -> int:
    """Seconds of a step, so that two minutes of steps fit into so many cells. Under two it would never stand still."""
    return max(2, -(-SPAN_S // max(1, cells)))


def _past(history: History | None, cells: int, rows: int, now: float, ascii_only: bool) -> list[str]:
    """Two minutes at the right end of so many cells."""
    values = history.steps(now, step_s(cells)) if history else []
    return graph(values, cells, rows, ascii_only=ascii_only)


def _gauges(card: GpuView, cells: int, ascii_only: bool, *, with_power: bool) -> list[Line]:
    """A line each; the power stands behind the temperature where it has no line."""
    bar = min(_BEST_METER, max(4, cells - _LABEL - _VALUE))
    heat = heat_text(card) if with_power else f"{degrees(card.temperature_c)} {power_text(card)}"
    gauges = [
        _labelled("use", use_meter(card, bar, ascii_only=ascii_only), percent(card.utilization) + clock_text(card)),
        _labelled("memory", memory_meter(card, bar, ascii_only=ascii_only), memory_text(card)),
        _labelled("heat", heat_meter(card, bar, ascii_only=ascii_only), heat),
    ]
    if with_power:
        meter = power_meter(card, bar, ascii_only=ascii_only)
        gauges.append(_labelled("power", meter, power_text(card, limit=True)))
    return [fitted(line, cells) if cells_of(line) != cells else line for line in gauges]


def _labelled(label: str, bar: Line, value: str) -> Line:
    return [(pad(label, _LABEL), "quiet"), *bar, (pad(value, _VALUE, right=True), "text")]
