"""What goes wrong in a command, as lines on standard error and an exit code.

The lines are the same with `--json`: standard output then holds the document or nothing. Must not know any verb.
"""

import sys
from typing import Any

from engine.protocol.errors import EXIT_FAILED, EXIT_OF_CODE, EXIT_UNREACHABLE, RcqError, Refused

EXIT_TIMED_OUT = 124
"""As timeout(1) has it."""
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
"""As a shell shows a program that ended because nobody reads its output any more."""


class UsageError(Exception):
    """The command line is wrong; nothing was sent. The message says what to write instead."""


class Failed(Exception):
    """The command could not do its work, for a reason on this side. The message says what to do."""


def exit_code(error: RcqError) -> int:
    """The command's exit code for what the engine said, or that it said nothing."""
    return EXIT_OF_CODE.get(error.code, EXIT_FAILED) if isinstance(error, Refused) else EXIT_UNREACHABLE


def complain(message: str) -> None:
    """One line on standard error."""
    from rcq_tui.viewmodel.text import clean

    sys.stdout.flush()
    print(f"rcq: {clean(message)}", file=sys.stderr)


def complain_of(error: RcqError) -> int:
    """Tell what the engine refused, with its details one a line, and return the exit code."""
    from rcq_tui.viewmodel.text import clean

    complain(str(error))
    if isinstance(error, Refused):
        lines = [detail_line(detail) for detail in error.details]
        for line in lines if lines != [str(error)] else []:  # one detail is often the whole message already
            print(f"  {clean(line)}", file=sys.stderr)
        if error.retry_after_s is not None and "try again in" not in str(error).lower():
            print(f"  try again in {error.retry_after_s:.0f} s", file=sys.stderr)
    return exit_code(error)


def detail_line(detail: dict[str, Any]) -> str:
    """`field: message`, or the message alone where no field is to blame; then the numbers that came with it."""
    if not isinstance(detail, dict):
        return str(detail)
    head = ": ".join(str(detail[key]) for key in ("field", "message") if detail.get(key) not in {None, ""})
    rest = ", ".join(f"{key} {value}" for key, value in detail.items() if key not in {"field", "message"})
    return f"{head} ({rest})" if head and rest else head or rest
