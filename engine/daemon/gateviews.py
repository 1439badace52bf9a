"""What is told of a job at the gate: why it waits there, and when it may start where only a time is in the way.

Must not plan anything, nor know who asks.
"""

from dataclasses import replace

from engine.core.model import JobId
from engine.core.reasons import Dependency, NotBefore
from engine.daemon.books import Books
from engine.daemon.gate import Entry
from engine.daemon.outlook import Outlook, as_dicts
from engine.protocol.responses import Preview, Why

BEGIN = "begin"
"""On what an expected start rests: the begin time, before which the job does not even stand in the queue."""
MOST_IN_LISTS = 10
"""A job may wait for a thousand others; a row names the first of them."""


def at_gate(books: Books, job: JobId, most: int | None = MOST_IN_LISTS) -> Outlook | None:
    """The outlook of a job that waits at the gate and is not held; `None` of any other."""
    reasons = books.gate_reasons(job, most)
    return _outlook(reasons) if reasons else None


def why(books: Books, job: JobId, state: str) -> Why:
    """Why a job waits that does not stand in the queue; with all that it waits for."""
    found = at_gate(books, job, None)
    answer = Why(id=int(job), state=state, reasons=[], pending=len(books.pending))
    if found is not None:
        answer.reasons, answer.expected_start, answer.basis = found.reasons, found.expected_start, found.basis
    return answer


def previewed(books: Books, found: Preview, entry: Entry | None) -> Preview:
    """The preview of a job that would wait at the gate first. found: of the same job without that."""
    if entry is None:
        return found
    outlook = _outlook(books.reasons_of(entry))
    return replace(
        found,
        starts_now=False,
        expected_start=outlook.expected_start,
        basis=outlook.basis,
        later_than=None,
        reasons=outlook.reasons,
        helps=[],
        place="",
    )


def _outlook(reasons: list[NotBefore | Dependency]) -> Outlook:
    begins = [one.begin_at for one in reasons if isinstance(one, NotBefore)]
    alone = begins[0] if len(begins) == len(reasons) else None
    return Outlook(as_dicts(reasons), alone, None if alone is None else BEGIN)
