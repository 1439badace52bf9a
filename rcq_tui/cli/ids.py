"""Job ids as people type them: `7`, `10-20`, several; and a verb applied to each.

Must not know which verb.
"""

from collections.abc import Callable, Iterable
from functools import partial

from engine.protocol.errors import RcqError, Refused
from rcq_tui.cli.failures import UsageError, complain_of
from rcq_tui.viewmodel.text import clean

MAX_IDS = 100_000


def job_id(text: str) -> int:
    """One id. Raises UsageError."""
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{text!r} is no job id; ids are whole numbers, as `rcq queue` shows them")
    return int(text)


def job_ids(words: Iterable[str]) -> list[int]:
    """Ids and ranges, in the given order, each once. Raises UsageError."""
    ids: dict[int, None] = {}
    for word in words:
        first, dash, last = word.partition("-")
        low = job_id(first)
        high = job_id(last) if dash else low
        if high < low:
            raise UsageError(f"{word!r} is no range; the smaller id comes first")
        if high - low + len(ids) >= MAX_IDS:
            raise UsageError(f"{word!r} makes more than {MAX_IDS} jobs; give fewer at once")
        ids.update(dict.fromkeys(range(low, high + 1)))
    return list(ids)


def each(ids: Iterable[int], act: Callable[[int], str]) -> int:
    """Do it to every job, print what became of each, and go on after a refusal.

    Returns 0, or the exit code of the first refusal. Unreachable is raised: the rest would fail alike.
    """
    return each_named((f"job {number}", partial(act, number)) for number in ids)


def each_named(acts: Iterable[tuple[str, Callable[[], str]]]) -> int:
    """The same for whatever has a name, such as `job 7`, and is done by a call of its own."""
    code = 0
    for name, act in acts:
        try:
            print(f"{name}: {clean(act())}")
        except Refused as error:
            refused = complain_of(_named(error, name))
            code = code or refused
    return code


def _named(error: Refused, name: str) -> RcqError:
    """The error with what it is about, unless it says so itself."""
    if name in error.message.lower():
        return error
    return Refused(error.code, f"{name}: {error.message}", error.details, error.retry_after_s)
