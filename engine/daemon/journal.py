"""Changes that happened in memory and wait for the next commit.

Owned by the event loop; the pass takes everything that gathered since the last one. Must not know how a change is
written.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from engine.bookkeeping import Change, Charged, Ended, Moved
from engine.core.model import AccountName, JobId, Owner, ServiceName
from engine.daemon.billing import added


def merged(changes: Sequence[Change]) -> list[Change]:
    """The same with one charge for each owner and service, at the end: they add up, and each rewrites rows."""
    sums: dict[tuple[Owner, ServiceName | None], Charged] = {}
    others: list[Change] = []
    for change in changes:
        if not isinstance(change, Charged):
            others.append(change)
            continue
        payer = (change.owner, change.service)
        before = sums.get(payer)
        sums[payer] = change if before is None else added(before, change)
    return [*others, *sums.values()]


class Journal:
    """What the next commit writes. An ending can be looked up here until it is on disk."""

    def __init__(self) -> None:
        self._waiting: list[Change] = []
        self._endings: dict[JobId, tuple[Ended, AccountName]] = {}
        self._going_on: set[JobId] = set()
        self._commit = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, *changes: Change) -> None:
        """Remember changes for the next commit."""
        self._waiting.extend(changes)

    def end(self, ended: Ended, account: AccountName) -> None:
        """Remember that a job of `account` has ended."""
        self._waiting.append(ended)
        self._endings[ended.job] = (ended, account)

    def end_attempt(self, ended: Ended, again: Moved, account: AccountName) -> None:
        """Remember that an attempt has ended and its job goes on: both are written, or neither."""
        self._waiting += [ended, again]
        self._endings[ended.job] = (ended, account)
        self._going_on.add(ended.job)

    def ending(self, job: JobId) -> Ended | None:
        """The ending of a job that is not on disk yet; `None` where only an attempt has ended."""
        found = self._endings.get(job)
        return None if found is None or job in self._going_on else found[0]

    def attempt_end(self, job: JobId) -> Ended | None:
        """The ending of a job's last attempt that is not on disk yet, whether its job goes on or not."""
        found = self._endings.get(job)
        return None if found is None else found[0]

    def concerns(self, job: JobId) -> bool:
        """Whether an ending of the job, or of its last attempt, waits for the next commit."""
        return job in self._endings

    async def endings_written(self, within_s: float) -> None:
        """Wait until every ending that is known by now is on disk, at most so long: a full disk holds up nobody."""
        known = set(self._endings)
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while known & self._endings.keys():
                    await self._commit.wait()

    def take(self) -> list[Change]:
        """Everything that waits; it is written down or put back."""
        taken, self._waiting = self._waiting, []
        return taken

    def put_back(self, changes: Sequence[Change]) -> None:
        """A commit failed: these come first in the next one."""
        self._waiting[:0] = changes

    def written(self, changes: Sequence[Change]) -> list[tuple[Ended, AccountName]]:
        """A commit succeeded (or these can never be written): the endings among them, and whose jobs they were."""
        jobs = [change.job for change in changes if isinstance(change, Ended)]
        self._going_on.difference_update(jobs)
        endings = [self._endings.pop(job) for job in jobs if job in self._endings]
        self._commit.set()
        self._commit = asyncio.Event()
        return endings
