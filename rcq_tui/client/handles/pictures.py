"""Handles as notebooks show them: one line of text, a small table.

Pure. Every text of a stranger is cleaned and escaped here. Must not know an engine.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from rcq_tui.viewmodel.states import JOB_STATES, symbol
from rcq_tui.viewmodel.text import clean

_MOST_ROWS = 20
_MOST_LETTERS = 60


def job_text(kind: str, job: int, name: str | None, state: str) -> str:
    """`<Job 7 train: running>`"""
    return f"<{kind} {job}{f' {_short(name)}' if name else ''}: {clean(state)}>"


def sweep_text(kind: str, name: str, states: Mapping[str, int], refused: int) -> str:
    """`<Sweep lr: 200 jobs, 12 running, 188 completed>`"""
    return f"<{kind} {_short(name)}: {_counts(states, refused)}>"


def job_html(job: int, name: str | None, state: str, parameters: Mapping[str, Any]) -> str:
    """One row."""
    return _table(["job", "name", "state", *parameters], [[job, name or "", _told(state), *parameters.values()]])


Row = tuple[int, str, Mapping[str, Any]]
"""A job's id, state and parameters."""


def sweep_html(name: str, jobs: Sequence[Row], states: Mapping[str, int], refused: int) -> str:
    """A line of counts, and the first jobs as rows."""
    titles = list(dict.fromkeys(title for _, _, parameters in jobs for title in parameters))
    rows = [[job, _told(state), *(given.get(title, "") for title in titles)] for job, state, given in jobs[:_MOST_ROWS]]
    more = f"<p>… {len(jobs) - _MOST_ROWS} more</p>" if len(jobs) > _MOST_ROWS else ""
    head = f"<p><b>{escape(_short(name))}</b>: {escape(_counts(states, refused))}</p>"
    return head + _table(["job", "state", *titles], rows) + more


def counted(states: Iterable[str]) -> dict[str, int]:
    """How many in each state, in the order of a job's life."""
    found = Counter(states)
    known = [state for state in JOB_STATES if found[state]]
    return {state: found[state] for state in [*known, *(set(found) - set(known))] if found[state]}


def _counts(states: Mapping[str, int], refused: int) -> str:
    total = sum(states.values())
    parts = [f"{total} job{'' if total == 1 else 's'}", *(f"{count} {clean(state)}" for state, count in states.items())]
    return ", ".join([*parts, f"{refused} refused"] if refused else parts)


def _told(state: str) -> str:
    return f"{symbol(state)} {state}"


def _table(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th>{_cell(title)}</th>" for title in titles)
    body = "".join("<tr>" + "".join(f"<td>{_cell(one)}</td>" for one in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    return escape(_short(str(value)))


def _short(text: str | None) -> str:
    shown = clean(text or "")
    return shown if len(shown) <= _MOST_LETTERS else shown[: _MOST_LETTERS - 1] + "…"
