"""How the engine does, in lines: facts, its passes as a plot, its timers. Must not know what draws them."""

from collections.abc import Sequence

from engine.protocol.enginefigures import EngineView, PassView, TimerView
from rcq_tui.viewmodel.formats import counted, duration, memory, moment, until
from rcq_tui.viewmodel.pieces import Line, Piece
from rcq_tui.viewmodel.plots import area, round_top, y_labels
from rcq_tui.viewmodel.text import clean, pad

_PLOT_ROWS = 5
_LATE_S = 1.0
"""An event loop that is late by more makes everybody wait."""
_OLD_BACKUP_S = 2 * 86_400.0


def engine_lines(engine: EngineView, passes: Sequence[PassView], cells: int, *, ascii_only: bool = False) -> list[Line]:
    """All of it, for so many cells."""
    now = engine.now
    return [
        *([[("! ", "bad"), (clean(engine.trouble), "bad")]] if engine.trouble else []),
        *_facts(engine, now),
        [],
        *_plot(passes, cells, ascii_only),
        *[_pass_line(one, now) for one in list(passes)[-5:][::-1]],
        [],
        [("Timers", "title")],
        *[_timer_line(one, now) for one in engine.timers],
    ]


def _facts(engine: EngineView, now: float) -> list[Line]:
    backup = engine.last_backup_at
    process = f"{engine.pid}, up for {duration(now - engine.started_at)}, {memory(engine.memory_mb)} of memory"
    slowest = f"in the last minute at worst {_ms(engine.slowest_commit_s)}"
    failed = "bad" if engine.failed_passes else "text"
    pairs: list[tuple[str, Piece]] = [
        ("version", (clean(engine.version), "text")),
        ("process", (process, "text")),
        ("event loop", (f"late by {engine.loop_lag_s * 1000:.0f} ms at worst in the last minute", _loop(engine))),
        ("passes", (f"{engine.passes:,}, of which {engine.failed_passes:,} failed", failed)),
        ("commits", (f"{engine.commits:,}, the last in {_ms(engine.commit_s)}, {slowest}", "text")),
        ("database", (f"{memory(engine.database_mb)}, write-ahead log {memory(engine.wal_mb)}", "text")),
        ("backup", (_backup(backup, now), "text" if backup and now - backup < _OLD_BACKUP_S else "warn")),
        ("listeners", (counted(engine.followers, "open event stream"), "text")),
    ]  # fmt: skip
    return [[(pad(label, 12), "quiet"), piece] for label, piece in pairs]


def _loop(engine: EngineView) -> str:
    return "warn" if engine.loop_lag_s > _LATE_S else "text"


def _backup(at: float | None, now: float) -> str:
    return "none that it knows of. Make one: rcq backup" if at is None else f"{duration(now - at)} ago"


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f} ms"


def _plot(passes: Sequence[PassView], cells: int, ascii_only: bool) -> list[Line]:
    if not passes:
        return [[("Passes  none yet", "title")]]
    values = [one.seconds * 1000 for one in passes]
    top = round_top(max(values))
    labels = y_labels(_PLOT_ROWS, top, lambda value: f"{value:g} ms")
    wide = max(8, min(len(values) * 2, cells - len(labels[0]) - 2))
    rows = area([value for value in values for _ in (0, 1)][-wide:], wide, _PLOT_ROWS, top=top, ascii_only=ascii_only)
    title: Line = [("Passes", "title"), (f"  the last {len(values)}, how long each took", "quiet")]
    return [title, *[[(label + " ", "quiet"), (row, "busy")] for label, row in zip(labels, rows, strict=True)]]


def _pass_line(one: PassView, now: float) -> Line:
    told = f"{one.pending:,} waited in {counted(one.groups, 'group')}: {one.started} started, {one.promised} promised"
    more = f", {one.stopped} stopped" if one.stopped else ""
    return [
        (pad(f"{duration(now - one.at)} ago", 12), "quiet"),
        (pad(f"{one.seconds * 1000:.1f} ms", 10, right=True) + "  ", "text"),
        (told + more, "quiet"),
    ]


def _timer_line(one: TimerView, now: float) -> Line:
    every = "once" if one.every_s is None else f"every {duration(one.every_s)}"
    due = "-" if one.next_at is None else f"{until(one.next_at, now)} ({moment(one.next_at, now)})"
    return [(pad(clean(one.name), 24), "text"), (pad(every, 14), "quiet"), (due, "quiet")]
