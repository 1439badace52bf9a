"""The host in one line: processors, memory, disk, load; and what is alarming about it in a word.

Pure: `now` is an argument. Must not know what draws the line.
"""

from collections.abc import Sequence

from engine.protocol.responses import Stats
from rcq_tui.viewmodel.bars import meter, sparkline
from rcq_tui.viewmodel.formats import memory, percent
from rcq_tui.viewmodel.history import History
from rcq_tui.viewmodel.pieces import Line, cells_of, fitted
from rcq_tui.viewmodel.text import pad

_FULL, _FULL_MB = 0.05, 2048
"""A disk with less free than this part of it and less than ten times these MiB, or than these, is nearly full."""
_HARD = 0.9
"""Memory beyond this part of it is marked."""

_SPARK = 24
_STEP_S = 5


def disk_alarm(stats: Stats) -> str:
    """What to say of a disk that is nearly full: jobs cannot start without room. Empty while there is some."""
    free, total = stats.disk_free_mb, stats.disk_total_mb
    if free is None or not total:
        return ""
    short = free < _FULL_MB or (free < total * _FULL and free < 10 * _FULL_MB)
    return f"disk nearly full: {memory(free)} free" if short else ""


def host_words(stats: Stats, load: History, cells: int, now: float, *, ascii_only: bool = False) -> Line:
    """The line, in exactly so many cells; figures that the engine does not tell are left out. load: of processors."""
    wide = cells >= 140
    bar = 14 if wide else 8 if cells >= 100 else 5
    line: Line = [("host ", "quiet")]
    parts = [
        _cpu(stats, load.steps(now, _STEP_S) if wide else [], bar, ascii_only),
        _memory(stats, bar, ascii_only),
        _disk(stats, bar, ascii_only),
    ]
    if stats.load1 is not None:
        parts.append([("load ", "quiet"), (f"{stats.load1:.1f}", "text")])
    for part in parts:
        if part and cells_of(line) + cells_of(part) > cells:
            break
        line += [*part, ("   ", "text")] if part else []
    return fitted(line if len(line) > 1 else [], cells)


def _cpu(stats: Stats, past: Sequence[float | None], bar: int, ascii_only: bool) -> Line:
    if stats.host_cpu is None:
        return []
    line: Line = [("cpu ", "quiet"), *_bar(stats.host_cpu, bar, "busy", ascii_only)]
    line.append((pad(percent(stats.host_cpu), 5, right=True), "text"))
    if past:
        line.append((" " + sparkline(past, _SPARK, ascii_only=ascii_only), "history"))
    return line


def _memory(stats: Stats, bar: int, ascii_only: bool) -> Line:
    used, total = stats.host_memory_used_mb, stats.host_memory_total_mb
    if used is None or not total:
        return []
    hard = used > total * _HARD
    words = f" {pad(memory(used), 5, right=True)}/{memory(total)}" + " short" * hard
    return [("memory ", "quiet"), *_bar(used / total, bar, "warn" if hard else "info", ascii_only), (words, "text")]


def _disk(stats: Stats, bar: int, ascii_only: bool) -> Line:
    free, total = stats.disk_free_mb, stats.disk_total_mb
    if free is None or not total:
        return []
    alarm = bool(disk_alarm(stats))
    role = "bad" if alarm else "info"
    words = f" {memory(free)} free" + ", nearly full" * alarm
    return [("disk ", "quiet"), *_bar(1 - free / total, bar, role, ascii_only), (words, role if alarm else "text")]


def _bar(ratio: float, cells: int, role: str, ascii_only: bool) -> Line:
    filled, rest = meter(ratio, cells, ascii_only=ascii_only)
    return [(filled, role), (rest, "track")]
