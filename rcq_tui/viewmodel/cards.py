"""A GPU as lines of coloured pieces: a card where there is room, one row where there is not.

A piece is a text and the role of its colour. Pure. Must not know colours' values or what draws the lines.
"""

from collections.abc import Sequence

from engine.protocol.cards import GpuUser, GpuView
from rcq_tui.viewmodel.bars import gauge, sparkline
from rcq_tui.viewmodel.cardnotes import strangers, too_much
from rcq_tui.viewmodel.faults import short_fault
from rcq_tui.viewmodel.formats import degrees, duration, memory, percent
from rcq_tui.viewmodel.slots import on_card, whose
from rcq_tui.viewmodel.states import colour, symbol
from rcq_tui.viewmodel.text import clean, cut, pad, width

Piece = tuple[str, str]
Line = list[Piece]

CARD_LINES = 5
"""Lines inside a card."""

_COLD_C, _SCALE_C = 20.0, 80.0
"""The temperature gauge shows 20 to 100 °C."""

_OLD_S = 10.0
"""A reading older than this is said to be old."""


def title(card: GpuView, *, ascii_only: bool = False) -> Line:
    """Symbol, index and model."""
    return [
        (f"{symbol(card.state, ascii_only=ascii_only)} ", colour(card.state)),
        (f"{card.index} ", "title"),
        (model(card), "text"),
    ]


def note(card: GpuView) -> Piece:
    """What is special about the card, in a word: its state unless it is fine, throttling, an old reading."""
    if card.state in {"quarantined", "missing"} and card.why:
        return (short_fault(card.why), colour(card.state))
    if card.state != "ok":
        return (clean(card.state) + ", throttled" * card.throttled, colour(card.state))
    if card.throttled:
        return ("throttled", "bad")
    if card.power_cap_w is not None:
        return (f"held to {card.power_cap_w:.0f}W", "warn")
    if card.age_s > _OLD_S:
        return (f"read {duration(card.age_s)} ago", "warn")
    return ("", "text")


def model(card: GpuView) -> str:
    """The model without the maker and the family words that every card shares."""
    name = clean(card.model)
    for word in ("NVIDIA ", "GeForce ", "Tesla ", "Quadro "):
        name = name.removeprefix(word)
    return name or "GPU"


def lines(card: GpuView, history: Sequence[float | None], cells: int, *, ascii_only: bool = False) -> list[Line]:
    """The inside of a card of so many cells: utilisation and clock, memory, temperature and power, history, users."""
    bar = max(4, cells - 17)
    return [
        _labelled("util", _use_bar(card, bar, ascii_only), percent(card.utilization) + _clock(card), cells),
        _labelled("mem", _memory_bar(card, bar, ascii_only), _memory_text(card), cells),
        _labelled("temp", _heat_bar(card, bar, ascii_only), f"{degrees(card.temperature_c)} {_power(card)}", cells),
        [(sparkline(history, cells, ascii_only=ascii_only), "history")],
        _users(card, cells, ascii_only, with_names=True),
    ]


def row(card: GpuView, history: Sequence[float | None], cells: int, *, ascii_only: bool = False) -> Line:
    """The card in one line of so many cells."""
    bar, name_cells = _row_cells(cells)
    line: Line = [
        (f"{symbol(card.state, ascii_only=ascii_only)} ", colour(card.state)),
        (pad(str(card.index), 3), "title"),
        (pad(model(card), name_cells) + " ", "text"),
        _use_bar(card, bar, ascii_only),
        (pad(percent(card.utilization), 5, right=True) + " ", "text"),
        _memory_bar(card, bar, ascii_only),
        (pad(memory(card.memory_used_mb), 6, right=True) + " ", "text"),
        _heat_bar(card, bar, ascii_only),
        (pad(degrees(card.temperature_c), 6, right=True), heat(card)),
        (pad(_power(card), 5, right=True) + "  ", "quiet"),
    ]
    if cells >= 120:
        line.append((sparkline(history, 24, ascii_only=ascii_only) + "  ", "history"))
    room = max(0, cells - sum(width(text) for text, _ in line))
    return line + _row_end(card, room, ascii_only, with_names=cells >= 100)


