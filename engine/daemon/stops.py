"""Stops attempts by the engine's own rules: marked for the next commit, told to stop, noted in the audit log.

Must not know any rule, nor how a process is stopped.
"""

import asyncio
import logging
from typing import Any

from engine.core.lifecycle import Cause
from engine.daemon.answers import by_engine, note_done
from engine.daemon.books import Live
from engine.daemon.journal import Journal
from engine.daemon.runs import Runs
from engine.ports import Clock
from engine.store.audit import Audit

log = logging.getLogger(__name__)


class Stops:
    """Ends what a rule wants ended."""

    def __init__(self, *, runs: Runs, journal: Journal, audit: Audit, clock: Clock) -> None:
        self._runs = runs
        self._journal = journal
        self._audit = audit
        self._clock = clock
        self._notes: set[asyncio.Task[None]] = set()

    def stop(self, live: Live, cause: Cause, message: str, *, rule: str, **detail: Any) -> None:
        """Stop an attempt that nobody stops yet. message: for its owner. detail: for the audit log, beside the rule."""
        if live.stopping is not None:
            return
        log.warning("Job %s is stopped (%s): %s", live.job, rule, message)
        self._journal.add(self._runs.mark(live, cause, message))
        self._runs.stop_soon(live)
        self._runs.wake()
        self.note(live, rule=rule, **detail)

    def note(self, live: Live, *, rule: str, **detail: Any) -> None:
        """Write down that a rule stopped it; nothing waits for that."""
        action = "job.preempt" if live.stopping is Cause.PREEMPTED else "job.stop"
        owner, was = live.lease.key.owner.account, {"state": live.state.value}
        told = {"ending": 1, "attempt": live.attempt, "rule": rule, **detail}
        entry = by_engine(self._clock, action, live.job, owner=owner, before=was, **told)
        note = asyncio.get_running_loop().create_task(note_done(self._audit, entry), name=f"audit-{live.job}")
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)

    async def settle(self) -> None:
        """Until everything that was to be noted is; for the engine's end."""
        while self._notes:
            await asyncio.wait(self._notes)
