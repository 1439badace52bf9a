"""For whom running jobs were told to stop: until such a job starts, the cards that it cleared are nobody else's.

Owned by the event loop. A claim stands as long as its job waits in the queue as it was; one that is not used in time
is given up, so that a card is never kept empty for a job that something else holds back. Must not know the executor.
"""

from collections.abc import Container
from dataclasses import dataclass, field, replace

from engine.core.decisions import Preempt
from engine.core.model import JobId
from engine.core.snapshot import Claim
from engine.daemon.pending import PendingIndex

UNUSED_S = 600.0
"""So long after the last of its victims has gone a claim stands: hot cards cool and drivers free memory in less."""


@dataclass(slots=True, kw_only=True)
class _Standing:
    """A claim with the jobs that make room for it. cleared_at: when the last of them had gone, Unix seconds."""

    claim: Claim
    victims: set[JobId] = field(default_factory=set)
    cleared_at: float | None = None


class Claims:
    """The claims that stand, by the job that they are for."""

    def __init__(self) -> None:
        self._standing: dict[JobId, _Standing] = {}

    def add(self, preempt: Preempt) -> None:
        """A job was told to stop for another; several for one job make one claim."""
        claim = preempt.by
        found = self._standing.setdefault(claim.job, _Standing(claim=claim))
        gpus = tuple(dict.fromkeys((*found.claim.gpus, *claim.gpus)))
        found.claim = replace(claim, gpus=gpus) if found.victims else claim
        found.victims.add(preempt.victim.job)
        found.cleared_at = None

    def take_back(self, preempt: Preempt) -> None:
        """It was not told to stop after all; a claim without any victim falls."""
        found = self._standing.get(preempt.by.job)
        if found is not None:
            found.victims.discard(preempt.victim.job)
            if not found.victims:
                del self._standing[preempt.by.job]

    def clock_set(self, by_s: float) -> None:
        """The clock jumped."""
        for found in self._standing.values():
            found.cleared_at = None if found.cleared_at is None else found.cleared_at + by_s

    def seen(self, pending: PendingIndex, live: Container[JobId], now: float) -> tuple[Claim, ...]:
        """The claims that still stand at `now`. live: the jobs that hold a lease."""
        for job, found in list(self._standing.items()):
            found.victims = {victim for victim in found.victims if victim in live}
            if not found.victims and found.cleared_at is None:
                found.cleared_at = now
            unused = found.cleared_at is not None and now - found.cleared_at > UNUSED_S
            if unused or not pending.holds(found.claim.key, job, found.claim.submitted_at):
                del self._standing[job]
        return tuple(found.claim for found in self._standing.values())
