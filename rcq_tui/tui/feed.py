"""The one worker that listens to the engine: events as they come, the queue fetched again when it changed.

It posts messages in the domain's words and knows no screen. When the engine goes away it says so, tries again with
growing pauses, and catches up by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from textual.message import Message

from engine.protocol.cards import GpuView
from engine.protocol.errors import Refused, Unreachable
from engine.protocol.notifications import Notification
from engine.protocol.people import Me
from engine.protocol.responses import JobRow, Stats
from rcq_tui.client.calls import Calls, Event, JobsWanted
from rcq_tui.client.decode import decode, decode_items
from rcq_tui.tui.messages import (
    GpusRead,
    JobMoved,
    LinkLost,
    LoginNeeded,
    NoticeGiven,
    Notified,
    QueueRead,
    Recognised,
    StatsRead,
)
from rcq_tui.viewmodel.states import FINISHED, LEASED, WAITING


@dataclass(slots=True, frozen=True, kw_only=True)
class Pace:
    """Seconds. between_fetches: at least so long between two fetches of the queue. idle_fetch: fetch it at least so
    often, because promised starts move without an event. log: between two looks at a running job's log.
    retry: pauses before trying to connect again, the last one for ever.
    """

    between_fetches: float = 0.5
    idle_fetch: float = 10.0
    log: float = 1.0
    retry: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 5.0)


@dataclass(slots=True, frozen=True, kw_only=True)
class Look:
    """Which jobs are wanted. limit: of each part (started, waiting, finished)."""

    mine: bool = False
    finished: bool = False
    limit: int = 200


class Feed:
    """Runs until it is cancelled, or until the engine does not know us any more."""

    def __init__(self, api: Calls, post: Callable[[Message], object], pace: Pace) -> None:
        self._api = api
        self._post = post
        self._pace = pace
        self._look = Look()
        self._stale = asyncio.Event()
        self._urgent = asyncio.Event()
        self._after: int | None = None

    def look(self, look: Look) -> None:
        """Want other jobs; they are fetched at once."""
        self._look = look
        self.refresh()

    def refresh(self) -> None:
        """Fetch the queue again at once: a person asked."""
        self._stale.set()
        self._urgent.set()

    async def run(self) -> None:
        """Listen for ever. Ends after `LoginNeeded`: nobody is logged in, or only to set a password."""
        failures = 0
        while True:
            try:
                if (me := await self._api.me()).must_change_password:
                    self._post(LoginNeeded())
                    return
                await self._greet(me)
                failures = 0
                await self._both(self._listen(), self._fetch())
            except Refused as refused:
                if refused.code == "UNAUTHENTICATED":
                    self._post(LoginNeeded())
                    return
                self._post(LinkLost(refused.message))
            except Unreachable as lost:
                self._post(LinkLost(str(lost)))
            await asyncio.sleep(self._pace.retry[min(failures, len(self._pace.retry) - 1)])
            failures += 1

    async def _greet(self, me: Me) -> None:
        self._post(Recognised(me))
        self._post(StatsRead(await self._api.stats()))
        self._post(GpusRead(await self._api.gpus()))
        self._stale.set()

    async def _listen(self) -> None:
        async for event in self._api.events(self._after):
            self._after = event.id if event.id is not None else self._after
            self._tell(event)

    def _tell(self, event: Event) -> None:
        if event.kind == "gpus":
            self._post(GpusRead(decode_items(GpuView, event.data)))
        elif event.kind == "stats":
            self._post(StatsRead(decode(Stats, event.data)))
        elif event.kind == "job" and isinstance(event.data.get("id"), int):
            self._post(JobMoved(event.data["id"], str(event.data.get("state"))))
            self._stale.set()
        elif event.kind == "notice":
            self._post(NoticeGiven(dict(event.data)))
            self._stale.set()
        elif event.kind == "notification":
            self._post(Notified(decode(Notification, event.data), str(event.data.get("terminal"))))
        elif event.kind in {"queue", "reservations"}:
            self._stale.set()

    async def _fetch(self) -> None:
        while True:
            self._stale.clear()
            self._urgent.clear()
            await self._fetch_once()
            await _happens(self._urgent, self._pace.between_fetches)
            if not await _happens(self._stale, self._pace.idle_fetch):
                self._post(StatsRead(await self._api.stats()))

    async def _fetch_once(self) -> None:
        look = self._look
        rows: list[JobRow] = []
        more = False
        for states in (LEASED, WAITING, FINISHED) if look.finished else (LEASED, WAITING):
            page = await self._api.jobs(JobsWanted(states=states, mine=look.mine, limit=look.limit))
            rows += page.items
            more = more or page.cursor is not None
        if look == self._look:  # else a newer look is on its way, and this answer would flicker
            self._post(QueueRead(rows, more))

    async def _both(self, *works: Awaitable[None]) -> None:
        """Run both until one fails; the other ends with it."""
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _happens(event: asyncio.Event, within_s: float) -> bool:
    """Wait for the event, but no longer than so many seconds; whether it came."""
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
