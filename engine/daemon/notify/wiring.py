"""Everything of notifications put together on one ground. Must not know how any of it is done."""

import asyncio
import logging
import time
from dataclasses import dataclass

from config.paths import NOTIFIER_SOCKET
from engine.daemon.ground import Ground
from engine.daemon.notify.choices import Choices
from engine.daemon.notify.digest import Digest
from engine.daemon.notify.diskwatch import DiskWatch
from engine.daemon.notify.gathering import Gathering
from engine.daemon.notify.link import NotifierLink, by_child, by_socket
from engine.daemon.notify.outbox import Outbox
from engine.daemon.notify.service import NotifyService
from engine.daemon.timers import Timers

log = logging.getLogger(__name__)


@dataclass(slots=True, frozen=True, kw_only=True)
class Notifying:
    """Begins with `load`, goes on by timers and `run`, ends with `close`."""

    choices: Choices
    gathering: Gathering
    outbox: Outbox
    disk: DiskWatch
    service: NotifyService

    async def load(self) -> None:
        """Read what is on disk; before anything happens that is told. Raises StoreError."""
        await self.choices.load()
        await self.outbox.load()

    async def run(self) -> None:
        """Tell and send, until cancelled."""
        async with asyncio.TaskGroup() as both:
            for work in (self.gathering.run(), self.outbox.run()):
                both.create_task(work).add_done_callback(_ended)

    def set_timers(self, timers: Timers, every_s: float) -> None:
        """From now on things happen when they are due."""
        timers.every(every_s, "look at the disk for admins", self.disk.look)

    async def close(self) -> None:
        """Write down what gathered, for the next engine to send."""
        await self.gathering.tell_all()
        await self.outbox.write()


def notifying_of(ground: Ground) -> Notifying:
    """All of it; from now on it hears what is published."""
    settings = ground.settings.notify
    choices = Choices(store=ground.store.notifications, register=ground.register)
    link = NotifierLink(by_socket(NOTIFIER_SOCKET) if ground.paths.system else by_child(settings))
    outbox = Outbox(
        store=ground.store.notifications,
        choices=choices,
        link=link,
        shows=ground.feed,
        clock=ground.clock,
        max_age_s=settings.max_age_h * 3600,
    )
    gathering = Gathering(
        choices=choices,
        digest=Digest(jobs=ground.store.jobs, arrays=ground.store.arrays, standings=ground.store.notifications),
        tells=outbox,
        settings=settings,
        clock=ground.clock,
        steady=time.monotonic,
    )
    ground.feed.hears.append(gathering.hear)
    return Notifying(
        choices=choices,
        gathering=gathering,
        outbox=outbox,
        disk=DiskWatch(notices=ground.notices, trouble=lambda: ground.store.trouble),
        service=NotifyService(
            choices=choices,
            outbox=outbox,
            gathering=gathering,
            register=ground.register,
            settings=settings,
            clock=ground.clock,
        ),
    )


def _ended(done: "asyncio.Task[None]") -> None:
    """They go on for ever: an end is a defect, which must not go unseen."""
    if not done.cancelled() and (error := done.exception()) is not None:
        log.error("Nobody is notified any more until the engine is started again: a defect", exc_info=error)
