"""A GPU in one line, and in half of one where there are more cards than lines.

Pure: `now` is an argument. Must not know what draws the lines.
"""

from collections.abc import Sequence

from engine.protocol.cards import GpuView
from rcq_tui.viewmodel.bars import sparkline
from rcq_tui.viewmodel.cardfacts import heat, heat_meter, memory_meter, model, note, power_text, use_meter
from rcq_tui.viewmodel.cardnotes import too_much
from rcq_tui.viewmodel.cards import step_s
from rcq_tui.viewmodel.carduse import job_words, use_line
from rcq_tui.viewmodel.formats import degrees, memory, percent
from rcq_tui.viewmodel.history import History
from rcq_tui.viewmodel.pieces import Line, cells_of, fitted
from rcq_tui.viewmodel.states import colour, symbol
from rcq_tui.viewmodel.text import clean, cut, pad, width

SHORT_CELLS = 38
"""A short line's least width."""

_FEW = 20
"""Cells in which whole sentences would all end alike."""

_LONG = 70
"""Under so many cells a line is a short one."""


def row(
    card: GpuView, history: History | None, cells: int, now: float, *, same_model: bool, ascii_only: bool = False
) -> Line:
    """The card in one line of so many cells. same_model: all cards are of one model, so lines leave it out."""
    if cells < _LONG:
        return _short(card, cells, now, ascii_only)
    bar, past = _measures(cells)
    line: Line = [
        (f"{symbol(card.state, ascii_only=ascii_only)} ", colour(card.state)),
        (pad(str(card.index), 3), "title"),
    ]
    if not same_model:
        line.append((pad(model(card), past if cells < 100 else 18) + " ", "text"))
    line += [
        *use_meter(card, bar, ascii_only=ascii_only),
        (pad(percent(card.utilization), 5, right=True) + " ", "text"),
    ]
    if same_model or cells >= 100:
        values = history.steps(now, step_s(past)) if history else []
        line.append((sparkline(values, past, ascii_only=ascii_only) + " ", "history"))
    line += [
        *memory_meter(card, bar, ascii_only=ascii_only),
        (pad(memory(card.memory_used_mb), 5, right=True) + " ", "text"),
        *heat_meter(card, bar, ascii_only=ascii_only),
        (pad(degrees(card.temperature_c), 5, right=True), heat(card)),
        (pad(power_text(card), 5, right=True) + "  ", "quiet"),
    ]
    return line + _row_end(card, max(0, cells - cells_of(line)), now, ascii_only)


def row_titles(gpus: Sequence[GpuView], cells: int, *, same_model: bool) -> Line:
    """The heading over lines of so many cells; at its end the model, where it is one."""
    if cells < _LONG:
        heads = "  #  use" + " " * 8 + pad("mem", 6, right=True) + "  heat  jobs"
        return fitted([(heads, "quiet")], cells)
    bar, past = _measures(cells)
    parts = [
        "  " + pad("#", 3),
        "" if same_model else pad("GPU", past if cells < 100 else 18) + " ",
        pad("use", bar + 6),
        pad("2 min", past) + " " if same_model or cells >= 100 else "",
        pad("memory", bar + 6),
        pad("heat", bar + 5),
        pad("power", 5, right=True) + "  ",
        "jobs",
    ]
    named = model(gpus[0]) if gpus and same_model else ""
    room = cells - sum(map(width, parts)) - 2
    return fitted([("".join(parts), "quiet"), (pad(cut(named, room), room + 2, right=True), "quiet")], cells)


def one_model(gpus: Sequence[GpuView]) -> bool:
    """Whether all cards are of one model."""
    return len({card.model for card in gpus}) == 1


def _measures(cells: int) -> tuple[int, int]:
    """Cells of a meter and of the history in a line of so many cells."""
    return (6, 9) if cells < 100 else (10, 15) if cells < 140 else (14, 24)


def _short(card: GpuView, cells: int, now: float, ascii_only: bool) -> Line:
    """Sign, index, utilisation, memory, temperature, and who is on it."""
    line: Line = [
        (f"{symbol(card.state, ascii_only=ascii_only)} ", colour(card.state)),
        (pad(str(card.index), 3), "title"),
        *use_meter(card, 5, ascii_only=ascii_only),
        (pad(percent(card.utilization), 5, right=True), "text"),
        (pad(memory(card.memory_used_mb), 6, right=True), "text"),
        (pad(degrees(card.temperature_c), 6, right=True) + " ", heat(card)),
    ]
    room = max(0, cells - cells_of(line) - 1)
    if room < _FEW and not card.jobs:
        return [*line, (pad(_one_word(card), room + 1), "warn" if too_much(card) else "quiet")]
    if room < _FEW:
        more = f" +{len(card.jobs) - 1}" if len(card.jobs) > 1 else ""
        words = cut(job_words(card.jobs[0], with_name=False), room - len(more)) + more
        return [*line, (pad(words, room + 1), "text")]
    return [*line, *use_line(card, room, now, ascii_only=ascii_only, with_names=False), (" ", "text")]


def _one_word(card: GpuView) -> str:
    """Why nobody is on it, or that anybody may be."""
    if card.state != "ok":
        return clean(card.state)
    return "foreign" if too_much(card) else "settling" if card.settling else "booked" if card.slot else "free"


def _row_end(card: GpuView, room: int, now: float, ascii_only: bool) -> Line:
    """Who is on the card, and what is special about it: alone why nobody may be, else behind them where that fits."""
    said, role = note(card)
    if card.state in {"quarantined", "missing"} and not card.jobs:
        return [(pad(said, room), role)]
    used = use_line(card, room, now, ascii_only=ascii_only)
    if not said or (said == card.state and not card.jobs):
        return used
    left = room - width(said) - 2
    if left < min(room, cells_of([(text.rstrip(), "") for text, _ in used[:1]])):
        return used
    return [*use_line(card, left, now, ascii_only=ascii_only), (pad(said, room - left, right=True), role)]
