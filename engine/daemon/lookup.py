"""Finds the job that somebody asks for, if they may do with it what they want. Must not know how that is done."""

from engine.api.asks import Identity
from engine.daemon.access import Action, may, require
from engine.daemon.answers import not_ready
from engine.protocol.errors import Refused
from engine.store.errors import StoreError
from engine.store.jobs import Jobs
from engine.store.rows import StoredJob


class Lookup:
    """One job by its number."""

    def __init__(self, *, store: Jobs) -> None:
        self._store = store

    async def find(self, who: Identity, job: int, action: Action) -> StoredJob:
        """The job as it is written down, for this action.

        JOB_NOT_FOUND also for one that is not the caller's to see, FORBIDDEN for one that is, but not for this.
        """
        try:
            stored = await self._store.job(job)
        except StoreError as error:
            raise not_ready(error) from error
        if stored is None or not (may(who, Action.SEE_JOB, stored.owner) or may(who, action, stored.owner)):
            raise Refused("JOB_NOT_FOUND", f"There is no job {job}, or it is not yours. See: rcq queue --mine.")
        require(who, action, stored.owner)
        return stored
