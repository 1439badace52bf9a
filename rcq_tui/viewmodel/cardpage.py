"""Everything about one card, as lines under headings.

Pure: `now` is an argument. Must not know what draws the lines, or what may be done to a card.
"""

from textwrap import wrap

from engine.protocol.cards import GpuProcessView, GpuUser, GpuView
from rcq_tui.viewmodel.bars import graph
from rcq_tui.viewmodel.cardfacts import heat_meter, memory_meter, memory_text, power_meter, power_text, use_meter
from rcq_tui.viewmodel.cardnotes import notes
from rcq_tui.viewmodel.cards import step_s, title
from rcq_tui.viewmodel.carduse import job_words, time_left
from rcq_tui.viewmodel.formats import counted, degrees, memory, moment, percent
from rcq_tui.viewmodel.history import History
from rcq_tui.viewmodel.pieces import Line, fitted
from rcq_tui.viewmodel.slots import on_card
from rcq_tui.viewmodel.states import colour, symbol
from rcq_tui.viewmodel.text import clean, cut, pad

_LABEL = 11
_METER = 30
_ROWS = 4
"""Of the history."""


def headline(card: GpuView, *, ascii_only: bool = False) -> Line:
    """Which card it is, and its state in a word."""
    (sign, index, name) = title(card, ascii_only=ascii_only)
    return [sign, (f"GPU {index[0]}", index[1]), name, ("   ", "text"), (clean(card.state), colour(card.state))]


def lines(card: GpuView, history: History | None, cells: int, now: float, *, ascii_only: bool = False) -> list[Line]:
    """The page in lines of exactly so many cells."""
    parts = [
        _state(card, cells, now),
        _figures(card, cells, ascii_only),
        _past(history, cells, now, ascii_only),
        _jobs(card, now, ascii_only),
        _processes(card, cells),
        _place(card, cells),
    ]
    joined: list[Line] = []
    for part in parts:
        joined += [*part, []] if part else []
    return [fitted(line, cells) for line in joined[:-1]]


def _state(card: GpuView, cells: int, now: float) -> list[Line]:
    """What is special about it; of a card that is fine, whether a job may start there."""
    told = [note[0].upper() + note[1:] for note in notes(card, now)]
    if not told:
        told = ["In use and well." if card.jobs else "Free: a job may start here."]
        role = "ok"
    else:
        role = "warn" if card.state == "ok" else colour(card.state)
    if card.slot is not None:
        words = on_card(card.slot)
        told.append(f"{words[0].upper()}{words[1:]}, until {moment(card.slot.end_at, now)}.")
    return [[(text, role)] for sentence in told for text in wrap(sentence, cells)]


