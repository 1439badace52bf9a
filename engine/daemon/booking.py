"""Which cards a booking gets, or why it cannot have them: states of cards and what stands in their calendar.

Must not know who books or how much anybody may.
"""

from collections.abc import Sequence

from engine.core.snapshot import Gpu
from engine.daemon.calendar import Calendar, Clash, clock_time
from engine.protocol.errors import Refused


def in_use(gpus: Sequence[Gpu]) -> None:
    """Whether all of these cards are in use, that is neither drained nor lost. INVALID_STATE."""
    out = [_out_of_use(gpu) for gpu in gpus if not _usable(gpu)]
    if out:
        raise _refused(", ".join(out) + ". Book another card, or wait until it is back.", [])


def exactly(calendar: Calendar, gpus: list[Gpu], start: float, end: float) -> list[Gpu]:
    """Exactly these cards. INVALID_STATE unless all of them are free."""
    clashes = [clash for gpu in gpus if (clash := calendar.clash(gpu, start, end)) is not None]
    if clashes:
        raise _taken(clashes, calendar.earliest(gpus, len(gpus), start, end - start))
    return gpus


def any_of(calendar: Calendar, gpus: Sequence[Gpu], count: int, start: float, end: float) -> list[Gpu]:
    """So many cards, chosen so that it disturbs least. IMPOSSIBLE_REQUEST, INVALID_STATE."""
    if count > len(gpus):
        told = f"{count} cards are asked for and this host has {len(gpus)}. Ask for fewer."
        raise Refused("IMPOSSIBLE_REQUEST", told, [_too_many(count, len(gpus))])
    usable = [gpu for gpu in gpus if _usable(gpu)]
    out = [_out_of_use(gpu) for gpu in gpus if not _usable(gpu)]
    if count > len(usable):
        told = f"{count} cards are asked for and {len(usable)} can be booked: {', '.join(out)}. Ask for fewer."
        raise _refused(told, [_too_many(count, len(usable))])
    clashes = {gpu.uuid: calendar.clash(gpu, start, end) for gpu in usable}
    free = [gpu for gpu in usable if clashes[gpu.uuid] is None]
    if count > len(free):
        taken = [clash for clash in clashes.values() if clash is not None]
        raise _taken(taken, calendar.earliest(usable, count, start, end - start))
    return calendar.least_disturbing(free, count)


def _usable(gpu: Gpu) -> bool:
    return not (gpu.drained or gpu.quarantined)


def _out_of_use(gpu: Gpu) -> str:
    return f"GPU {gpu.index} is {'drained' if gpu.drained else 'missing or quarantined'}"


def _taken(clashes: list[Clash], earliest: float) -> Refused:
    told = "; ".join(clash.told() for clash in clashes)
    details: list[dict[str, object]] = [
        {
            "field": "start_at",
            "message": "booked" if clash.booked else "a job's time limit lasts longer",
            "gpu": clash.gpu.index,
            "until": clash.until,
            "booked": clash.booked,
            "earliest_start": earliest,
        }
        for clash in clashes
    ]
    return _refused(f"{told}. The earliest start that works is {clock_time(earliest)}.", details)


def _too_many(wanted: int, most: int) -> dict[str, object]:
    return {"field": "gpus", "message": "more than there are", "wanted": wanted, "most": most}


def _refused(message: str, details: list[dict[str, object]]) -> Refused:
    return Refused("INVALID_STATE", message, details)
