"""The end of a job's output as it grows: chunks in, safe whole lines out, and the line that is still being written.

Pure. Must not know where chunks come from or what draws the lines.
"""

from engine.protocol.responses import LogChunk
from rcq_tui.viewmodel.text import clean_lines

TAIL_BYTES = 64 * 1024
"""So much of what was there before is shown."""

_UNFINISHED_MOST = 16 * 1024
"""Characters of a line without end that are kept; a progress bar needs few."""

LINE_MOST = 4000
"""Characters of a line that are shown: a job may write lines of megabytes, and what is shown is kept and laid out."""


class LogTail:
    """One stream of one job. next_offset: where to go on reading. skipped: bytes before the first line shown."""

    def __init__(self) -> None:
        self.next_offset = -TAIL_BYTES
        self.skipped = 0
        self.size = 0
        self.complete = False
        self._unfinished = ""
        self._inside_line = False

    def take(self, chunk: LogChunk) -> list[str]:
        """The whole lines that a chunk completes, safe to show."""
        if self.next_offset < 0:
            self.skipped = chunk.offset
            self._inside_line = chunk.offset > 0
        self.next_offset, self.size, self.complete = chunk.next_offset, chunk.size, chunk.complete
        return _shown(self._whole(chunk.text))

    def _whole(self, text: str) -> str:
        text = self._unfinished + text
        if self._inside_line:  # reading began in the middle of a line: its rest would mislead
            text = _after_first_end(text)
            self._inside_line = False
        whole, newline, self._unfinished = text.rpartition("\n")
        self._unfinished = self._unfinished[-_UNFINISHED_MOST:]
        return whole + newline

    @property
    def unfinished(self) -> str:
        """The last line while it has no end yet, such as a progress bar; safe to show."""
        lines = _shown(self._unfinished)
        return lines[-1] if lines else ""


def _shown(text: str) -> list[str]:
    return [_short(line) for line in clean_lines(text)]


def _short(line: str) -> str:
    over = len(line) - LINE_MOST
    return line if over <= 0 else f"{line[:LINE_MOST]}… ({over} more characters)"


def _after_first_end(text: str) -> str:
    """What follows the first line end; a progress bar ends its lines by carriage returns alone.

    All of it where no line ends: half a line says more than none.
    """
    ends = [at for at in (text.find("\n"), text.find("\r")) if at >= 0]
    return text[min(ends) + 1 :] if ends else text
