"""The pending groups as a pass walks them: what of a group's place in the order stays the same is worked out once.

Pure. This module must not know whether a job fits.
"""

from collections.abc import Set
from functools import cached_property
from typing import NamedTuple

from engine.core import fairshare
from engine.core.ledger import Ledger, Spare
from engine.core.model import GroupKey, JobId, Owner, PendingGroup, Waiting
from engine.core.ordering import AGING_STEP_S, STARVED, Rank, by_limits, patience_s, rank_of, value_of
from engine.core.policy import Order, Policy
from engine.core.reasons import ArrayFull, QuotaReached
from engine.core.snapshot import GroupTerms, Snapshot
from engine.core.wants import Want

PLAIN = GroupTerms()


class Standing(NamedTuple):
    """A pending group. first: its first job; base, short: of its score; guaranteed: its group has a guarantee.

    owner: one and the same value for all groups of an owner, which makes it quick to look up.
    """

    group: PendingGroup
    key: GroupKey
    first: Waiting
    want: Want
    run_s: float
    base: float
    short: float
    guaranteed: bool
    owner: Owner


class Turn(NamedTuple):
    """The `at`-th job of the `number`-th group, what it needs, how long it is expected to run, its score."""

    number: int
    group: PendingGroup
    key: GroupKey
    at: int
    waiting: Waiting
    want: Want
    run_s: float
    value: float


class Entry(NamedTuple):
    """A job in the order. Ranks are total, so no other field counts. version: of the ledger that it was ranked by."""

    rank: Rank
    turn: Turn
    version: int


Breaches = tuple[int, Spare | None, tuple[QuotaReached | ArrayFull, ...]]
"""What quotas said, after how many starts, and what was spare then."""


class Standings:
    """All pending groups of a pass, and the ledger that they are ranked by."""

    def __init__(self, snapshot: Snapshot, policy: Policy, ledger: Ledger) -> None:
        self.by_limits = by_limits(snapshot, policy)
        self._now = snapshot.now
        self.ledger = ledger
        self._aging = policy.order is Order.AGING
        self._patience_s = patience_s(ledger, policy)
        self._shortness = policy.shortness
        self._owners: dict[Owner, Owner] = {}
        runs_s = zip(snapshot.pending, ledger.runs_s, strict=True)
        self.groups = [self._standing(group, run_s) for group, run_s in runs_s]
        nothing: Breaches = (-1, None, ())
        self._breaches = [nothing] * len(self.groups)
        self._ranked: list[Entry] = []
        self._ranked_by = -1

    @cached_property
    def numbers(self) -> dict[GroupKey, int]:
        """The number of each group by its key."""
        return {standing.key: number for number, standing in enumerate(self.groups)}

    def breaches(self, number: int) -> tuple[QuotaReached | ArrayFull, ...]:
        """What quotas say of one more job of a group: asked anew once its owner, group or service started something."""
        starts, spare, found = self._breaches[number]
        if starts == self.ledger.starts:
            return found
        standing = self.groups[number]
        if spare is None or spare is not self.ledger.spare_of(standing.key) or standing.key.array:
            found = self.ledger.breaches(standing.key, standing.run_s)
        self._breaches[number] = (self.ledger.starts, self.ledger.spare_of(standing.key), found)
        return found

    def want(self, key: GroupKey, run_s: float) -> Want:
        """What a job of `key`, which is expected to run `run_s` seconds, needs a place for."""
        return Want(key.shape, float(key.shape.time_limit_s) if self.by_limits else run_s, key.owner.account)

    def ranked(self, done: Set[JobId]) -> list[Entry]:
        """The first job of each group that is not done, best first. While nothing starts, nothing is ranked anew."""
        if self._ranked_by != self.ledger.version:
            numbers = range(len(self.groups))
            places = ((number, self.first(number, 0, done)) for number in numbers)
            self._ranked = sorted(self.entry(number, at) for number, at in places if at is not None)
            self._ranked_by = self.ledger.version
        return self._ranked

    def first(self, number: int, at: int, done: Set[JobId]) -> int | None:
        """The first job of a group, from `at` on, that is not done."""
        standing = self.groups[number]
        if at == 0 and standing.first.job not in done:
            return 0
        jobs = standing.group.jobs
        while at < len(jobs) and jobs[at].job in done:
            at += 1
        return at if at < len(jobs) else None

    def entry(self, number: int, at: int) -> Entry:
        """The `at`-th job of a group, ranked by the ledger as it is now."""
        standing, ledger = self.groups[number], self.ledger
        key, waiting = standing.key, standing.first if at == 0 else standing.group.jobs[at]
        waited_s = self._now - waiting.submitted_at
        if self._aging:
            value = float(key.priority + max(0.0, waited_s) // AGING_STEP_S)
        else:
            value = value_of(
                standing.base, ledger.fair(standing.owner), fairshare.wait_factor(waited_s), standing.short
            )
        starved = waited_s > self._patience_s
        entitled = standing.guaranteed and ledger.entitled(key)
        turn = Turn(number, standing.group, key, at, waiting, standing.want, standing.run_s, value)
        return Entry(rank_of(waiting, value, starved=starved, entitled=entitled), turn, ledger.version)

    def _standing(self, group: PendingGroup, run_s: float) -> Standing:
        key = group.key
        terms = self.ledger.terms.get(key.owner.group, PLAIN)
        return Standing(
            group,
            key,
            group.jobs[0],
            self.want(key, run_s),
            run_s,
            float(key.priority + terms.priority),
            fairshare.short_factor(key.shape.gpus, run_s, self._shortness),
            terms.guarantee_gpus > 0,
            self._owners.setdefault(key.owner, key.owner),
        )


def is_starved(entry: Entry) -> bool:
    """Whether the job stands at the head because it waited for too long."""
    return entry.rank[0] == STARVED
