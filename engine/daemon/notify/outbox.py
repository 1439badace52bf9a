"""Messages on their way: on disk until they are sent or given up, tried again with growing pauses, bounded.

A message is sent to where its account wants it now; one that was switched off meanwhile is dropped. Must not know what
messages say, nor how the notifier sends them.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Protocol

from engine.daemon.notify.choices import Choices, channels_of
from engine.ports import Clock
from engine.protocol.notifications import Notification, SendFailure
from engine.store.errors import StoreError
from engine.store.notifications import Choice, Notifications, Parcel

log = logging.getLogger(__name__)

FIRST_PAUSE_S, MOST_PAUSE_S = 30.0, 3600.0
MOST_WAITING, MOST_OF_ACCOUNT = 2000, 200
AT_ONCE, AT_ONCE_OF_ACCOUNT = 8, 2
"""Requests under way: one account's slow webhook leaves room for others."""
SEND_S = 90.0
"""So long the notifier may take for one; its own limits are shorter."""
IDLE_S = 60.0
"""After so long without anything to send the notifier is let go."""


class Link(Protocol):
    """The line to the notifier."""

    async def send(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Its answer: `ok`, `again`, `message`. Raises OSError where there is no notifier."""
        ...

    async def close(self) -> None:
        """Let it go; the next request finds or starts it again."""
        ...


class Shows(Protocol):
    """Passes a notification on to the terminal UIs that the account has open."""

    def notified(self, told: Mapping[str, Any], account: str) -> None:
        """told: the notification, and in `terminal` what they do."""
        ...


class Outbox:
    """Begins with `load` and `run`."""

    def __init__(
        self, *, store: Notifications, choices: Choices, link: Link, shows: Shows, clock: Clock, max_age_s: float
    ) -> None:
        self._store = store
        self._choices = choices
        self._link = link
        self._shows = shows
        self._clock = clock
        self._max_age_s = max_age_s
        self._waiting: dict[int, Parcel] = {}
        self._unwritten: dict[int, Parcel] = {}
        self._gone: list[int] = []
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._next_id = 1
        self._changed = asyncio.Event()
        self.failures: dict[str, SendFailure] = {}

    async def load(self) -> None:
        """What an earlier engine left. Raises StoreError."""
        now = self._clock.now()
        self._waiting = {parcel.id: _not_beyond(parcel, now) for parcel in await self._store.parcels()}
        self._next_id = max(self._waiting, default=0) + 1

    def clock_set(self, by_s: float) -> None:
        """The clock jumped: each message is as old as before, and due as soon."""
        for parcel in list(self._waiting.values()):
            self._keep(replace(parcel, made_at=parcel.made_at + by_s, due_at=parcel.due_at + by_s))

    def waiting(self, account: str) -> int:
        """How many messages to the account are not sent."""
        return sum(parcel.account == account for parcel in self._waiting.values())

    def tell(self, told: Notification) -> None:
        """By every channel that its account chose."""
        choice = self._choices.of(told.account)
        for channel in channels_of(choice):
            if channel == "terminal":
                self.show(told, choice)
            elif len(self._waiting) >= MOST_WAITING or self.waiting(told.account) >= MOST_OF_ACCOUNT:
                self._failed(told.account, channel, "Too many messages wait to be sent; this one was left out.")
            else:
                self._put(told, channel)

    def show(self, told: Notification, choice: Choice) -> None:
        """On terminals: those that are open now, or none."""
        self._shows.notified({**asdict(told), "terminal": choice.terminal}, told.account)

    def _put(self, told: Notification, channel: str) -> None:
        now = self._clock.now()
        parcel = Parcel(
            id=self._next_id,
            account=told.account,
            channel=channel,
            message=json.dumps(asdict(told)),
            made_at=now,
            due_at=now,
        )
        self._next_id += 1
        self._keep(parcel)

    def _keep(self, parcel: Parcel) -> None:
        self._waiting[parcel.id] = self._unwritten[parcel.id] = parcel
        self._changed.set()

    def _drop(self, parcel: Parcel) -> None:
        self._waiting.pop(parcel.id, None)
        self._unwritten.pop(parcel.id, None)
        self._gone.append(parcel.id)
        self._changed.set()

    async def run(self) -> None:
        """Send what is due, until cancelled."""
        try:
            while True:
                self._changed.clear()
                await self.write()
                for parcel in self._due():
                    task = asyncio.create_task(self._try(parcel), name=f"notify-{parcel.id}")
                    self._under_way[parcel.id] = task
                    task.add_done_callback(partial(self._tried, parcel.id))
                await self._wait()
        finally:
            for task in self._under_way.values():
                task.cancel()
            await self._link.close()

    def _tried(self, number: int, _done: "asyncio.Task[None]") -> None:
        del self._under_way[number]
        self._changed.set()

    def _due(self) -> list[Parcel]:
        """Those to be tried now, the longest due first."""
        now, room = self._clock.now(), AT_ONCE - len(self._under_way)
        busy: dict[str, int] = {}
        for number in self._under_way:
            if (parcel := self._waiting.get(number)) is not None:
                busy[parcel.account] = busy.get(parcel.account, 0) + 1
        chosen: list[Parcel] = []
        for parcel in sorted(self._waiting.values(), key=lambda one: (one.due_at, one.id)):
            if parcel.due_at > now or len(chosen) >= room:
                break
            if parcel.id not in self._under_way and busy.get(parcel.account, 0) < AT_ONCE_OF_ACCOUNT:
                busy[parcel.account] = busy.get(parcel.account, 0) + 1
                chosen.append(parcel)
        return chosen

    async def _wait(self) -> None:
        """Until something changed or the next one is due; with nothing to do the notifier is let go."""
        resting = [parcel.due_at for parcel in self._waiting.values() if parcel.due_at > self._clock.now()]
        soon = min(resting, default=None)
        limit = IDLE_S if soon is None else min(IDLE_S, max(0.01, soon - self._clock.now()))
        try:
            async with asyncio.timeout(limit):
                await self._changed.wait()
        except TimeoutError:
            if not self._under_way and limit >= IDLE_S:
                await self._link.close()

    async def write(self) -> None:
        """Bring the table up to date. What the disk does not take stays in memory and is sent all the same."""
        kept, gone = list(self._unwritten.values()), list(self._gone)
        try:
            if kept:
                await self._store.keep(kept)
            if gone:
                await self._store.drop(gone)
        except StoreError as error:
            log.warning("The outbox is not on disk: %s", error)
            return
        for parcel in kept:
            if self._unwritten.get(parcel.id) is parcel:
                del self._unwritten[parcel.id]
        self._gone = self._gone[len(gone) :]

    async def _try(self, parcel: Parcel) -> None:
        choice = self._choices.of(parcel.account)
        if parcel.channel not in channels_of(choice):
            self._drop(parcel)
            return
        answer = await self._ask(parcel.channel, json.loads(parcel.message), choice)
        if answer["ok"]:
            self._drop(parcel)
            return
        parcel = self._waiting[parcel.id]  # the clock may have been set meanwhile
        again = replace(parcel, tries=parcel.tries + 1, due_at=self._clock.now() + _pause_s(parcel.tries))
        if answer["again"] and again.due_at < parcel.made_at + self._max_age_s:
            self._keep(again)
            return
        self._drop(parcel)
        self._failed(parcel.account, parcel.channel, str(answer["message"]))

    async def ask(self, channel: str, told: Notification, choice: Choice) -> Mapping[str, Any]:
        """Have one message sent now, once; how that went."""
        return await self._ask(channel, asdict(told), choice)

    async def _ask(self, channel: str, told: Mapping[str, Any], choice: Choice) -> Mapping[str, Any]:
        to = {"mail": choice.mail, "webhook": choice.webhook}.get(channel) or ""
        secret = choice.secret or "" if channel == "webhook" else ""
        request = {"channel": channel, "notification": told, "to": to, "secret": secret}
        try:
            async with asyncio.timeout(SEND_S):
                return await self._link.send(request)
        except (OSError, TimeoutError) as error:
            log.warning("The notifier does not answer: %s", error)
            return {"ok": False, "again": True, "message": "The process that sends notifications does not answer."}

    def _failed(self, account: str, channel: str, message: str) -> None:
        log.warning("A message to %s by %s is given up: %s", account, channel, message)
        self.failures[account] = SendFailure(channel=channel, at=self._clock.now(), message=message)


def _not_beyond(parcel: Parcel, now: float) -> Parcel:
    """Where the clock was set back while no engine ran: it was not made later than now, and no pause is longer."""
    return replace(parcel, made_at=min(parcel.made_at, now), due_at=min(parcel.due_at, now + MOST_PAUSE_S))


def _pause_s(tries: int) -> float:
    return min(MOST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(tries, 10))
