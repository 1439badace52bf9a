"""A job's staged files, put into its directory as its owner before an attempt starts: what is there already stays.

Must not know who uploaded what, nor how long that is kept.
"""

import asyncio
import errno
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from threading import Event

from engine.daemon.books import Live
from engine.executor import accesslist, placer, placetask, staged
from engine.executor.directory import CODE
from engine.executor.environment import Person
from engine.executor.launcherlink import LauncherRefused
from engine.executor.placer import CannotPlace, Step
from engine.executor.usertask import UserTasks
from engine.ports import CannotLaunch
from engine.protocol.fields import JobFields

SHORTAGES = frozenset({errno.ENOSPC, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What the host lacks for the moment. A Unix user's own disk quota is not among them: that is the job's own trouble."""


class CalledOff(Exception):
    """The attempt is not wanted any more."""


class Placing:
    """Places files for jobs under `state_dir`. tasks: run programs as another Unix user; `None` where there is none."""

    def __init__(self, *, state_dir: Path, tasks: UserTasks | None, reserve_bytes: int) -> None:
        self._state_dir = state_dir
        self._tasks = tasks
        self._reserve_bytes = reserve_bytes
        self._readers: Counter[str] = Counter()
        self._opens = asyncio.Lock()  # what one has just begun to read is not closed for another that has ended

    async def place(self, live: Live, fields: JobFields, directory: Path, person: Person) -> None:
        """All of them that are not there yet. Raises CannotLaunch, OSError, LauncherUnreachable."""
        steps = self.steps(fields)
        if not steps:
            return
        if live.attempt > 1 and not await asyncio.to_thread(placer.missing, str(directory), steps):
            return
        await asyncio.to_thread(self._check, steps)
        try:
            if person.uid is None or self._tasks is None:
                await _in_thread(live, directory, steps)
            else:
                await self._as_owner(self._tasks, live, directory, steps, person)
        except CannotPlace as problem:
            if problem.number in SHORTAGES:
                raise OSError(problem.number, str(problem)) from problem
            raise CannotLaunch(f"its staged files cannot be placed: {problem}") from problem
        except CalledOff as off:
            raise CannotLaunch("it was told to stop while its staged files were being placed") from off

    def steps(self, fields: JobFields) -> list[Step]:
        """What is to be placed for a job."""
        steps = [
            Step("program" if one.executable else "file", self._source(one.upload), one.name) for one in fields.files
        ]
        if fields.snapshot is not None:
            steps.append(Step("tree", self._source(fields.snapshot.upload), CODE))
        return steps

    def _source(self, upload: str) -> str:
        return str(staged.path_of(self._state_dir, upload))

    def _check(self, steps: Sequence[Step]) -> None:
        """That the originals are there, and room for their copies. Raises CannotLaunch, OSError."""
        wanted = 0
        for step in steps:
            try:
                wanted += Path(step.source).stat().st_size
            except FileNotFoundError as error:
                told = f"its staged file {step.name} is gone (after a restore, or removed with the job's files)"
                raise CannotLaunch(f"{told}: submit the job again with its files") from error
        if staged.free_bytes(self._state_dir) - wanted < self._reserve_bytes:
            raise OSError(errno.ENOSPC, "the disk for job files has no room for its staged files")

    async def _as_owner(
        self, tasks: UserTasks, live: Live, directory: Path, steps: Sequence[Step], person: Person
    ) -> None:
        uploads = sorted({step.source for step in steps})
        async with self._readable(uploads, person.uid or 0):
            begin = partial(tasks.place, live.job, person.name)
            try:
                done = await placetask.place(begin, directory, steps, lambda: live.stopping is None)
            except LauncherRefused as refused:
                raise CannotLaunch(f"its staged files cannot be placed: {refused}") from refused
        if not done:
            raise CalledOff

    @asynccontextmanager
    async def _readable(self, sources: Sequence[str], uid: int) -> AsyncIterator[None]:
        """For the time being that user may read them; elements of an array may do so side by side."""
        self._readers.update(sources)
        try:
            async with self._opens:
                await asyncio.to_thread(_open_to, sources, uid)
            yield
        finally:
            self._readers.subtract(sources)
            self._readers = +self._readers
            async with self._opens:
                unread = [one for one in sources if not self._readers[one]]
                await asyncio.to_thread(_close_again, unread)


async def _in_thread(live: Live, directory: Path, steps: Sequence[Step]) -> None:
    left = Event()

    def tick() -> None:
        if left.is_set() or live.stopping is not None:
            raise CalledOff

    try:
        await asyncio.to_thread(placer.place, str(directory), steps, tick)
    finally:
        left.set()  # an engine that stops does not wait for a large file


def _open_to(sources: Sequence[str], uid: int) -> None:
    for source in sources:
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            accesslist.let_read(handle, uid)
        finally:
            os.close(handle)


def _close_again(sources: Sequence[str]) -> None:
    for source in sources:
        try:
            handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            accesslist.keep_to_owner(handle)
        finally:
            os.close(handle)
