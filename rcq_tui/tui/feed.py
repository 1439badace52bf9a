"""The one worker that listens to the engine: events as they come, and the queue read again when it changed.

It posts messages in the domain's words and knows no screen. When the engine goes away it says so, tries again with
growing pauses, and catches up by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable

from textual.message import Message

from engine.protocol.cards import GpuView
from engine.protocol.cluster import NodeView
from engine.protocol.errors import Refused, Unreachable
from engine.protocol.notifications import Notification
from engine.protocol.people import Me
from engine.protocol.responses import Stats
from rcq_tui.client.calls import Calls, Event
from rcq_tui.client.decode import decode, decode_items
from rcq_tui.tui.messages import (
    GpusRead,
    JobMoved,
    LinkLost,
    LoginNeeded,
    NoticeGiven,
    Notified,
    Recognised,
    StatsRead,
)
from rcq_tui.tui.nodemessages import NodesRead
from rcq_tui.tui.pace import Pace
from rcq_tui.tui.queuereader import QueueReader
from rcq_tui.viewmodel.looks import Look


class Feed:
    """Runs until it is cancelled, or until the engine does not know us any more."""

    def __init__(self, api: Calls, post: Callable[[Message], object], pace: Pace, look: Look) -> None:
        self._api = api
        self._post = post
        self._pace = pace
        self._after: int | None = None
        self.queue = QueueReader(api, post, pace, look)

    async def run(self) -> None:
        """Listen for ever. Ends after `LoginNeeded`: nobody is logged in, or only to set a password."""
        failures = 0
        while True:
            try:
                if (me := await self._api.me()).must_change_password:
                    self._nobody()
                    return
                await self._greet(me)
                failures = 0
                await self._all(self._listen(), self.queue.run(), self._figures())
            except Refused as refused:
                if refused.code == "UNAUTHENTICATED":
                    self._nobody()
                    return
                self._post(LinkLost(refused.message))
            except Unreachable as lost:
                self._post(LinkLost(str(lost)))
            await asyncio.sleep(self._pace.retry[min(failures, len(self._pace.retry) - 1)])
            failures += 1

    async def _greet(self, me: Me) -> None:
        self._post(Recognised(me))
        self._post(StatsRead(await self._api.stats()))
        self._post(NodesRead(await self._api.nodes()))  # before the cards, of which a host with a cluster may have none
        self._post(GpusRead([card for card in await self._api.gpus() if card.node is None]))

    def _nobody(self) -> None:
        self.queue.forget()
        self._post(LoginNeeded())

    async def _listen(self) -> None:
        async for event in self._api.events(self._after):
            self._after = event.id if event.id is not None else self._after
            self._tell(event)

    def _tell(self, event: Event) -> None:
        if event.kind == "gpus":
            self._post(GpusRead(decode_items(GpuView, event.data)))
            self._post(NodesRead(decode_items(NodeView, {"items": event.data.get("nodes") or []})))
        elif event.kind == "stats":
            self._post(StatsRead(decode(Stats, event.data)))
        elif event.kind == "job" and isinstance(event.data.get("id"), int):
            self._post(JobMoved(event.data["id"], str(event.data.get("state"))))
            self.queue.changed()
        elif event.kind == "notice":
            self._post(NoticeGiven(dict(event.data)))
            self.queue.changed()
        elif event.kind == "notification":
            self._post(Notified(decode(Notification, event.data), str(event.data.get("terminal"))))
        elif event.kind in {"queue", "reservations"}:
            self.queue.changed()

    async def _figures(self) -> None:
        while True:
            await asyncio.sleep(self._pace.idle_fetch)
            self._post(StatsRead(await self._api.stats()))

    async def _all(self, *works: Awaitable[None]) -> None:
        """Run them until one fails; the others end with it."""
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