def _figures(card: GpuView, cells: int, ascii_only: bool) -> list[Line]:
    bar = min(_METER, max(6, cells // 4))
    clocks = [
        f"{name} clock {mhz / 1000:.2f} GHz"
        for name, mhz in (("core", card.sm_clock_mhz), ("memory", card.memory_clock_mhz))
        if mhz is not None
    ]
    limits = [f"no start from {degrees(card.threshold_c)}", f"back below {degrees(card.resume_c)}"]
    if card.slowdown_c is not None:
        limits.append(f"slows itself down at {degrees(card.slowdown_c)}")
    elif card.margin_c is not None:
        limits.append(f"{card.margin_c:.0f} degrees before it slows itself down")
    capped = [f"held to {card.power_cap_w:.0f} W by rcq"] if card.power_cap_w is not None else []
    held = sum(job.memory_mb or 0 for job in card.jobs)
    asked = [f"{memory(held)} asked for by jobs"] if held else []
    return [
        _measured("use", use_meter(card, bar, ascii_only=ascii_only), percent(card.utilization), clocks),
        _measured("memory", memory_meter(card, bar, ascii_only=ascii_only), memory_text(card), asked),
        _measured("heat", heat_meter(card, bar, ascii_only=ascii_only), degrees(card.temperature_c), limits),
        _measured("power", power_meter(card, bar, ascii_only=ascii_only), power_text(card, limit=True), capped),
    ]


def _measured(label: str, bar: Line, value: str, more: list[str]) -> Line:
    return [
        (pad(label, _LABEL), "quiet"),
        *bar,
        (pad(value, 10, right=True) + "  ", "text"),
        (", ".join(more), "quiet"),
    ]


def _past(history: History | None, cells: int, now: float, ascii_only: bool) -> list[Line]:
    room = min(120, cells - _LABEL)
    values = history.steps(now, step_s(room)) if history else []
    rows = graph(values, min(room, max(1, len(values))), _ROWS, ascii_only=ascii_only)
    labels = ["use in the", "last 2 min"] + [""] * _ROWS
    return [[(pad(label, _LABEL), "quiet"), (row, "history")] for label, row in zip(labels, rows, strict=False)]


def _jobs(card: GpuView, now: float, ascii_only: bool) -> list[Line]:
    return [
        [
            (pad("jobs" if at == 0 else "", _LABEL), "quiet"),
            (f"{symbol('running', ascii_only=ascii_only)} {job_words(job, with_name=True)}", "text"),
            (_of_job(job, now), "quiet"),
        ]
        for at, job in enumerate(card.jobs)
    ]


def _of_job(job: GpuUser, now: float) -> str:
    parts = [f"{time_left(job, now)}, ends by {moment(job.until, now)}"] if job.until is not None else []
    parts += [f"{memory(job.memory_mb)} asked for"] if job.memory_mb else []
    return "   " + ", ".join(parts)


def _processes(card: GpuView, cells: int) -> list[Line]:
    """The largest first; those that rcq did not start say so in words."""
    found = sorted(card.processes, key=lambda process: (-(process.memory_mb or 0), process.pid))
    rows = [_process(process, cells) for process in found]
    heading: Line = [(pad("processes", _LABEL) + pad("pid", 9) + pad("user", 13) + pad("memory", 9) + "of", "quiet")]
    return [heading, *rows] if rows else []


def _process(process: GpuProcessView, cells: int) -> Line:
    whose = "not of rcq" if process.foreign else f"job {process.job}" if process.job is not None else "a job"
    words = [pad(str(process.pid), 9), pad(clean(process.user or "-"), 13), pad(memory(process.memory_mb), 9)]
    room = max(0, cells - _LABEL - 31 - 14)
    return [
        (" " * _LABEL + "".join(words), "text"),
        (pad(whose, 14), "warn" if process.foreign else "text"),
        (cut(clean(process.command or ""), room), "quiet"),
    ]


def _place(card: GpuView, cells: int) -> list[Line]:
    """What it is called and where it is plugged in, its memory's errors, its closest cards."""
    ecc = [
        counted(number, f"{kind} error")
        for kind, number in (("corrected", card.ecc_corrected), ("uncorrected", card.ecc_uncorrected))
        if number is not None
    ]
    facts = [
        ("model", clean(card.model)),
        ("UUID", clean(card.uuid)),
        ("MIG part of", clean(card.parent or "")),
        ("PCI", clean(card.pci or "")),
        ("NUMA node", "" if card.numa_node is None else str(card.numa_node)),
        ("linked to", _links(card)),
        ("ECC", ", ".join(ecc)),
    ]
    return [[(pad(label, _LABEL), "quiet"), (cut(value, cells - _LABEL), "text")] for label, value in facts if value]


def _links(card: GpuView) -> str:
    """`1, 3 closest, then 0, 2`: indices by how closely they are linked."""
    ranks: dict[int, list[str]] = {}
    for index, rank in enumerate(card.links):
        if index != card.index and rank > 0:
            ranks.setdefault(rank, []).append(str(index))
    near = [", ".join(ranks[rank]) for rank in sorted(ranks, reverse=True)]
    return f"{near[0]} closest" + "".join(f", then {more}" for more in near[1:]) if len(near) > 1 else "".join(near)
