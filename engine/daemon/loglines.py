"""How the engine's log lines look: with a time for a file, with a priority for the journal, which knows the time.

Whatever of a line came from outside (a log-in's name, an error's words) is escaped: only the head of a record begins at
the margin, so nobody can write a line that looks like the engine's own. Must not know who logs what.
"""

import logging
import os
import sys
from collections.abc import Mapping
from types import TracebackType

from engine.daemon.printable import escaped

PLAIN = "%(asctime)s %(levelname)s %(name)s: %(message)s"
IN_JOURNAL = "%(name)s: %(message)s"
PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
"""syslog's numbers, as the journal reads them at the head of a line; anything below is 7."""
INDENT = "  "
Trouble = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
"""As logging hands over what was raised."""


def set_up(environ: Mapping[str, str] = os.environ) -> None:
    """Send the log to standard error, in the form for whoever reads that."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JournalFormatter() if goes_to_journal(environ) else EscapingFormatter(PLAIN))
    logging.basicConfig(handlers=[handler], level=logging.INFO)


def goes_to_journal(environ: Mapping[str, str]) -> bool:
    """Whether standard error is the stream that the service manager connected to the journal.

    The variable alone does not tell: a child's output may have been sent elsewhere.
    """
    try:
        found = os.fstat(2)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


class EscapingFormatter(logging.Formatter):
    """The head of a record on one line, a traceback set in below it, no control characters anywhere."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """The head."""
        return escaped(super().formatMessage(record))

    def formatException(self, ei: Trouble) -> str:  # noqa: N802 (logging's name)
        """The traceback. An error's message may hold line breaks, so each of its lines is set in."""
        return "\n".join(INDENT + escaped(line) for line in super().formatException(ei).split("\n"))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 (logging's name)
        """A stack that was asked for, likewise."""
        return "\n".join(INDENT + escaped(line) for line in stack_info.split("\n"))


class JournalFormatter(EscapingFormatter):
    """Each line of a record with its priority: the journal takes a traceback apart."""

    def __init__(self) -> None:
        super().__init__(IN_JOURNAL)

    def format(self, record: logging.LogRecord) -> str:
        """The record's lines."""
        number = next((number for level, number in PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{number}>{line}" for line in super().format(record).split("\n"))
