"""What happens, told to whoever listens: a ring of numbered events, and a bounded queue for each subscriber.

Events are kept as facts; a subscriber's own eyes (`sees`) turn each into what that account may know, or nothing. Must
not know HTTP or what privacy is set to.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.api.asks import FeedEvent
from engine.ports import Clock

REMEMBERED = 1024
"""Events that a subscriber who comes back can still get."""
SINGLE = frozenset({"job", "notice", "notification"})
"""Kinds of which each event tells something of its own."""
QUEUED = 512
"""Events that a slow subscriber may lag behind; then the oldest are lost, and it is told to refresh."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Happening:
    """One event as a fact. kind: `gpus`, `job`, `notice`, `notification`, `queue`, `reservations` or `stats`.

    job, account, state: of a job's change. job, account, told: of a notice. account, told: of a notification.
    """

    id: int
    kind: str
    job: str | None = None
    account: str | None = None
    state: str | None = None
    told: Mapping[str, Any] | None = None


def first_id(clock: Clock) -> int:
    """Where the ids of an engine that starts now begin: microseconds of the clock.

    So an id of an earlier engine is below all of a later one, and who comes back with it is told to refresh. No engine
    has a million events a second for as long as it runs; the numbers are exact in JSON until the year 2255.
    """
    return int(clock.now() * 1_000_000)


Sees = Callable[[Happening], dict[str, Any] | None]
"""One subscriber's view of a happening; `None` for what it may not know of."""


class _Subscriber:
    """Sits between the ring and one reader."""

    def __init__(self) -> None:
        self.waiting: deque[Happening] = deque()
        self.lost = False
        self.ready = asyncio.Event()

    def put(self, happening: Happening) -> None:
        """Queue it; of a kind that only says "look again", the newest is enough."""
        if self.waiting and happening.kind not in SINGLE and self.waiting[-1].kind == happening.kind:
            self.waiting.pop()
        if len(self.waiting) >= QUEUED:
            self.waiting.popleft()
            self.lost = True
        self.waiting.append(happening)
        self.ready.set()


class Feed:
    """The event ring and its subscribers; owned by the event loop. hears: each gets every happening, at once."""

    def __init__(self, first: int = 1) -> None:
        """first: the id of its first event."""
        self._next_id = first
        self._ring: deque[Happening] = deque(maxlen=REMEMBERED)
        self._subscribers: set[_Subscriber] = set()
        self._closed = False
        self.hears: list[Callable[[Happening], None]] = []

    @property
    def listened_to(self) -> bool:
        """Whether anybody subscribes now."""
        return bool(self._subscribers)

    @property
    def followers(self) -> int:
        """How many subscriptions there are now."""
        return len(self._subscribers)

    def job_changed(self, job: str, account: str, state: str) -> None:
        """A job of `account` is in another state."""
        self._publish("job", job, account, state)

    def noticed(self, told: Mapping[str, Any], job: str | None, account: str | None) -> None:
        """An account, or the admins alone, are told something of a running job or of a card."""
        self._append(Happening(id=self._next_id, kind="notice", job=job, account=account, told=told))

    def notified(self, told: Mapping[str, Any], account: str) -> None:
        """The terminal UIs of an account get a notification; in `terminal`, what they do."""
        self._append(Happening(id=self._next_id, kind="notification", account=account, told=told))

    def queue_changed(self) -> None:
        """Positions, reasons or the number of waiting jobs may be others."""
        self._publish("queue")

    def gpus_changed(self) -> None:
        """There are new readings."""
        self._publish("gpus")

    def reservations_changed(self) -> None:
        """Somebody booked cards or took a booking back, or a booked time has begun or ended."""
        self._publish("reservations")

    def stats_changed(self) -> None:
        """The engine's own figures are due."""
        self._publish("stats")

    def close(self) -> None:
        """End every subscription, and each that may still come."""
        self._closed = True
        for subscriber in self._subscribers:
            subscriber.ready.set()

    async def subscribe(self, sees: Sees, after: int | None) -> AsyncIterator[FeedEvent]:
        """Events from now on, or after event `after` as far as it is remembered, as `sees` shows them.

        Where some were lost, a `queue` event with `refresh` true stands in their place.
        """
        subscriber = _Subscriber()
        if after is not None:
            oldest = self._ring[0].id if self._ring else self._next_id
            subscriber.lost = after + 1 < oldest or after >= self._next_id
            for happening in self._ring:
                if subscriber.lost or happening.id > after:
                    subscriber.put(happening)
        self._subscribers.add(subscriber)
        try:
            while True:
                async for event in self._drain(subscriber, sees):
                    yield event
                if self._closed:
                    return
                subscriber.ready.clear()
                if not subscriber.waiting:
                    await subscriber.ready.wait()
        finally:
            self._subscribers.discard(subscriber)

    async def _drain(self, subscriber: _Subscriber, sees: Sees) -> AsyncIterator[FeedEvent]:
        """Everything that waits for one subscriber."""
        if subscriber.lost:
            subscriber.lost = False
            first = subscriber.waiting[0].id - 1 if subscriber.waiting else self._next_id - 1
            yield FeedEvent(id=max(0, first), kind="queue", data={"refresh": True})
        while subscriber.waiting and not self._closed:
            happening = subscriber.waiting.popleft()
            data = sees(happening)
            if data is not None:
                yield FeedEvent(id=happening.id, kind=happening.kind, data=data)
            if subscriber.lost:
                return

    def _publish(self, kind: str, job: str | None = None, account: str | None = None, state: str | None = None) -> None:
        self._append(Happening(id=self._next_id, kind=kind, job=job, account=account, state=state))

    def _append(self, happening: Happening) -> None:
        self._next_id += 1
        self._ring.append(happening)
        for subscriber in self._subscribers:
            subscriber.put(happening)
        for hear in self.hears:
            hear(happening)
