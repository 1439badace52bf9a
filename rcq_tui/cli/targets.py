"""Jobs and elements of job arrays as people type them: `7`, `10-20`, `7[3]`, `7[3-5,9]`, `7[]` for the whole array.

Must not know which verb they are for.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

from engine.protocol.arrays import ALL, parse_elements
from rcq_tui.cli.failures import UsageError, complain
from rcq_tui.cli.ids import MAX_IDS, each_named, job_id, job_ids
from rcq_tui.cli.pages import PAGE
from rcq_tui.client.wire import Wire

HELP = "an id, a range such as 10-20, elements of a job array: '7[3-5,9]', or all of it: '7[]'"
MOST_AFTER = 1000
"""Elements of an array that a job may wait for."""


class Target(NamedTuple):
    """A job, or elements of the job array whose first element has this id. elements: indices as text, or `all`."""

    number: int
    elements: str | None = None

    @property
    def text(self) -> str:
        """As people write it."""
        if self.elements is None:
            return str(self.number)
        return f"{self.number}[{'' if self.elements == ALL else self.elements}]"


class Step(NamedTuple):
    """What is done to jobs. done: of an array's elements, what they are afterwards; otherwise: what the others were.

    ending: what becomes of those that take a while. abreast: so many jobs may be under way at a time; one by one where
    the order of the jobs matters.
    """

    method: str
    path: str
    done: str
    otherwise: str
    ending: str = "are being ended"
    abreast: int = 1


def targets(words: Iterable[str]) -> list[Target]:
    """In the given order, each once. Raises UsageError."""
    found: dict[Target, None] = {}
    for word in words:
        if "[" in word:
            found[array_target(word)] = None
        else:
            found.update(dict.fromkeys(map(Target, job_ids([word]))))
    return list(found)


def array_target(word: str) -> Target:
    """`7[3-5,9]` or `7[]`. Raises UsageError."""
    first, _, rest = word.partition("[")
    listed = rest.removesuffix("]")
    if listed == rest:
        raise UsageError(f"{word!r} lacks its closing bracket; write 7[3], 7[3-5,9], or 7[] for the whole array")
    try:
        parse_elements(listed or ALL)
    except ValueError as error:
        raise UsageError(f"{word!r} names no elements; {error}") from error
    return Target(job_id(first), listed or ALL)


def one_job(wire: Wire, word: str) -> int:
    """The id of the one job that is named: `7` or `7[3]`. Raises UsageError, Refused."""
    if "[" not in word:
        return job_id(word)
    target = array_target(word)
    if target.elements == ALL or len(parse_elements(str(target.elements))) > 1:
        raise UsageError(
            f"{word!r} names many jobs, and one is wanted here; rcq queue --array {target.number} lists them"
        )
    return ids_of(wire, target, 1)[0]


def ids_of(wire: Wire, target: Target, most: int) -> list[int]:
    """The ids of the elements that are named. Raises UsageError if they are more than `most`, Refused."""
    ids: list[int] = []
    cursor = None
    while True:
        query = {"array": target.number, "elements": target.elements, "limit": min(PAGE, most + 1), "cursor": cursor}
        page = wire.request("GET", "/v1/jobs", query)
        ids += [row["id"] for row in page["items"]]
        if len(ids) > most:
            raise UsageError(f"{target.text} is more than {most} jobs; name fewer elements")
        cursor = page["cursor"]
        if cursor is None:
            return ids


def all_ids(wire: Wire, wanted: Iterable[Target]) -> list[int]:
    """The ids of all of them, arrays taken apart. Raises UsageError, Refused."""
    found: dict[int, None] = {}
    for target in wanted:
        ids = [target.number] if target.elements is None else ids_of(wire, target, MAX_IDS)
        found.update(dict.fromkeys(ids))
    return list(found)


def awaited(wire: Wire, after: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The protocol's `after` of what `after.conditions` read: elements of arrays by their ids. Raises UsageError.

    Whoever names the first element alone is told, as the id of that one names the whole array to other programs.
    """
    found: list[dict[str, Any]] = []
    given = list(after)
    for first in _first_elements(wire, [one["id"] for one in given if isinstance(one["id"], int)]):
        complain(alone(first))
    for one in given:
        named = one["id"]
        ids = [named] if isinstance(named, int) else ids_of(wire, array_target(named), MOST_AFTER)
        found += [{**one, "id": number} for number in ids]
    return found


def alone(first: int) -> str:
    """What to say where the first element of an array may be meant as the whole of it."""
    return f"{first} is the first element of an array and is waited for alone; for all of it write '{first}[]'"


def _first_elements(wire: Wire, numbers: list[int]) -> list[int]:
    """Those of them that are an array's first element, as far as they are asked for at once."""
    ids = ",".join(str(number) for number in numbers[:PAGE] if number > 0)
    rows = wire.request("GET", "/v1/jobs", {"ids": ids, "limit": PAGE})["items"] if ids else []
    return [row["id"] for row in rows if row.get("array_parent") == row["id"]]


def take(wire: Wire, wanted: Iterable[Target], step: Step, told: Callable[[Any], str]) -> int:
    """Take the step for every job and every array, and print what became of each; the exit code.

    told: what to say of one job's answer.
    """
    chosen = list(wanted)
    are_apart = all(target.elements is None for target in chosen)  # elements may be named twice
    acts = ((f"job {target.text}", partial(_take, wire, target, step, told)) for target in chosen)
    return each_named(acts, min(step.abreast, len(chosen)) if are_apart else 1)


def _take(wire: Wire, target: Target, step: Step, told: Callable[[Any], str]) -> str:
    path = f"/v1/jobs/{target.number}{step.path}"
    if target.elements is None:
        return told(wire.request(step.method, path))
    answer = wire.request(step.method, path, {"elements": target.elements})
    parts = (
        (answer["changed"], step.done),
        (answer["ending"], step.ending),
        (answer["unchanged"], step.otherwise),
    )
    return ", ".join(f"{count} {said}" for count, said in parts if count)
