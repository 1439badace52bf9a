"""What an attempt did with its cards over its life, as plots under each other with one axis of time.

Pure: `now`, width and height are arguments. Must not know what draws it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from engine.protocol.responses import JobDetail
from engine.protocol.series import JobSeries
from rcq_tui.viewmodel.folding import folded
from rcq_tui.viewmodel.formats import counted, duration, memory, moment, percent
from rcq_tui.viewmodel.plots import area, round_top, y_labels
from rcq_tui.viewmodel.states import WAITING
from rcq_tui.viewmodel.timeaxis import Scale, clock_axis

Line = list[tuple[str, str]]

_LEAST_ROWS, _MOST_ROWS = 3, 12
_BESIDE = 4
"""Lines that are no plot: the first one, the axis, the sentence below."""


class _Plot(NamedTuple):
    title: str
    values: Sequence[float | None]
    top: float
    says: Callable[[float], str]
    note: str
    role: str


def plot_lines(
    job: JobDetail, series: JobSeries | None, now: float, size: tuple[int, int], *, ascii_only: bool = False
) -> list[Line]:
    """The whole page in lines of at most `size[0]` cells; about `size[1]` of them, but never too few to be read."""
    if job.state in WAITING and not job.attempts:
        return [[("Nothing to plot before it starts.", "quiet")]]
    if series is None:
        return [[("Looking for what was read of it.", "quiet")]]
    if series.start_at is None or not series.points.gpu_utilization:
        cards = "It has no cards: nothing is read of it." if job.gpus == 0 else "Nothing was read of its cards yet."
        return [[(cards, "quiet")]]
    plots = _plots(job, series)
    cells, height = size
    rows = min(_MOST_ROWS, max(_LEAST_ROWS, (height - _BESIDE) // len(plots) - 1))
    labels = [y_labels(rows, one.top, one.says) for one in plots]
    left = max(len(text) for some in labels for text in some)
    room = max(10, cells - left - 1)
    length_s = series.step_s * len(series.points.gpu_utilization)
    lines = [_first(series, length_s)]
    for one, some in zip(plots, labels, strict=True):
        lines += _drawn(one, [text.rjust(left) for text in some], room, ascii_only)
    scale = Scale(series.start_at, series.start_at + max(1.0, length_s), room)
    lines.append([(" " * (left + 1) + clock_axis(scale, lambda at: moment(at, now)), "quiet")])
    return lines + folded(("", "quiet"), [(_meaning(series), "quiet")], cells)


def _plots(job: JobDetail, series: JobSeries) -> list[_Plot]:
    told = series.points
    asked = job.gpu_memory_mb * max(1, series.gpus)
    most = max([float(asked), *(value for value in told.gpu_memory_mb if value is not None)])
    held = (job.gpu_power_w or 0) * max(1, series.gpus)
    draws = max([float(held), *(value for value in told.power_w if value is not None)])
    memory_note = f", {memory(asked)} asked" if asked else ""
    power_note = f", held to {held} W" if held else ""
    return [
        _Plot("GPU use", told.gpu_utilization, 1.0, percent, _range(told.gpu_utilization, percent), "ok"),
        _Plot(
            "GPU memory", told.gpu_memory_mb, _memory_top(most), memory,
            _range(told.gpu_memory_mb, memory) + memory_note, "busy",
        ),
        _Plot("power", told.power_w, round_top(draws), _watts, _range(told.power_w, _watts) + power_note, "warn"),
    ]  # fmt: skip


def _memory_top(mebibytes: float) -> float:
    """Round in the unit in which it is said."""
    return round_top(mebibytes / 1024) * 1024 if mebibytes >= 1024 else round_top(mebibytes)


def _watts(watts: float) -> str:
    return f"{watts:.0f}W"


def _range(values: Sequence[float | None], says: Callable[[float], str]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "nothing was read"
    return f"{says(sum(known) / len(known))} in the mean, {says(max(known))} at most"


def _drawn(plot: _Plot, labels: Sequence[str], cells: int, ascii_only: bool) -> list[Line]:
    axis = "|" if ascii_only else "│"
    values = _stretched(plot.values, cells)
    rows = area(values, cells, len(labels), top=plot.top, ascii_only=ascii_only)
    head: Line = [(" " * (len(labels[0]) + 1), "text"), (plot.title, "title"), (f"  {plot.note}", "text")]
    drawn = zip(labels, rows, strict=True)
    return [head, *([(label, "quiet"), (axis, "quiet"), (row, plot.role)] for label, row in drawn)]


def _stretched(values: Sequence[float | None], cells: int) -> list[float | None]:
    """As many values as cells where there are fewer: all of its life fills the width."""
    if len(values) >= cells:
        return list(values)
    return [values[at * len(values) // cells] for at in range(cells)]


def _first(series: JobSeries, length_s: float) -> Line:
    others = f" of {len(series.attempts)} (o: another one)" if len(series.attempts) > 1 else ""
    said = f"{counted(series.gpus, 'GPU')} for {duration(length_s)}, a point for each {duration(series.step_s)}"
    return [(f"Attempt {series.attempt}{others}", "title"), (f"  {said}", "quiet")]


def _meaning(series: JobSeries) -> str:
    cards = "its card" if series.gpus == 1 else f"all {series.gpus} cards"
    return f"GPU use is the mean of {cards}: the part of the time in which they computed. Gaps: nothing was read."
