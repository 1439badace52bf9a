"""Finds the job that somebody asks for, if it is theirs to see. Must not know what is done with it."""

from engine.api.asks import Identity
from engine.daemon.answers import not_ready
from engine.daemon.views import Views
from engine.protocol.errors import Refused
from engine.store.errors import StoreError
from engine.store.jobs import Jobs
from engine.store.rows import StoredJob


class Lookup:
    """One job by its number, for its owner or an admin."""

    def __init__(self, *, store: Jobs, views: Views) -> None:
        self._store = store
        self._views = views

    async def own(self, who: Identity, job: int) -> StoredJob:
        """The job as it is written down. JOB_NOT_FOUND also for another account's, unless admin."""
        try:
            stored = await self._store.job(job)
        except StoreError as error:
            raise not_ready(error) from error
        if stored is None or not self._views.owns(who, stored.account):
            raise Refused("JOB_NOT_FOUND", f"There is no job {job}, or it is not yours. See: rcq queue --mine.")
        return stored
