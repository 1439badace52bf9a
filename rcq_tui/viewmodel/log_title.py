"""The line over a job's output: which stream, how much, whether it is followed, and what is looked for in it.

Pure. Must not know what draws it.
"""

from dataclasses import dataclass

from rcq_tui.viewmodel.formats import duration
from rcq_tui.viewmodel.logsearch import LogSearch, hit_words
from rcq_tui.viewmodel.logwindow import LogWindow
from rcq_tui.viewmodel.states import FINISHED, WAITING
from rcq_tui.viewmodel.text import clean

Line = list[tuple[str, str]]


@dataclass(slots=True, frozen=True, kw_only=True)
class LogLook:
    """What is looked at. quiet_s: seconds since it grew, `None` if it has not since one looks. search: and whether the
    cursor is on a hit.
    """

    stream: str
    window: LogWindow
    state: str
    following: bool
    quiet_s: float | None = None
    search: tuple[LogSearch, bool] | None = None


def log_title(look: LogLook) -> Line:
    """Both streams with the chosen one marked, then what there is to say."""
    line: Line = [(" ", "text")]
    for name in ("stdout", "stderr"):
        chosen = name == look.stream
        line.append((f"[{name}]" if chosen else f" {name} ", "title" if chosen else "quiet"))
    line.append((f"   {_words(look)}", "quiet"))
    if look.search is not None:
        search, at_hit = look.search
        here = ", here" if at_hit else ""
        line.append((f"   /{clean(search.wanted)}: {hit_words(search)}{here}", "info"))
    return line


def _words(look: LogLook) -> str:
    window = look.window
    if look.state in WAITING:
        return "no output before it starts"
    if window.size == 0:
        return "it wrote nothing" if look.state in FINISHED else "nothing written yet"
    parts = [_bytes(window.size)]
    if window.complete and window.at_end:
        parts.append("complete")
    elif look.following:
        parts.append("following")
    else:
        parts.append("not following (G follows)")
    if not look.following and window.size > window.next_offset - window.begin:
        parts.append(f"read {_part(window.begin, window.size)} to {_part(window.next_offset, window.size)}")
    if look.quiet_s is not None and look.quiet_s >= _QUIET_S and not window.complete:
        parts.append(f"nothing new for {_coarse(look.quiet_s)}")
    return ", ".join(parts)


_QUIET_S = 10.0


def _coarse(seconds: float) -> str:
    """In steps, so that a line that only counts is not drawn each second."""
    if seconds < 60:
        return f"{int(seconds) // 10 * 10}s"
    return f"{int(seconds) // 60}m" if seconds < 3600 else duration(seconds)


def _part(at: int, size: int) -> str:
    return f"{100 * at // size}%"


def _bytes(number: int) -> str:
    if number < 1024:
        return f"{number} bytes"
    if number < 1024 * 1024:
        return f"{number / 1024:.1f} KiB"
    mib = number / 1024 / 1024
    return f"{mib:.1f} MiB" if mib < 1024 else f"{mib / 1024:.2f} GiB"
