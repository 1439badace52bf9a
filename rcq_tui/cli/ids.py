"""Job ids as people type them: `7`, `10-20`, several; and a verb applied to each.

Must not know which verb.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from engine.protocol.errors import RcqError, Refused
from rcq_tui.cli.failures import UsageError, complain_of
from rcq_tui.viewmodel.text import clean

MAX_IDS = 100_000

Act = tuple[str, Callable[[], str]]
"""Something with a name, such as `job 7`, and what is done to it by a call of its own."""


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


def each_named(acts: Iterable[Act], abreast: int = 1) -> int:
    """The same for whatever has a name. abreast: so many are under way at a time; they are told in order all the same.

    Who cancels a hundred jobs that wait in Slurm waits for Slurm's word on each.
    """
    code = 0
    for name, outcome in _abreast(acts, abreast) if abreast > 1 else acts:
        try:
            print(f"{name}: {clean(outcome())}")
        except Refused as error:
            refused = complain_of(_named(error, name))
            code = code or refused
    return code


def _abreast(acts: Iterable[Act], count: int) -> Iterator[Act]:
    """The same with each begun before it is asked for what came of it, at most `count` ahead."""
    from concurrent.futures import ThreadPoolExecutor

    begun: deque[Act] = deque()
    with ThreadPoolExecutor(count) as pool:
        for name, act in acts:
            begun.append((name, pool.submit(act).result))
            if len(begun) == count:
                yield begun.popleft()
        yield from begun


def _named(error: Refused, name: str) -> RcqError:
    """The error with what it is about, unless it says so itself."""
    if name in error.message.lower():
        return error
    return Refused(error.code, f"{name}: {error.message}", error.details, error.retry_after_s)