def _row_end(card: GpuView, room: int, ascii_only: bool, *, with_names: bool) -> Line:
    """Who is on the card, and what is special about it: alone why nobody may be, else behind them where that fits."""
    said, role = note(card)
    if card.state in {"quarantined", "missing"} and not card.jobs:
        return [(pad(said, room), role)]
    [(text, users_role)] = _users(card, room, ascii_only, with_names=with_names)
    left = room - width(text.rstrip())
    if not said or said == card.state or width(said) >= left:
        return [(text, users_role)]
    return [(text.rstrip(), users_role), (pad(said, left, right=True), role)]


def row_titles(cells: int) -> str:
    """The heading over rows of so many cells."""
    bar, name_cells = _row_cells(cells)
    heads = [
        " " * 2 + pad("#", 3) + pad("GPU", name_cells) + " ",
        pad("use", bar + 6),
        pad("memory", bar + 7),
        pad("heat", bar + 6),
        pad("power", 5, right=True) + "  ",
        pad("last 2 min", 24) + "  " if cells >= 120 else "",
        "jobs",
    ]
    return cut("".join(heads), cells)


def _row_cells(cells: int) -> tuple[int, int]:
    """Cells of a gauge and of the model's name in a line of so many cells."""
    return (6, 9) if cells < 100 else (14, 18)


def heat(card: GpuView) -> str:
    """The role of the temperature's colour: against the threshold, and against where a hot card comes back."""
    if card.temperature_c is None:
        return "quiet"
    if card.temperature_c >= card.threshold_c or card.throttled or card.state == "hot":
        return "bad"
    return "warn" if card.temperature_c >= card.resume_c else "ok"


def _labelled(label: str, bar: Piece, value: str, cells: int) -> Line:
    room = cells - 5 - width(bar[0])
    return [(pad(label, 5), "quiet"), bar, (pad(value, room, right=True), "text")]


def _use_bar(card: GpuView, cells: int, ascii_only: bool) -> Piece:
    return gauge(card.utilization, cells, ascii_only=ascii_only), "busy.bar"


def _memory_bar(card: GpuView, cells: int, ascii_only: bool) -> Piece:
    used = card.memory_used_mb
    ratio = None if used is None or card.memory_mb <= 0 else used / card.memory_mb
    return gauge(ratio, cells, ascii_only=ascii_only), "info.bar"


def _heat_bar(card: GpuView, cells: int, ascii_only: bool) -> Piece:
    ratio = None if card.temperature_c is None else (card.temperature_c - _COLD_C) / _SCALE_C
    mark = (card.threshold_c - _COLD_C) / _SCALE_C
    return gauge(ratio, cells, mark=mark, ascii_only=ascii_only), f"{heat(card)}.bar"


def _memory_text(card: GpuView) -> str:
    return f"{memory(card.memory_used_mb)}/{memory(card.memory_mb)}"


def _power(card: GpuView) -> str:
    return "-" if card.power_w is None else f"{card.power_w:.0f}W"


def _clock(card: GpuView) -> str:
    return "" if card.sm_clock_mhz is None else f" {card.sm_clock_mhz / 1000:.1f}GHz"


def _users(card: GpuView, cells: int, ascii_only: bool, *, with_names: bool) -> Line:
    parts = [_user(job, with_names and len(card.jobs) == 1) for job in card.jobs]
    foreign = too_much(card)
    if foreign:
        parts.append(f"{memory(card.foreign_mb)} {_foreigners(card)}")
    if card.slot is not None:
        parts.append(on_card(card.slot))
    if not card.jobs and not foreign:
        idle = (
            [] if card.slot is not None and card.slot.starts_in_s == 0 and card.state == "ok" else [_idle_words(card)]
        )
        return [(pad(", ".join([*idle, *parts]), cells), "quiet")]
    lead = symbol("running", ascii_only=ascii_only) + " " if card.jobs else ""
    return [(pad(lead + ", ".join(parts), cells), "warn" if foreign else "text")]


def _foreigners(card: GpuView) -> str:
    users = dict.fromkeys(clean(process.user) for process in strangers(card) if process.user)
    return f"of {', '.join(users)}, not of rcq" if users else "not of rcq"


def _idle_words(card: GpuView) -> str:
    if card.state == "hot":
        return f"hot until below {degrees(card.resume_c)}"
    if card.state == "ok":
        return "settling" if card.settling else "free"
    return clean(card.state)


def _user(job: GpuUser, with_name: bool) -> str:
    if job.id is None:
        return whose(None, job.group)
    name = f" {clean(job.name)}" if with_name and job.name else ""
    return f"{job.id} {clean(job.account)}{name}"
