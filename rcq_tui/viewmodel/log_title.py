"""The line over a job's output: which stream, how much, whether it is followed.

Pure. Must not know what draws it.
"""

from rcq_tui.viewmodel.logtail import LogTail
from rcq_tui.viewmodel.states import FINISHED, WAITING

Line = list[tuple[str, str]]


def log_title(stream: str, tail: LogTail, state: str, *, following: bool) -> Line:
    """Both streams with the chosen one marked, then what there is to say."""
    line: Line = [(" ", "text")]
    for name in ("stdout", "stderr"):
        line.append((f"[{name}]" if name == stream else f" {name} ", "title" if name == stream else "quiet"))
    return [*line, (f"   {_words(tail, state, following=following)}", "quiet")]


def _words(tail: LogTail, state: str, *, following: bool) -> str:
    if state in WAITING:
        return "no output before it starts"
    if tail.size == 0:
        return "it wrote nothing" if state in FINISHED else "nothing written yet"
    parts = [_bytes(tail.size)]
    if tail.skipped:
        parts.append(f"the first {_bytes(tail.skipped)} are left out here")
    if tail.complete:
        parts.append("complete")
    else:
        parts.append("following" if following else "not following (G follows)")
    return ", ".join(parts)


def _bytes(number: int) -> str:
    if number < 1024:
        return f"{number} bytes"
    return f"{number / 1024:.1f} KiB" if number < 1024 * 1024 else f"{number / 1024 / 1024:.1f} MiB"
