"""What a listing is asked to find, as conditions on rows of `jobs`: the same as `engine.protocol.search.matches` says.

A row that its reader may see only in part is found by that part alone, or a search would tell what is hidden.
Must not know order, pages or who decides what may be seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlite_utils import Database

from engine.core.lifecycle import JobState
from engine.protocol.search import NUMBER, PART, Search, Span, Term
from engine.store.request import OF_SCRIPT

LOWERED = "lowered"
"""A function of the connection: text in lower case, letters beyond ASCII too, which SQLite leaves alone."""

_COLUMNS = {"group": "grp", "type": "gpu_type", "array": "array_parent"}
_PUBLIC = frozenset({"group", "type", "gpus", "priority", "id", "array"})
"""Typed words that ask for what is shown of everybody's jobs."""
_PRIVATE_TEXTS = ("job_id", "name", "account", "service")
_ELEMENT = "array_parent || '[' || array_index || ']'"
_REQUEST = (
    "CASE request WHEN '' THEN (SELECT arrays.request FROM arrays WHERE arrays.parent = array_parent) ELSE request END"
)
_TAGGED = f"EXISTS (SELECT 1 FROM json_each({_REQUEST}, '$.tags') AS tag WHERE "  # noqa: S608 - constants


class Part(NamedTuple):
    """A condition, and the values for its question marks."""

    sql: str
    values: tuple[Any, ...] = ()


NOTHING = Part("0")
ANYTHING = Part("1")


@dataclass(slots=True, frozen=True, kw_only=True)
class Sight:
    """What a reader may see. everything: of every job. account: all of its own jobs.

    group: most of that group's jobs, but not their scripts; `None`: of no group. names: names and commands of all jobs;
    else rows of others have neither, and where they are `hidden` they do not exist.
    """

    account: str
    group: str | None = None
    everything: bool = False
    names: bool = False
    hidden: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class Wanted:
    """Which jobs. states: those that may match, whatever `search.states` says. account, group: only theirs.

    span: only those of that stretch of time.
    """

    sight: Sight
    states: tuple[JobState, ...]
    account: str | None = None
    group: str | None = None
    search: Search = field(default_factory=Search)
    span: Span | None = None


def conditions(wanted: Wanted) -> Part:
    """What a row has to be. `+` keeps SQLite from another index than that of the order which it is looked for in."""
    sight, search = wanted.sight, wanted.search
    parts = [Part(f"+state IN ({_marks(wanted.states)})", tuple(map(str, wanted.states)))]
    if wanted.account is not None:
        parts.append(Part("+account = ?", (wanted.account,)))
    if wanted.group is not None:
        parts.append(Part("+grp = ?", (wanted.group,)))
    if wanted.span is not None:
        parts.append(within(wanted.span, "+"))
    if sight.hidden:
        parts.append(known(sight))
    parts += [_term(term, sight) for term in search.terms]
    parts += [_word(word, sight) for word in search.words]
    return every(*parts)


def within(span: Span, sign: str = "") -> Part:
    """In the stretch of time; no time is neither before nor after another. sign: `+` keeps SQLite from its index."""
    ends = ((">=", span.since), ("<", span.until))
    return every(*(Part(f"{sign}{span.by}_at {compare} ?", (at,)) for compare, at in ends if at is not None))


def known(sight: Sight) -> Part:
    """Rows of which the reader may see all that their group may."""
    if sight.everything:
        return ANYTHING
    own = Part("+account = ?", (sight.account,))
    return own if sight.group is None else either(own, Part("+grp = ?", (sight.group,)))


def named(sight: Sight) -> Part:
    """Rows whose names and accounts the reader may see."""
    return ANYTHING if sight.names else known(sight)


def every(*parts: Part) -> Part:
    """All of them."""
    told = [part for part in parts if part != ANYTHING]
    if not told:
        return ANYTHING
    return Part(" AND ".join(f"({part.sql})" for part in told), tuple(value for part in told for value in part.values))


def either(*parts: Part) -> Part:
    """One of them."""
    told = [part for part in parts if part != NOTHING]
    if not told or ANYTHING in told:
        return ANYTHING if told else NOTHING
    return Part(" OR ".join(f"({part.sql})" for part in told), tuple(value for part in told for value in part.values))


def prepare(db: Database) -> None:
    """Give the connection the function that conditions may need."""
    db.conn.create_function(
        LOWERED, 1, lambda text: text.lower() if isinstance(text, str) else text, deterministic=True
    )


def _word(word: str, sight: Sight) -> Part:
    states = [state for state in JobState if word in state.value]
    public = [_has("grp", word), _has("gpu_type", word)]
    if states:
        public.append(Part(f"state IN ({_marks(states)})", tuple(map(str, states))))
    if word.isdecimal():
        public.append(_has("CAST(id AS TEXT)", word))
    if set(word) <= set("0123456789[]"):
        public.append(_has(_ELEMENT, word))
    private = [*(_has(column, word) for column in _PRIVATE_TEXTS), *_command(word, sight)]
    return either(*public, every(either(*private), named(sight)))


def _command(word: str, sight: Sight) -> list[Part]:
    """The line of a script is for its owner and for those who may see everything."""
    is_script = Part("command_line GLOB ?", (f"{OF_SCRIPT}*",))
    no_script = Part("command_line NOT GLOB ?", (f"{OF_SCRIPT}*",))
    readers = ANYTHING if sight.everything else Part("+account = ?", (sight.account,))
    return [
        every(_has("command_line", word), no_script),
        every(is_script, readers, _has("substr(command_line, 2)", word)),
    ]


def _term(term: Term, sight: Sight) -> Part:
    column = _COLUMNS.get(term.field, term.field)
    if term.field == "tag":
        return every(known(sight), _tag(term.value))
    if term.field in NUMBER:
        return Part(f"{column} {term.compare} ?", (int(term.value),))
    found = _has(column, term.value) if term.field in PART else Part(f"{_lower(column, term.value)} = ?", (term.value,))
    return found if term.field in _PUBLIC else every(named(sight), found)


def _tag(value: str) -> Part:
    key, separator, text = value.partition("=")
    wanted = Part(f"{LOWERED}(tag.key) = ?", (key,))
    if separator:
        wanted = every(wanted, Part(f"{LOWERED}(tag.value) = ?", (text,)))
    return Part(f"{_TAGGED}{wanted.sql})", wanted.values)


def _has(expression: str, word: str) -> Part:
    """LIKE does not tell large from small letters of ASCII, and is four times as fast as the function."""
    if word.isascii():
        escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return Part(f"{expression} LIKE ? ESCAPE '\\'", (f"%{escaped}%",))
    return Part(f"instr({LOWERED}({expression}), ?)", (word,))


def _lower(column: str, word: str) -> str:
    return f"lower({column})" if word.isascii() else f"{LOWERED}({column})"


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
