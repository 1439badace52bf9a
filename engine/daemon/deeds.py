"""What people do to jobs, once decided: written down with an audit entry, and told to whoever follows.

Must not know which deed it is, nor where jobs wait.
"""

import logging
from collections.abc import Sequence
from typing import Any

from engine.api.asks import Identity
from engine.bookkeeping import Ended, Moved
from engine.core.lifecycle import JobState
from engine.core.model import JobId
from engine.daemon.answers import audited, not_ready, note_done
from engine.daemon.feed import Feed
from engine.daemon.passes import Passes
from engine.daemon.views import Views
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.store.audit import Entry as AuditEntry
from engine.store.errors import StoreError
from engine.store.rows import StoredJob
from engine.store.store import Store

log = logging.getLogger(__name__)


class Deeds:
    """Writes steps of single jobs down. Refuses what is in no state for a step."""

    def __init__(self, *, store: Store, views: Views, passes: Passes, feed: Feed, clock: Clock) -> None:
        self._store = store
        self._views = views
        self._passes = passes
        self._feed = feed
        self._clock = clock

    async def record(
        self, who: Identity, action: str, stored: StoredJob, before: JobState, change: Ended | Moved
    ) -> None:
        """Write one change down, in one commit with its audit entry. SERVICE_NOT_READY."""
        await self.settle([JobId(str(stored.id))])
        after = {"state": change.state.value}
        entry = self._entry(who, action, stored, before, after=after)
        try:
            await self._store.jobs.record([change], entry)
        except StoreError as error:
            raise not_ready(error) from error

    async def settle(self, ended: Sequence[JobId] | None = None) -> None:
        """See to it that what memory knows is on disk: a step follows on that. SERVICE_NOT_READY.

        ended: only if an attempt of one of these has ended, as nothing else is in the step's way.
        """
        try:
            await (self._passes.flush() if ended is None else self._passes.flush_for(ended))
        except StoreError as error:
            raise not_ready(error) from error

    async def settle_stop(self) -> None:
        """That somebody was told to stop is on disk before the answer; if it cannot be, it was told all the same."""
        try:
            await self._passes.flush()
        except StoreError as error:
            log.error("Who was told to stop is not written down yet: %s", error)

    async def note(self, who: Identity, action: str, stored: StoredJob, before: JobState, **detail: Any) -> None:
        """An action that is done stays done, even if the audit log cannot be written: then the engine's log has it."""
        await note_done(self._store.audit, self._entry(who, action, stored, before, **detail))

    def tell(self, stored: StoredJob, state: JobState) -> None:
        """It is in that state now, and the queue another one."""
        self._feed.job_changed(str(stored.id), stored.account, state.value)
        self._feed.queue_changed()
        self._passes.wake()

    def _entry(self, who: Identity, action: str, stored: StoredJob, before: JobState, **detail: Any) -> AuditEntry:
        was = {"state": before.value}
        return audited(self._clock, who, action, str(stored.id), owner=stored.account, before=was, **detail)

    def wrong_state(self, stored: StoredJob, done: str, rule: str) -> Refused:
        """INVALID_STATE, with the state and the rule."""
        state = self._views.state(stored).value
        return Refused(
            "INVALID_STATE",
            f"Job {stored.id} is {state} and cannot be {done}. {rule}",
            [{"field": "state", "message": state}],
        )
