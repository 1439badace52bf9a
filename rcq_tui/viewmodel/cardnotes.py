"""What is special about a card, in words: who else is on it, why it is out of use, what slows it down.

Pure. Must not know what draws the words; light enough for the command line.
"""

from collections.abc import Iterator

from engine.protocol.cards import GpuProcessView, GpuView
from rcq_tui.viewmodel.faults import HEALS, fault
from rcq_tui.viewmodel.formats import counted, degrees, duration, memory, moment
from rcq_tui.viewmodel.text import clean, cut

_SHOWN = 3
"""So many foreign processes are named, the largest; the others are counted."""
_OLD_S = 10.0

THROTTLES = {
    "sw-thermal": "its driver, because of heat",
    "hw-thermal": "itself, because of heat",
    "hw-slowdown": "a hardware signal (heat or power)",
    "power-cap": "its power limit",
    "power-brake": "the power supply",
    "sync-boost": "the card it is synchronised with",
}
"""What slows a card down, by the words of a reading."""
_USUAL = frozenset({"power-cap"})
"""A card that works hard draws what it may."""
_SHORT = {"sw-thermal": "heat", "hw-thermal": "heat", "hw-slowdown": "hardware", "power-brake": "power supply"}


def notes(card: GpuView, now: float) -> list[str]:
    """Everything special about the card, one sentence each, the gravest first; empty for a card that is fine.

    now: Unix seconds.
    """
    return list(_notes(card, now))


def strangers(card: GpuView) -> list[GpuProcessView]:
    """The foreign processes on the card, the largest first."""
    foreign = [process for process in card.processes if process.foreign]
    return sorted(foreign, key=lambda process: (-(process.memory_mb or 0), process.pid))


def stranger(process: GpuProcessView, *, cells: int = 60) -> str:
    """Who it is and what it holds: `eve python 3.2G`; its command takes `cells` at most."""
    parts = [clean(process.user or f"pid {process.pid}")]
    if process.command:
        parts.append(cut(clean(process.command), cells))
    if process.memory_mb is not None:
        parts.append(memory(process.memory_mb))
    return " ".join(parts)


def slowed(card: GpuView) -> list[str]:
    """What slows the card down, a word each, each once; empty where that is usual or not told."""
    unusual = [word for word in card.throttle if word not in _USUAL]
    return list(dict.fromkeys(_SHORT.get(word, clean(word)) for word in unusual))


def too_much(card: GpuView) -> bool:
    """Whether what others hold keeps jobs off the card."""
    return card.tolerated_mb is not None and card.foreign_mb > card.tolerated_mb


def _notes(card: GpuView, now: float) -> Iterator[str]:
    if card.state in {"quarantined", "missing", "drained"}:
        yield _out_of_use(card, now)
    if card.state == "hot":
        yield f"too hot to start a job on: it comes back below {degrees(card.resume_c)}."
    if card.margin_c is not None and card.margin_c <= 0:
        yield "no degree is left before it slows itself down."
    if slowed := [word for word in card.throttle if word not in _USUAL]:
        yield f"slowed down by {' and '.join(THROTTLES.get(word, clean(word)) for word in slowed)}."
    if card.power_cap_w is not None:
        yield f"held to {card.power_cap_w:.0f} W by rcq."
    yield from _foreign(card)
    if card.settling and card.state in {"ok", "hot"}:
        yield "a job has just left it; it is offered again once its memory is seen free."
    if card.ecc_uncorrected:
        yield f"{counted(card.ecc_uncorrected, 'memory error')} beyond correction since its driver was loaded."
    if card.age_s > _OLD_S and card.state != "missing":
        yield f"last read {duration(card.age_s)} ago."


def _out_of_use(card: GpuView, now: float) -> str:
    since = f" since {moment(card.since, now)}" if card.since is not None else ""
    if card.state == "drained":
        why = f": {clean(card.why)}" if card.why else ""
        return f"drained by an admin{since}{why}. Back with: rcq resume {card.index}"
    if card.state == "missing":
        return f"cannot be read{since}" + (f": {fault(card.why)}." if card.why else ".")
    seen = f" ({clean(card.detail)})" if card.detail else ""
    told = (fault(card.why) if card.why else "the health monitor took it out of use") + seen
    if card.why in HEALS:
        told += ". Back by itself once it is well and free, or tested at once with"
    else:
        told += ". Tested and back with"
    return f"quarantined{since}: {told}: rcq resume {card.index}"


def _foreign(card: GpuView) -> Iterator[str]:
    found = strangers(card)
    for process in found[:_SHOWN]:
        yield f"not started by rcq: {stranger(process)} (pid {process.pid})."
    if len(found) > _SHOWN:
        yield f"and {len(found) - _SHOWN} more that rcq did not start."
    if too_much(card):
        used = memory(card.foreign_mb)
        if found:
            bound = f"{used} in foreign use, {memory(card.tolerated_mb)} are tolerated"
            yield f"{bound}: no job starts here. `rcq adopt PID` makes a process a job."
        else:
            yield f"{used} are in use and nobody is known to hold them: no job starts here."
