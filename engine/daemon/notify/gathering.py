"""From what happens to notifications: gathered per account, told in one message, not too often.

Hears of everything in the step that publishes it, which costs a look into a dictionary; what is told is read from the
store later, beside the passes. Must not know how a message is sent.
"""

import asyncio
import logging
import platform
from collections import deque
from collections.abc import Callable
from typing import Protocol
from uuid import uuid4

from config.settings import NotifySettings
from engine.core.lifecycle import TERMINAL, JobState
from engine.daemon.feed import Happening
from engine.daemon.notify.choices import Choices
from engine.daemon.notify.digest import Digest
from engine.daemon.notify.heaps import Heap
from engine.ports import Clock
from engine.protocol.notifications import Notification
from engine.store.errors import StoreError

log = logging.getLogger(__name__)

FIRST_S = 1.0
"""What happens so soon after the first event of a quiet time is told with it: a job and those that failed for it."""
HOUR_S = 3600.0
ENDS = frozenset(state.value for state in TERMINAL)
FOR_ADMINS = frozenset({"GPU_FAULT", "GPU_CRITICAL"})
"""Notices of a card that admins are told of though they are its job's owner's."""


class Tells(Protocol):
    """Whoever passes a notification on."""

    def tell(self, told: Notification) -> None:
        """By every channel that its account chose."""
        ...


class Gathering:
    """Begins with `run`. tells: gets what is to be told. steady: seconds of a clock that nobody sets."""

    def __init__(
        self,
        *,
        choices: Choices,
        digest: Digest,
        tells: Tells,
        settings: NotifySettings,
        clock: Clock,
        steady: Callable[[], float],
    ) -> None:
        self._choices = choices
        self._digest = digest
        self._tells = tells
        self._settings = settings
        self._clock = clock
        self._steady = steady
        self._heaps: dict[str, Heap] = {}
        self._due: dict[str, float] = {}
        self._told: dict[str, deque[float]] = {}
        self._changed = asyncio.Event()

    def hear(self, happening: Happening) -> None:
        """Something was published."""
        if happening.kind == "job" and happening.state in ENDS and happening.job is not None:
            if happening.account is not None and self._choices.tells(happening.account):
                self._heap(happening.account).job(int(happening.job), JobState(happening.state))
        elif happening.kind == "notice" and happening.told is not None:
            self._hear_notice(happening)

    def _hear_notice(self, happening: Happening) -> None:
        told = dict(happening.told or {})
        if happening.job is not None:
            told["job"] = int(happening.job)
        listeners = {happening.account} if happening.account is not None else set()
        if happening.account is None or told.get("code") in FOR_ADMINS:
            listeners |= self._choices.admins()
        for account in listeners:
            if self._choices.tells(account, "warning"):
                self._heap(account).warning(told)

    def _heap(self, account: str) -> Heap:
        if account not in self._heaps:
            self._heaps[account] = Heap()
            self._due[account] = self._next(account)
            self._changed.set()
        return self._heaps[account]

    def _next(self, account: str) -> float:
        """When the account is told again. Who got all messages of an hour gets the rest in one when it is over."""
        now, told = self._steady(), self._times(account)
        at = now + min(FIRST_S, self._settings.summary_s) + self.full_for_s(account)
        return max(at, told[-1] + self._settings.summary_s) if told else at

    def full_for_s(self, account: str) -> float:
        """Seconds until the account may get one more message; 0 if it may now."""
        told = self._times(account)
        full = len(told) >= self._settings.per_hour
        return max(0.0, told[0] + HOUR_S - self._steady()) if full else 0.0

    def _times(self, account: str) -> deque[float]:
        return self._told.setdefault(account, deque(maxlen=self._settings.per_hour))

    async def run(self) -> None:
        """Tell what is due, until cancelled."""
        while True:
            self._changed.clear()
            due = [account for account, at in self._due.items() if at <= self._steady()]
            for account in due:
                await self.tell(account)
            if not due:
                await self._wait()

    async def _wait(self) -> None:
        first = min(self._due.values(), default=None)
        try:
            async with asyncio.timeout(None if first is None else max(0.01, first - self._steady())):
                await self._changed.wait()
        except TimeoutError:
            return

    async def tell(self, account: str) -> None:
        """Make one message of what gathered, if any of it is for the account."""
        heap = self._heaps.pop(account, Heap())
        self._due.pop(account, None)
        try:
            told = await self._digest.of(heap, self._choices.of(account), self.blank(account))
        except StoreError as error:
            log.warning("What happened to jobs of %s cannot be told: %s", account, error)
            return
        if any(told.counts.values()):
            self.count(account)
            self._tells.tell(told)

    async def tell_all(self) -> None:
        """At the end: what gathered does not wait for its time."""
        for account in list(self._heaps):
            await self.tell(account)

    def blank(self, account: str, *, test: bool = False) -> Notification:
        """A notification that tells nothing yet."""
        return Notification(id=uuid4().hex, account=account, host=platform.node(), at=self._clock.now(), test=test)

    def count(self, account: str) -> None:
        """A message goes to the account."""
        self._times(account).append(self._steady())
