"""A job once more, as a new one: the same request with the same files and the same code.

Must not know how a job is taken in, nor HTTP.
"""

import asyncio
from pathlib import Path

from engine.api.asks import Identity
from engine.daemon.access import Action
from engine.daemon.answers import not_ready
from engine.daemon.ground import Ground
from engine.daemon.lookup import Lookup
from engine.daemon.submission import Submission
from engine.executor import staged
from engine.protocol.errors import Refused
from engine.protocol.fields import FIELD_NAMES, AdoptedFields, ElementFields, JobFields, uploads_of
from engine.store.errors import StoreError
from engine.store.rows import StoredJob
from engine.store.uploads import Uploads

ANEW = frozenset({"job_id", "after", "begin", "cron", "array", "submitted_at", "foreground"})
"""Fields that said when it was to run, for whose terminal and what it was called: they do not hold again."""


class Redo:
    """Fulfils `engine.api.backend.Redo`."""

    def __init__(self, *, state_dir: Path, lookup: Lookup, uploads: Uploads, submission: Submission) -> None:
        self._state_dir = state_dir
        self._lookup = lookup
        self._uploads = uploads
        self._submission = submission

    async def redo(self, who: Identity, job: int) -> int:
        """The new job's id. INVALID_STATE where its files are gone; else refused as `submit` is."""
        stored = await self._lookup.find(who, job, Action.REDO_JOB)
        if stored.fields is None or isinstance(stored.fields, AdoptedFields):
            raise Refused("INVALID_STATE", f"Job {job} was a process that was adopted: nobody can start that again.")
        await self._require(stored, uploads_of(stored.fields))
        (taken,) = await self._submission.submit(who, [_again(stored.fields, job)])
        if isinstance(taken, Refused):
            raise taken
        return taken

    async def diff(self, who: Identity, job: int) -> Path:
        """Where the difference of its code to the commit is. NOT_FOUND where there is none, INVALID_STATE if gone."""
        stored = await self._lookup.find(who, job, Action.SEE_SECRETS)
        captured = stored.fields.snapshot if stored.fields else None
        if captured is None or captured.diff is None:
            told = "was submitted without its code" if captured is None else "runs its commit as it is"
            raise Refused("NOT_FOUND", f"Job {job} {told}: there is no difference. See: rcq submit --snapshot")
        await self._require(stored, [captured.diff])
        path = staged.path_of(self._state_dir, captured.diff)
        if not await asyncio.to_thread(path.is_file):
            told = f"The difference of job {job} is gone: backups do not hold what was sent along with jobs."
            raise Refused("INVALID_STATE", told)
        return path

    async def _require(self, stored: StoredJob, needed: list[str]) -> None:
        if not needed:
            return
        try:
            known = await self._uploads.known(needed)
        except StoreError as error:
            raise not_ready(error) from error
        if not known.keys() >= set(needed):
            told = "with the job's own files, by their age" if stored.files_removed_at is not None else "meanwhile"
            raise Refused(
                "INVALID_STATE", f"What was sent along with job {stored.id} was removed {told}: submit it anew."
            )


def _again(fields: JobFields, job: int) -> JobFields:
    """The request of the new job: of an element of an array, that element alone."""
    kept = {name: getattr(fields, name) for name in FIELD_NAMES if name not in ANEW}
    array = str(fields.array_index) if isinstance(fields, ElementFields) else None
    return JobFields(**kept, array=array, redo_of=job)


def redo_of(ground: Ground, submission: Submission) -> Redo:
    """What takes jobs in once more."""
    return Redo(
        state_dir=ground.paths.state_dir,
        lookup=Lookup(store=ground.store.jobs),
        uploads=ground.store.uploads,
        submission=submission,
    )
