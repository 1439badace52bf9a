"""A GPU's figures as short words and meters: what cards, lines and the page of one card share.

Pure. Must not know how they are laid out.
"""

from engine.protocol.cards import GpuView
from rcq_tui.viewmodel.bars import meter
from rcq_tui.viewmodel.cardnotes import slowed
from rcq_tui.viewmodel.faults import short_fault
from rcq_tui.viewmodel.formats import degrees, duration, memory
from rcq_tui.viewmodel.pieces import Line, Piece
from rcq_tui.viewmodel.states import colour
from rcq_tui.viewmodel.text import clean

_COLD_C, _HOTTEST_C = 20.0, 100.0
"""The temperature's meter begins at the first, and ends where the card slows itself down, or at the second."""

_OLD_S = 10.0
"""A reading older than this is said to be old."""


def model(card: GpuView) -> str:
    """The model without the maker and the family words that every card shares."""
    name = clean(card.model)
    for word in ("NVIDIA ", "GeForce ", "Tesla ", "Quadro "):
        name = name.removeprefix(word)
    return name or "GPU"


def note(card: GpuView) -> Piece:
    """What is special about the card, in a word: its state unless it is fine, throttling, an old reading."""
    if card.state in {"quarantined", "missing"} and card.why:
        return (short_fault(card.why), colour(card.state))
    if card.state != "ok":
        return (clean(card.state) + ", throttled" * card.throttled, colour(card.state))
    if card.throttled:
        words = slowed(card)
        return ("throttled" + (f": {', '.join(words)}" if words else ""), "bad")
    return (_remark(card), "warn")


def _remark(card: GpuView) -> str:
    """What does not keep jobs off it."""
    if card.ecc_uncorrected:
        return "memory errors"
    if card.power_cap_w is not None:
        return f"held to {card.power_cap_w:.0f}W"
    return f"read {duration(card.age_s)} ago" if card.age_s > _OLD_S else ""


def heat(card: GpuView) -> str:
    """The role of the temperature's colour: against the threshold, and against where a hot card comes back."""
    if card.temperature_c is None:
        return "quiet"
    if card.temperature_c >= card.threshold_c or card.throttled or card.state == "hot":
        return "bad"
    return "warn" if card.temperature_c >= card.resume_c else "ok"


def use_meter(card: GpuView, cells: int, *, ascii_only: bool) -> Line:
    """Utilisation."""
    return _line(meter(card.utilization, cells, ascii_only=ascii_only), "busy")


def memory_meter(card: GpuView, cells: int, *, ascii_only: bool) -> Line:
    """Memory in use."""
    used = card.memory_used_mb
    ratio = None if used is None or card.memory_mb <= 0 else used / card.memory_mb
    return _line(meter(ratio, cells, ascii_only=ascii_only), "info")


def heat_meter(card: GpuView, cells: int, *, ascii_only: bool) -> Line:
    """Temperature, with a mark where no job starts any more; it ends where the card slows itself down."""
    scale = (card.slowdown_c or _HOTTEST_C) - _COLD_C
    ratio = None if card.temperature_c is None else (card.temperature_c - _COLD_C) / scale
    mark = (card.threshold_c - _COLD_C) / scale
    return _line(meter(ratio, cells, mark=mark, ascii_only=ascii_only), heat(card))


def power_meter(card: GpuView, cells: int, *, ascii_only: bool) -> Line:
    """Power of what the card may draw, with a mark where rcq holds it to less."""
    limit = card.power_limit_w
    ratio = card.power_w / limit if limit and card.power_w is not None else None
    mark = card.power_cap_w / limit if limit and card.power_cap_w is not None else None
    role = "warn" if card.power_cap_w is not None else "info"
    return _line(meter(ratio, cells, mark=mark, ascii_only=ascii_only), role)


def heat_text(card: GpuView) -> str:
    """`68/75/93°C`: now, where no job starts any more, and where the card slows itself down, if it tells that."""
    if card.temperature_c is None:
        return "-"
    limits = [card.threshold_c, *([card.slowdown_c] if card.slowdown_c else [])]
    return f"{card.temperature_c:.0f}/{'/'.join(f'{limit:.0f}' for limit in limits)}{degrees(0)[1:]}"


def memory_text(card: GpuView) -> str:
    """`40G/48G`."""
    return f"{memory(card.memory_used_mb)}/{memory(card.memory_mb)}"


def power_text(card: GpuView, *, limit: bool = False) -> str:
    """`281W`, or with what it may draw `281/300W`."""
    if card.power_w is None:
        return "-"
    may = card.power_cap_w or card.power_limit_w
    return f"{card.power_w:.0f}/{may:.0f}W" if limit and may else f"{card.power_w:.0f}W"


def clock_text(card: GpuView) -> str:
    """`1.9GHz`, with a blank before it; empty where it is not known."""
    return "" if card.sm_clock_mhz is None else f" {card.sm_clock_mhz / 1000:.1f}GHz"


def _line(parts: tuple[str, str], role: str) -> Line:
    filled, rest = parts
    return [(filled, role), (rest, "track")]
