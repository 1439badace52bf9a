"""Words for notifications: a subject of one line, and the text of a mail.

Names of jobs are strangers' words: all of it is cleaned. Must not know how a notification travels; light enough for
the command line.
"""

from engine.protocol.notifications import Notification, ToldArray, ToldJob
from rcq_tui.viewmodel import notices
from rcq_tui.viewmodel.formats import duration, exact
from rcq_tui.viewmodel.text import clean, cut

SUBJECT_CELLS = 150
_NAME_CELLS = 60
_WORDS = {"end": "ended", "failed": "failed", "preempted": "preempted", "warning": "warning"}


def subject(told: Notification) -> str:
    """One line; with what it is about where that is one thing alone."""
    if told.test:
        return f"rcq on {clean(told.host)}: a test"
    return cut(f"rcq on {clean(told.host)}: {_gist(told)}", SUBJECT_CELLS)


def text(told: Notification) -> str:
    """Some lines, each one thing that happened; ends with a line feed."""
    if told.test:
        lines = [f"This is a test of the notifications of {clean(told.account)}. They arrive."]
    else:
        lines = [*map(_job, told.jobs), *map(_array, told.arrays)]
        lines += [notices.toast(warning) for warning in told.warnings]
        lines += _more(told)
    return "\n".join([*lines, "", f"{exact(told.at)}, rcq on {clean(told.host)}. To change this: rcq notify", ""])


def _gist(told: Notification) -> str:
    only = [*map(_job, told.jobs), *map(_array, told.arrays), *map(notices.toast, told.warnings)]
    if len(only) == 1 and _number(told) == 1:
        return only[0].rstrip(".")
    counts = [f"{number} {_WORDS.get(event, event)}" for event, number in told.counts.items() if number]
    return ", ".join(counts) or "nothing"


def _number(told: Notification) -> int:
    return sum(told.counts.values())


def _job(job: ToldJob) -> str:
    took = "" if job.run_s is None else f" after {duration(job.run_s)}"
    if job.state == "preempted":
        return f"Job {job.id}{_named(job.name)} was preempted{took} and waits again."
    how = _how(job)
    said = f": {how}" if how else ""
    return f"Job {job.id}{_named(job.name)} {clean(job.state)}{took}{said}."


def _how(job: ToldJob) -> str:
    if job.state == "failed" and job.cause == "exit":
        return f"exit {job.exit_code}"
    if job.cause == "signal" and job.signal is not None:
        return f"signal {job.signal}"
    return "" if job.cause in (None, "exit", "cancelled") else clean(job.cause)


def _array(array: ToldArray) -> str:
    counts = {"completed": array.completed, "failed": array.failed, "cancelled": array.cancelled}
    parts = ", ".join(f"{number} {state}" for state, number in counts.items() if number)
    return f"Job array {array.id}{_named(array.name)} has ended: of {array.elements} jobs {parts or 'none'}."


def _named(name: str | None) -> str:
    return f" ({cut(clean(name), _NAME_CELLS)})" if name else ""


def _more(told: Notification) -> list[str]:
    rest = _number(told) - len(told.jobs) - len(told.arrays) - len(told.warnings)
    return [f"And {rest} more."] if rest > 0 else []
