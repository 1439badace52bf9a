"""What a command in the foreground says to the person beside its job's output: on standard error, never in its way.

Where nobody can hear it (a full disk, a pipe that nobody reads, a terminal that has gone away), all goes on without.
Must not know jobs.
"""

import os
import sys


def tell(text: str, end: str = "\n") -> None:
    """Say it, if that can be heard."""
    try:
        print(text, end=end, file=sys.stderr, flush=True)
    except OSError:  # what was not written would be tried again when this process ends
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stderr.fileno())
        os.close(null)


def complain(message: str) -> None:
    """What went wrong, as other commands say it."""
    from rcq_tui.viewmodel.text import clean

    tell(f"rcq: {clean(message)}")


class Line:
    """One line which is written over at a terminal and said once elsewhere."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._shown = ""

    def say(self, text: str) -> None:
        """Show it, unless it is there."""
        if not self._is_terminal:
            if not self._shown:
                self._shown = text
                tell(text)
        elif (text := text[: _columns() - 1]) != self._shown:  # what wraps cannot be written over
            self._shown = text
            tell(f"\r\x1b[K{text}", end="")

    def wipe(self) -> None:
        """What comes next begins where it was."""
        if self._shown and self._is_terminal:
            tell("\r\x1b[K", end="")


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:  # it has gone away
        return 80
