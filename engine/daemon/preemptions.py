"""Acts out what a plan says of preemption: marks the victims with their commit, stops them after it, tells why.

Must not decide whom to stop (that is `engine.core.plan`), nor know how a process is stopped.
"""

import asyncio
import logging

from engine.bookkeeping import Stopping
from engine.core.decisions import Plan, Preempt
from engine.core.lifecycle import Cause
from engine.daemon.books import Books, Live
from engine.daemon.runs import Runs
from engine.ports import Clock
from engine.store.audit import Audit, Entry
from engine.store.errors import StoreError

log = logging.getLogger(__name__)

RULES = {
    "priority": "it was stopped for a job of higher priority",
    "reclaim": "it was stopped because its group had borrowed GPUs that another group is guaranteed",
}
"""What a victim's owner is told: by which rule, and nothing of whose job it made room for."""


class Preemptions:
    """Stops leases for others. count: so far."""

    def __init__(self, *, books: Books, runs: Runs, audit: Audit, clock: Clock) -> None:
        self._books = books
        self._runs = runs
        self._audit = audit
        self._clock = clock
        self._notes: set[asyncio.Task[None]] = set()
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
            note = asyncio.get_running_loop().create_task(self._note(live, preempt), name=f"audit-{live.job}")
            self._notes.add(note)
            note.add_done_callback(self._notes.discard)

    async def _note(self, live: Live, preempt: Preempt) -> None:
        """What is done stays done, even if the audit log cannot be written: then the engine's log has it."""
        detail = {
            "owner": live.lease.key.owner.account,
            "before": live.state.value,
            "attempt": live.attempt,
            "by": preempt.by.job,
            "rule": preempt.rule,
            "lost_gpu_s": preempt.lost_gpu_s,
        }
        entry = Entry(at=self._clock.now(), account=None, action="job.preempt", target=str(live.job), detail=detail)
        try:
            await self._audit.append(entry)
        except StoreError as error:
            log.error("Not in the audit log: %s: %s", entry, error)


def told(preempt: Preempt, live: Live) -> str:
    """What the victim's owner gets to read while it waits for its next attempt."""
    rule = RULES.get(preempt.rule, f"it was stopped by the rule {preempt.rule}")
    return f"attempt {live.attempt} was preempted: {rule}; it goes on as its next attempt"
