"""What a pass leaves behind so that anybody can plan it again: the snapshot as `plan()` saw it, the policy, the plan.

Its size follows what was looked at, not the length of the queue. Pure: values to text and back. Must not know where
records are kept.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

from engine.core.codec import Codec, Table, Unreadable
from engine.core.decisions import Plan
from engine.core.model import GroupKey, GroupName, PendingGroup, Waiting
from engine.core.policy import Policy
from engine.core.reasons import Reason
from engine.core.snapshot import GroupTerms, Quotas, Snapshot

MOST_HEADS = 20_000
"""A pass that looked at more jobs leaves no record: it would take longer to write than the pass took."""


class TooLarge(ValueError):
    """More than `MOST_HEADS` jobs were looked at."""


class NotRecorded(LookupError):
    """A plan looks at a job of the queue that the recorded one had no need to look at."""


class Watched(Sequence[Waiting]):
    """A group's queue that remembers how far it was looked at. seen: jobs from its head on."""

    __slots__ = ("jobs", "seen")

    def __init__(self, jobs: Sequence[Waiting]) -> None:
        self.jobs = jobs
        self.seen = 0

    def __len__(self) -> int:
        return len(self.jobs)

    @overload
    def __getitem__(self, at: int) -> Waiting: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Waiting]: ...
    def __getitem__(self, at: int | slice) -> Waiting | Sequence[Waiting]:
        places = range(len(self.jobs))[at]  # IndexError behind the end, as any sequence has it
        furthest = places if isinstance(places, int) else max(places, default=-1)
        self.seen = max(self.seen, furthest + 1)
        return self.jobs[at]


class Heads(Sequence[Waiting]):
    """A queue of `total` jobs of which the first are known. Looking further raises NotRecorded."""

    __slots__ = ("known", "total")

    def __init__(self, known: Sequence[Waiting], total: int) -> None:
        self.known = known
        self.total = total

    def __len__(self) -> int:
        return self.total

    @overload
    def __getitem__(self, at: int) -> Waiting: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Waiting]: ...
    def __getitem__(self, at: int | slice) -> Waiting | Sequence[Waiting]:
        places = range(self.total)[at]  # IndexError behind the end, as any sequence has it
        last = places if isinstance(places, int) else max(places, default=-1)
        if last >= len(self.known):
            raise NotRecorded(f"place {last + 1} of {self.total} in a queue")
        return self.known[places] if isinstance(places, int) else [self.known[place] for place in places]


@dataclass(slots=True, frozen=True, kw_only=True)
class Queue:
    """A pending group of `count` jobs: those at its head that the plan looked at."""

    key: GroupKey
    heads: tuple[Waiting, ...]
    count: int


@dataclass(slots=True, frozen=True, kw_only=True)
class Held:
    """A hold without its queue: the jobs behind the first `skip` of the group wait for these reasons."""

    key: GroupKey
    skip: int
    count: int
    score: float
    reasons: tuple[Reason, ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class Steady:
    """What seldom changes from pass to pass. version: of the rcq that planned."""

    version: str
    policy: Policy
    groups: Mapping[GroupName, GroupTerms]
    quotas: Quotas


@dataclass(slots=True, frozen=True, kw_only=True)
class Outcome:
    """A plan in a form that can be compared: `plan` has no holds, they are in `held`."""

    plan: Plan
    held: tuple[Held, ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class Moment:
    """What is a pass's own; its snapshot lacks the queues and what is steady."""

    snapshot: Snapshot
    queues: tuple[Queue, ...]
    outcome: Outcome


@dataclass(slots=True, frozen=True, kw_only=True)
class Record:
    """All of a pass."""

    steady: Steady
    moment: Moment

    def snapshot(self) -> Snapshot:
        """What `plan()` saw, with queues that know their heads."""
        return replace(
            self.moment.snapshot,
            groups=self.steady.groups,
            quotas=self.steady.quotas,
            pending=tuple(PendingGroup(queue.key, Heads(queue.heads, queue.count)) for queue in self.moment.queues),
        )


_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode  # rows of frozen values have no circles

STEADY = Codec(Steady)
MOMENT = Codec(Moment, shared=frozenset({GroupKey, *Reason.__args__}))


def watched(snapshot: Snapshot) -> Snapshot:
    """The same snapshot, whose queues remember how far a plan looked at them."""
    return replace(snapshot, pending=tuple(PendingGroup(group.key, Watched(group.jobs)) for group in snapshot.pending))


def steady_of(snapshot: Snapshot, policy: Policy, version: str) -> Steady:
    """The part of a pass's record that other passes have in common with it."""
    return Steady(version=version, policy=policy, groups=snapshot.groups, quotas=snapshot.quotas)


def moment_of(snapshot: Snapshot, decided: Plan) -> Moment:
    """A pass's own part: of each queue as much as was looked at, all of one that is not watched. Raises TooLarge.

    To be made before the plan is acted on: queues may be live views.
    """
    queues = tuple(_queues(snapshot.pending))
    if sum(len(queue.heads) for queue in queues) > MOST_HEADS:
        raise TooLarge(f"The plan looked at more than {MOST_HEADS} jobs.")
    own = replace(snapshot, pending=(), groups={}, quotas=Quotas(), estimates=_estimates(snapshot))
    return Moment(snapshot=own, queues=queues, outcome=outcome_of(decided))


def outcome_of(decided: Plan) -> Outcome:
    """A plan in its comparable form."""
    return Outcome(
        plan=replace(decided, holds=()),
        held=tuple(
            Held(key=hold.key, skip=hold.skip, count=hold.count, score=hold.score, reasons=hold.reasons)
            for hold in decided.holds
        ),
    )


def write_steady(steady: Steady) -> str:
    """As text, with the schema of both parts."""
    table = Table()
    packed = STEADY.pack(steady, table)
    return _text({"schema": STEADY.schema | MOMENT.schema, "value": packed})


def write_moment(moment: Moment) -> str:
    """As text that is read together with its steady part."""
    table = Table()
    packed = MOMENT.pack(moment, table)
    return _text({"shared": table.rows, "value": packed})


def read(steady: str, moment: str) -> Record:
    """A record out of its two texts. Raises Unreadable."""
    first, second = _values(steady), _values(moment)
    try:
        return Record(
            steady=STEADY.unpack(first["value"], Table(first["schema"])),
            moment=MOMENT.unpack(second["value"], Table(first["schema"], second["shared"])),
        )
    except KeyError as error:
        raise Unreadable(f"A part is missing: {error}") from error


def _queues(pending: Sequence[PendingGroup]) -> Iterator[Queue]:
    for group in pending:
        jobs = group.jobs
        seen = min(jobs.seen, len(jobs)) if isinstance(jobs, Watched) else len(jobs)
        if isinstance(jobs, Watched):
            jobs = jobs.jobs
        yield Queue(key=group.key, heads=tuple(jobs[at] for at in range(seen)), count=len(jobs))


def _estimates(snapshot: Snapshot) -> Mapping[GroupKey, float]:
    """Those of jobs that wait or run: history may know many more."""
    if not snapshot.estimates:
        return {}
    present = [group.key for group in snapshot.pending]
    present += [lease.key for lease in snapshot.leases]
    present += [claim.key for claim in snapshot.claims]
    return {key: snapshot.estimates[key] for key in dict.fromkeys(present) if key in snapshot.estimates}


def _text(value: object) -> str:
    return _encode(value)


def _values(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Unreadable(f"No JSON: {error}") from error
    if not isinstance(value, dict):
        raise Unreadable("No JSON object")
    return value
