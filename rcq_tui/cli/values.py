"""Readers of what options are given, which keep their words for the person who typed it.

What reads a value is loaded when there is one: every submission declares all of these and most use none. Must not know
which options there are.
"""

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

from rcq_tui.cli.options import pair, unfit

T = TypeVar("T")


def size_of(text: str) -> int:
    """MiB. Raises ArgumentTypeError, as all of these do."""
    from rcq_tui.viewmodel.units import mebibytes

    return _read(mebibytes, text)


def duration_of(text: str) -> int:
    """Seconds."""
    from rcq_tui.viewmodel.units import seconds

    return _read(seconds, text)


def moment_of(text: str) -> float:
    """A point in time from now on, as Unix seconds."""
    from rcq_tui.cli.times import instant

    return _read(lambda given: instant(given, time.time()), text)


def past_of(text: str) -> float:
    """A point in time that is over, or so long ago, as Unix seconds."""
    from rcq_tui.cli.pasttime import past

    return past(text, time.time())


def end_of(text: str) -> float:
    """The same as the end of a span; a date may be still to come."""
    from rcq_tui.cli.pasttime import end

    return end(text, time.time())


def array_of(text: str) -> str:
    """The indices of a job array, as they were written."""
    from engine.protocol.arrays import parse_array

    _read(parse_array, text)
    return text


def awaited_of(text: str) -> list[dict[str, Any]]:
    """Whom a job waits for, as `after.conditions` gives it."""
    from rcq_tui.cli.after import conditions

    return _read(conditions, text)


def skipped_of(text: str) -> list[str]:
    """Options of sbatch by their long names, with or without dashes."""
    from rcq_tui.cli.slurm.grammar import KNOWN

    names = [name.strip().lstrip("-") for name in text.split(",")]
    if unknown := [name for name in names if name not in KNOWN]:
        raise unfit(f"{unknown[0]!r} is no option of sbatch; write its long name, such as partition,qos")
    return names


def variable(text: str) -> tuple[str, str]:
    """`K=V`, or `K` alone with the value that it has here."""
    if "=" in text:
        return pair(text)
    if text not in os.environ:
        raise unfit(f"{text} is not set here; write {text}=VALUE")
    return text, os.environ[text]


def _read(read: Callable[[str], T], text: str) -> T:
    """Of a ValueError argparse would show only that there was one."""
    try:
        return read(text)
    except ValueError as error:
        raise unfit(str(error)) from error
