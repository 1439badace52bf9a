"""What people are told of running jobs and of cards while it lasts: raised once, shown until it is over.

Owned by the event loop. Must not know why anything is told, nor how it is worded or shown.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.core.model import AccountName, GpuUuid, JobId
from engine.daemon.feed import Feed
from engine.ports import Clock
from engine.protocol.notices import NOTICES

log = logging.getLogger(__name__)


@dataclass(slots=True, frozen=True, kw_only=True)
class Notice:
    """One thing that is told. at: Unix seconds, since when. account: who is told, beside the admins; `None`: they only.

    job, gpu: what it is about. numbers: by the names that `NOTICES` has for the code.
    """

    code: str
    at: float
    job: JobId | None = None
    gpu: GpuUuid | None = None
    account: AccountName | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """As the API tells it."""
        return {"code": self.code, "at": self.at, **self.numbers}


Key = tuple[str, JobId | None, GpuUuid | None, int | None]
"""Code, and what it is about: a job, a card, a process."""


class Notices:
    """Everything that is told now."""

    def __init__(self, feed: Feed, clock: Clock) -> None:
        self._feed = feed
        self._clock = clock
        self._standing: dict[Key, Notice] = {}

    def tell(
        self,
        code: str,
        *,
        job: JobId | None = None,
        gpu: GpuUuid | None = None,
        pid: int | None = None,
        account: AccountName | None = None,
        **numbers: Any,
    ) -> bool:
        """Tell it, or bring the numbers of what is told already up to date; whether it is new.

        job, gpu, pid: what it is about; of each the same is told once.
        """
        key = (code, job, gpu, pid)
        before = self._standing.get(key)
        at = self._clock.now() if before is None else before.at
        known = {"gpu": gpu, "pid": pid, **numbers}
        wanted = {name: known[name] for name in NOTICES[code]}
        notice = Notice(code=code, at=at, job=job, gpu=gpu, account=account, numbers=wanted)
        self._standing[key] = notice
        if before is None:
            log.warning("%s (job %s, card %s, account %s): %s", code, job, gpu, account, dict(wanted))
            self._feed.noticed(notice.told(), job, account)
        return before is None

    def clock_set(self, by_s: float) -> None:
        """The clock jumped: it has been so for as long as before."""
        self._standing = {key: replace(one, at=one.at + by_s) for key, one in self._standing.items()}

    def over(self, code: str, *, job: JobId | None = None, gpu: GpuUuid | None = None, pid: int | None = None) -> None:
        """It is not so any more."""
        self._standing.pop((code, job, gpu, pid), None)

    def forget(self, job: JobId) -> None:
        """The job has ended: nothing is told of it any more."""
        for key in [key for key in self._standing if key[1] == job]:
            del self._standing[key]

    def of_job(self, job: JobId) -> list[dict[str, Any]]:
        """What is told of a job, oldest first."""
        return [notice.told() for notice in self._all() if notice.job == job]

    def of_account(self, account: AccountName | None) -> Iterator[Notice]:
        """What is told to an account, oldest first; `None`: everything, for admins."""
        return (notice for notice in self._all() if account is None or notice.account == account)

    def _all(self) -> list[Notice]:
        return sorted(self._standing.values(), key=lambda notice: (notice.at, notice.code, str(notice.job)))
