"""Acts out what a plan says of preemption: marks the victims with their commit, stops them after it, tells why.

Must not decide whom to stop (that is `engine.core.plan`), nor know how a process is stopped.
"""

import logging

from engine.bookkeeping import Stopping
from engine.core.decisions import Plan, Preempt
from engine.core.lifecycle import Cause
from engine.daemon.books import Books, Live
from engine.daemon.runs import Runs
from engine.daemon.stops import Stops

log = logging.getLogger(__name__)

RULES = {
    "priority": "it was stopped for a job of higher priority",
    "reclaim": "it was stopped because its group had borrowed GPUs that another group is guaranteed",
}
"""What a victim's owner is told: by which rule, and nothing of whose job it made room for."""


class Preemptions:
    """Stops leases for others. count: so far."""

    def __init__(self, *, books: Books, runs: Runs, stops: Stops) -> None:
        self._books = books
        self._runs = runs
        self._stops = stops
        self.count = 0

    def claim(self, decided: Plan) -> tuple[list[tuple[Live, Preempt]], list[Stopping]]:
        """Mark in memory who is stopped for whom, as far as both are still what the plan saw; the changes for it."""
        victims: list[tuple[Live, Preempt]] = []
        for preempt in decided.preemptions:
            live = self._books.live.get(preempt.victim.job)
            by = preempt.by
            if live is None or live.stopping is not None or live.lease.started_at != preempt.victim.started_at:
                continue
            if self._books.pending.holds(by.key, by.job, by.submitted_at):
                victims.append((live, preempt))
        changes = [self._runs.mark(live, Cause.PREEMPTED, told(preempt, live)) for live, preempt in victims]
        for _, preempt in victims:
            self._books.claims.add(preempt)
        return victims, changes

    def undo(self, victims: list[tuple[Live, Preempt]]) -> None:
        """Their commit failed: nobody is stopped. Who was cancelled meanwhile stays so."""
        for live, preempt in victims:
            self._books.claims.take_back(preempt)
            if live.stopping is Cause.PREEMPTED:
                self._runs.unmark(live)

    def act(self, victims: list[tuple[Live, Preempt]]) -> None:
        """It is on disk: send the signals and write the audit log, neither of which a pass waits for."""
        for live, preempt in victims:
            self.count += 1
            log.info("Job %s is stopped for job %s (%s).", live.job, preempt.by.job, preempt.rule)
            self._runs.stop_soon(live)
            self._stops.note(live, rule=preempt.rule, by=preempt.by.job, lost_gpu_s=preempt.lost_gpu_s)


def told(preempt: Preempt, live: Live) -> str:
    """What the victim's owner gets to read while it waits for its next attempt."""
    rule = RULES.get(preempt.rule, f"it was stopped by the rule {preempt.rule}")
    return f"attempt {live.attempt} was preempted: {rule}; it goes on as its next attempt"
