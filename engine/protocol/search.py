"""What people look for in a listing: words that all have to match, and typed words such as `state:failed` or `gpus:>1`.

Pure. `matches` says what a search means, row by row; whoever searches faster has to find the same. Must not know where
jobs are kept, nor who may see what of them: what a redacted row does not tell is not there to be found.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.protocol.listings import STATES
from engine.protocol.responses import JobRow

EXACT = frozenset({"account", "group", "service", "cause"})
"""Typed words that want all of a text, whatever the case."""
PART = frozenset({"name", "type"})
"""Typed words that want a part of it."""
NUMBER = frozenset({"gpus", "priority", "id", "array"})
"""Typed words that want a number, or `>1`, `>=2`, `<3`, `<=4`."""
TYPED = ("state", "account", "group", "service", "cause", "name", "type", "gpus", "priority", "id", "array", "tag")

_TOKEN = re.compile(r'"([^"]*)"?|(\S+)')
_TYPED = re.compile(r"([A-Za-z_]+):(.*)", re.DOTALL)
_NUMBER = re.compile(r"(>=|<=|>|<|=|)(\d{1,18})")
COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
"""How a number of a job (first) may be compared with that of a typed word."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Term:
    """One typed word. field: one of TYPED but `state`. value: lower case, or digits, or of a tag `key=value` or `key`.

    compare: how a number is compared, else `=`.
    """

    field: str
    value: str
    compare: str = "="


@dataclass(slots=True, frozen=True, kw_only=True)
class Search:
    """What has to match, all of it. words: parts of texts, lower case. states: one of these; empty: any."""

    words: tuple[str, ...] = ()
    states: frozenset[str] = frozenset()
    terms: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words or self.states or self.terms)


@dataclass(slots=True, frozen=True, kw_only=True)
class Span:
    """A stretch of time, Unix seconds: from `since` on and before `until`; `None`: without that end.

    by: one of SPANS, of the last attempt; a job that has no such time is in no stretch.
    """

    by: str
    since: float | None = None
    until: float | None = None


def parse_search(text: str) -> Search:
    """What somebody wrote. `"…"` is one word as it stands. Raises ValueError, saying what is known."""
    words: list[str] = []
    terms: list[Term] = []
    states: frozenset[str] | None = None
    for quoted, plain in _TOKEN.findall(text):
        typed = _TYPED.fullmatch(plain)
        if typed is None:
            words.append((quoted or plain).lower())
        elif typed[1].lower() == "state":
            named = _states(typed[2])
            states = named if states is None else states & named
            if not states:
                raise ValueError(
                    "no job is in two states at once: name them in one word, such as state:failed,cancelled"
                )
        else:
            terms.append(_term(typed[1].lower(), typed[2]))
    return Search(words=tuple(filter(None, words)), states=states or frozenset(), terms=tuple(terms))


def matches(job: JobRow, search: Search, tags: Mapping[str, str] | None = None) -> bool:
    """Whether a row is found. tags: the job's, where whoever searches may see them."""
    if search.states and job.state not in search.states:
        return False
    hay = "\n".join(text.lower() for text in _texts(job) if text is not None)
    return all(word in hay for word in search.words) and all(_fits(job, term, tags or {}) for term in search.terms)


def _texts(job: JobRow) -> tuple[str | None, ...]:
    """What words are looked for in; an element of a job array is found by `7[`, and by `7[3]`."""
    element = None if job.array_parent is None else f"{job.array_parent}[{job.array_index}]"
    texts = (job.job_id, job.account, job.group, job.service, job.name, job.command_line, job.state, job.gpu_type)
    return (str(job.id), *texts, element)


def _fits(job: JobRow, term: Term, tags: Mapping[str, str]) -> bool:
    if term.field == "tag":
        key, separator, value = term.value.partition("=")
        return any(key == name.lower() and (not separator or value == one.lower()) for name, one in tags.items())
    if term.field in NUMBER:
        number = job.array_parent if term.field == "array" else getattr(job, term.field)
        return number is not None and COMPARE[term.compare](number, int(term.value))
    text = job.gpu_type if term.field == "type" else getattr(job, term.field)
    if text is None:
        return False
    return term.value in text.lower() if term.field in PART else term.value == text.lower()


def _states(value: str) -> frozenset[str]:
    named = frozenset(value.lower().split(","))
    if unknown := named - set(STATES):
        raise ValueError(f"there is no state {min(unknown)[:40]!r}; there are {', '.join(STATES)}")
    return named


def _term(field: str, value: str) -> Term:
    if field not in TYPED:
        known = ", ".join(f"{name}:" for name in TYPED)
        raise ValueError(
            f'{field[:40]}: is not known here; there are {known} (to find a colon, write "{field[:40]}:…")'
        )
    if field in NUMBER:
        found = _NUMBER.fullmatch(value)
        if found is None:
            raise ValueError(f"{field}: wants a number, such as {field}:2 or {field}:>1")
        return Term(field=field, value=found[2], compare=found[1] or "=")
    if not value or value.startswith("="):
        raise ValueError(f"{field}: wants what to look for, such as {field}:{'key=value' if field == 'tag' else 'x'}")
    return Term(field=field, value=value.lower())
