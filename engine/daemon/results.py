"""Results of jobs: their directories as one archive, made while it is sent.

Must not know HTTP, how a directory is read safely, nor what an archive looks like.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from config.settings import RetentionSettings
from engine.api.asks import Identity
from engine.core.lifecycle import TERMINAL
from engine.core.model import JobId
from engine.daemon.access import Action
from engine.daemon.answers import not_ready
from engine.daemon.arrays import ArrayLookup
from engine.daemon.downloads import Download, Turns
from engine.daemon.ground import Ground
from engine.daemon.lookup import Lookup
from engine.daemon.persons import Persons
from engine.daemon.views import Views
from engine.executor import reading, unitfiles
from engine.executor.archive import Bounds, Extra, Found
from engine.executor.directory import CODE, path_of
from engine.executor.reading import Place, ReadsAs
from engine.executor.records import EXIT
from engine.executor.systemd import SystemdExecutor
from engine.ports import CannotLaunch, Clock, Executor
from engine.protocol.errors import Refused
from engine.store.errors import StoreError
from engine.store.rows import StoredJob
from engine.store.store import Store

MOST_JOBS = 1000
"""Elements of a job array in one archive: each is a word of the reader's command line."""
MIB = 1 << 20


class ResultService:
    """Fulfils `engine.api.backend.Results`. reads_as: reads files as a Unix user."""

    def __init__(
        self,
        *,
        state_dir: Path,
        store: Store,
        lookup: Lookup,
        arrays: ArrayLookup,
        views: Views,
        persons: Persons,
        settings: RetentionSettings,
        reads_as: ReadsAs,
        clock: Clock,
    ) -> None:
        self._state_dir = state_dir
        self._store = store
        self._lookup = lookup
        self._arrays = arrays
        self._views = views
        self._persons = persons
        self._bounds = Bounds(most_files=settings.results_files, most_bytes=settings.results_mb * MIB)
        self._reads_as = reads_as
        self._clock = clock
        self._turns = Turns(settings.results_at_once)
        self._threads = ThreadPoolExecutor(settings.results_at_once, thread_name_prefix="results")

    async def results(self, who: Identity, job: int, elements: Sequence[int] | None, *, code: bool) -> "Download":
        """An archive of one job, or of elements of a job array (none named: of all). The caller closes it.

        INVALID_STATE where there is nothing (yet, or any more), TOO_LARGE for more than the settings allow,
        RATE_LIMITED where others are under way.
        """
        jobs = [await self._lookup.find(who, job, Action.READ_FILES)]
        if elements is not None:
            jobs = await self._elements(who, job, elements)
        there = [one for one in jobs if await asyncio.to_thread(self._place(one).is_dir)]
        if not there:
            raise _nothing(jobs[0], many=len(jobs) > 1)
        leave = self._turns.take(who.account)
        try:
            return await self._begun(who, jobs, there, leave, skip=[] if code else [CODE], single=elements is None)
        except BaseException:
            leave()
            raise

    async def _begun(
        self,
        who: Identity,
        jobs: list[StoredJob],
        there: list[StoredJob],
        leave: Callable[[], None],
        *,
        skip: list[str],
        single: bool,
    ) -> "Download":
        user = await self._user(jobs[0].account)
        prefixes = {one.id: "" if single else f"{one.array_parent}_{one.array_index}/" for one in there}
        places = [Place(directory=self._place(one), prefix=prefixes[one.id]) for one in there]
        extra = Extra(
            members=await asyncio.to_thread(self._ends, there, prefixes),
            notes=tuple(self._notes(jobs, there)),
        )
        ended = [one for one in there if self._views.state(one) in TERMINAL]
        download = Download(
            name=_name(jobs[0], single=single),
            read=partial(self._reads_as, user, reading.command(places, self._bounds, skip)),
            bounds=self._bounds,
            extra=extra,
            threads=self._threads,
            leave=leave,
            taken=partial(self._taken, who, ended),
        )
        try:
            self._judge(await download.found())
        except BaseException:
            await download.close()
            raise
        return download

    async def _user(self, account: str) -> str:
        try:
            return (await self._persons.of(account)).name
        except CannotLaunch as problem:
            told = f"The files are read as the Unix user whose they are, and {problem}."
            raise Refused("INVALID_STATE", told) from problem

    async def _elements(self, who: Identity, job: int, elements: Sequence[int]) -> list[StoredJob]:
        try:
            array = await self._arrays.find(who, job, Action.READ_FILES)
            ids = await self._arrays.elements(array, elements)
            if len(ids) > MOST_JOBS:
                told = f"{len(ids)} jobs are too many for one archive: {MOST_JOBS} is the most. Name fewer elements."
                raise Refused("TOO_LARGE", told)
            return await self._store.jobs.jobs(ids)
        except StoreError as error:
            raise not_ready(error) from error

    def _judge(self, found: Found) -> None:
        if not found.over:
            return
        bounds = self._bounds
        largest = ", ".join(f"{name} ({size / MIB:.0f} MiB)" for name, size in found.largest)
        told = (
            f"There are more than {bounds.most_files} files or {bounds.most_bytes // MIB} MiB, too much for one "
            f"download. Copy them out of the job's directory; rcq show tells where it is. Largest: {largest}."
        )
        limits = {"files": found.files, "most_files": bounds.most_files, "most_mb": bounds.most_bytes // MIB}
        raise Refused("TOO_LARGE", told, [{"field": "", "message": "too much for one download", **limits}])

    def _ends(self, there: list[StoredJob], prefixes: dict[int, str]) -> dict[str, bytes]:
        """How they ended, as the engine wrote it down: on the appliance the owner may not read that file."""
        ends = {one.id: unitfiles.noted(self._place(one), EXIT) for one in there}
        return {f"{prefixes[job]}{EXIT}": reading.as_text(end) for job, end in ends.items() if end}

    def _notes(self, jobs: list[StoredJob], there: list[StoredJob]) -> Iterator[str]:
        for one in there:
            if self._views.state(one) not in TERMINAL:
                yield f"Job {one.id} had not ended: its files may have been half written."
        if missing := [str(one.id) for one in jobs if one not in there]:
            yield f"No files (not started, or removed): {len(missing)} jobs, {', '.join(missing[:100])}."

    async def _taken(self, who: Identity, ended: list[StoredJob]) -> None:
        """Their owner has all that they left, and may do without the files from now on.

        Not so by a token that is for reading alone: nothing goes sooner for that.
        """
        if who.read_only:
            return
        mine = {one.id: one.attempt for one in ended if one.account == who.account}
        with suppress(StoreError):  # the disk is full, or one was requeued in this moment: files stay longer
            for now in await self._store.jobs.jobs(list(mine)):
                if now.attempt == mine[now.id] and now.state in TERMINAL:
                    await self._store.job_files.fetched(JobId(str(now.id)), self._clock.now())

    def _place(self, job: StoredJob) -> Path:
        return path_of(self._state_dir, JobId(str(job.id)))


def _name(job: StoredJob, *, single: bool) -> str:
    return f"job-{job.id}.zip" if single else f"array-{job.array_parent}.zip"


def _nothing(job: StoredJob, *, many: bool) -> Refused:
    if many:
        return Refused(
            "INVALID_STATE", "None of these jobs has files: they have not started, or the files were removed."
        )
    if job.files_removed_at is not None:
        at = datetime.fromtimestamp(job.files_removed_at).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
        why = {"age": ", as its end was long ago", "fetched": ", as its results had been fetched"}
        told = f"The files of job {job.id} were removed {at}{why.get(job.files_removed_why or '', '')}."
        return Refused("INVALID_STATE", told)
    return Refused("INVALID_STATE", f"Job {job.id} is {job.state} and has no files. See: rcq show {job.id}")


def results_of(ground: Ground, executor: Executor) -> ResultService:
    """The service of results behind the API. The files are read as the jobs of that executor run."""
    reads_as: ReadsAs = executor.tasks.read if isinstance(executor, SystemdExecutor) else reading.read_as_oneself
    lookup = Lookup(store=ground.store.jobs)
    return ResultService(
        state_dir=ground.paths.state_dir,
        store=ground.store,
        lookup=lookup,
        arrays=ArrayLookup(store=ground.store, views=ground.views, lookup=lookup),
        views=ground.views,
        persons=ground.persons,
        settings=ground.settings.retention,
        reads_as=reads_as,
        clock=ground.clock,
    )
