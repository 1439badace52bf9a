"""Power limits of cards while somebody wants them lower: a job for its own cards, or heat. Afterwards what was before.

What was before is on disk before anything is set, so that an engine that dies at any moment leaves no card capped for
ever: the next one puts back what nobody wants any more. Owned by the event loop; limits are set in threads, one at a
time. Must not know why a card is to be capped.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from engine.core.model import GpuUuid, JobId
from engine.daemon.books import Books, Live
from engine.daemon.cards import Card
from engine.daemon.notices import Notices
from engine.ports import Clock, Ending, PowerControl
from engine.protocol.errors import RcqError
from engine.readings import GpuReading
from engine.store.errors import StoreError
from engine.store.powerlimits import PowerLimit

log = logging.getLogger(__name__)

SAME_W = 1.0
"""Drivers round; limits that differ by less are the same."""
TRIES, RETRY_S = 3, 1.0
"""A job starts in spite of a driver that refuses its limit now and then: so often it is asked, with such a pause."""
CLOSE_S = 5.0
"""So long may putting back what heat capped take when the engine ends; the next engine does the rest."""


class KeepsLimits(Protocol):
    """Where limits are written down."""

    async def keep(self, limit: PowerLimit) -> None:
        """On disk when it returns."""
        ...

    async def forget(self, uuid: GpuUuid) -> None:
        """The card has its own limit again."""
        ...

    async def all(self) -> dict[GpuUuid, PowerLimit]:
        """What is to be put back."""
        ...


class PowerCaps:
    """Sets and restores limits. Whoever wants one says so; the lowest counts."""

    def __init__(
        self, *, control: PowerControl, store: KeepsLimits, books: Books, notices: Notices, clock: Clock
    ) -> None:
        self._control = control
        self._store = store
        self._books = books
        self._notices = notices
        self._clock = clock
        self._set: dict[GpuUuid, PowerLimit] = {}
        self._jobs: dict[GpuUuid, tuple[JobId, float]] = {}
        self._heat: dict[GpuUuid, float] = {}
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._fresh_after: dict[GpuUuid, float] = {}
        self._retrying = False
        self._ready = False

    def refusal(self) -> str | None:
        """Why no limit can be set here; `None` if it can."""
        return self._control.refusal()

    def cap_w(self, uuid: GpuUuid) -> float | None:
        """What rcq holds a card to."""
        return self._books.cards.caps_w.get(uuid)

    # ---------------------------------------------------------------- a job's cap

    async def prepare(self, live: Live) -> str | None:
        """Before an attempt starts: its cards get its cap, or their own limits back; why it must not start, if so.

        Raises StoreError where a cap cannot be written down now, which is no fault of the job.
        """
        cap_w = live.lease.key.shape.gpu_power_w
        if cap_w is None and not any(uuid in self._set for uuid in live.lease.gpus):
            return None
        for uuid in live.lease.gpus:
            if cap_w is not None:
                self._jobs[uuid] = (live.job, float(cap_w))
        if cap_w is not None and (why := self._control.refusal()) is not None:
            self.release(live)
            return f"The power limit of its cards cannot be set: {why}"
        for uuid in live.lease.gpus:
            try:
                await (self._settle(uuid) if cap_w is None else self._insist(uuid))
            except RcqError as error:
                if cap_w is None:
                    continue  # it may start on a card that is held to less for now; that is tried again
                if isinstance(error, StoreError):
                    raise
                self.release(live)
                return f"The power limit of {self._name(uuid)} could not be set to {cap_w} W: {error}"
        return None

    async def _insist(self, uuid: GpuUuid) -> None:
        """Settle a card that a job is about to start on. Raises RcqError once the driver has refused often enough."""
        for _ in range(TRIES - 1):
            try:
                await self._settle(uuid)
            except StoreError:
                raise
            except RcqError as error:
                log.warning("The power limit of %s was not set; trying again: %s", self._name(uuid), error)
                await asyncio.sleep(RETRY_S)
            else:
                return
        await self._settle(uuid)

    def left(self, live: Live, _ending: Ending) -> None:
        """An attempt is over: its cards get their own limits back."""
        self.release(live)

    def release(self, live: Live) -> None:
        """The attempt wants no cap any more."""
        wanted = [uuid for uuid in live.lease.gpus if self._jobs.get(uuid, ("", 0))[0] == live.job]
        for uuid in wanted:
            del self._jobs[uuid]
        self._settle_soon(uuid for uuid in live.lease.gpus if uuid in self._set)

    # ---------------------------------------------------------------- heat

    def hold_hot(self, limits: dict[GpuUuid, float]) -> None:
        """These cards are to draw no more than so many watts because of their heat, all others as much as they may."""
        if limits != self._heat:
            touched = self._heat.keys() | limits.keys()
            self._heat = dict(limits)
            self._settle_soon(touched)

    def own_w(self, uuid: GpuUuid) -> float | None:
        """A card's own limit in watts, without rcq's."""
        card = self._books.cards.get(uuid)
        return None if card is None else self._books.cards.limit_w(card)

    # ---------------------------------------------------------------- from start to end

    async def load(self) -> None:
        """At start: what an earlier engine set."""
        self._set = await self._store.all()
        self._books.cards.before_w = {uuid: limit.before_w for uuid, limit in self._set.items()}
        self._books.cards.caps_w = {uuid: limit.set_w for uuid, limit in self._set.items()}

    async def recover(self) -> None:
        """Once running jobs are taken up: theirs stay as they are, all others get their own limits back."""
        for live in self._books.live.values():
            if (cap_w := live.lease.key.shape.gpu_power_w) is not None and self._control.refusal() is None:
                self._jobs.update({uuid: (live.job, float(cap_w)) for uuid in live.lease.gpus})
        self._ready = True
        for uuid in tuple(self._set):
            if self._wanted(uuid) is None:
                log.warning("%s was left with a power limit of %s W.", self._name(uuid), self._set[uuid].set_w)
            await self._try(uuid)

    def look(self, _now: float) -> None:
        """After each sample: try again what did not work, and what a driver that was loaded again has forgotten."""
        if not self._ready:  # whose caps they are is not known yet
            return
        for uuid, after in tuple(self._fresh_after.items()):
            card = self._books.cards.get(uuid)
            if uuid not in self._set and card is not None and card.reading.read_at > after:
                self._books.cards.before_w.pop(uuid, None)
                del self._fresh_after[uuid]
        due = [uuid for uuid in self._set if self._is_due(uuid)]
        if due and not self._retrying:
            self._retrying = True
            self._settle_soon(due)

    def clock_set(self, by_s: float) -> None:
        """The clock jumped."""
        self._fresh_after = {uuid: after + by_s for uuid, after in self._fresh_after.items()}

    async def close(self) -> None:
        """Lift what heat capped; jobs run on and keep theirs."""
        if not self._ready:
            return
        self._heat = {}
        for task in tuple(self._tasks):
            task.cancel()
        try:
            async with asyncio.timeout(CLOSE_S):
                for uuid in tuple(self._set):
                    await self._try(uuid)
        except TimeoutError:
            log.error("Power limits are still to be put back; the next engine does.")

    # ---------------------------------------------------------------- one card

    def _wanted(self, uuid: GpuUuid) -> float | None:
        job, heat_w = self._jobs.get(uuid), self._heat.get(uuid)
        wanted = [watts for watts in (job and job[1], heat_w) if watts is not None]
        return min(wanted) if wanted else None

    def _is_due(self, uuid: GpuUuid) -> bool:
        """Whether what is set is not what is wanted, or not in force any more."""
        limit, wanted, card = self._set[uuid], self._wanted(uuid), self._books.cards.get(uuid)
        if card is None or not card.reading.present:
            return False
        if wanted is None or abs(limit.set_w - wanted) >= SAME_W:
            return True
        now_w, after = card.reading.power_limit_w, self._fresh_after.get(uuid, 0.0)
        return now_w is not None and card.reading.read_at > after and abs(now_w - limit.set_w) >= SAME_W

    async def _settle(self, uuid: GpuUuid) -> None:
        """Bring a card to what is wanted of it. Raises RcqError, StoreError."""
        async with self._turn:
            wanted, limit = self._wanted(uuid), self._set.get(uuid)
            if wanted is None:
                if limit is not None:
                    await self._restore(limit)
                return
            if limit is None or abs(limit.set_w - wanted) >= SAME_W or self._is_due(uuid):
                await self._lower(uuid, wanted, limit)

    async def _lower(self, uuid: GpuUuid, watts: float, limit: PowerLimit | None) -> None:
        before_w = limit.before_w if limit is not None else self.own_w(uuid)
        if before_w is None:
            raise RcqError(f"{self._name(uuid)} does not tell its power limit, so that none could be put back.")
        job, now = self._jobs.get(uuid), self._clock.now()
        number = int(job[0]) if job else None
        fresh = PowerLimit(uuid=uuid, before_w=before_w, set_w=min(watts, before_w), job=number, at=now)
        await self._store.keep(fresh)
        self._set[uuid] = replace(fresh, set_w=before_w if limit is None else limit.set_w)  # not yet in force
        self._books.cards.before_w[uuid] = before_w
        await asyncio.to_thread(self._control.set_limit, uuid, fresh.set_w)
        self._set[uuid] = fresh
        self._books.cards.caps_w[uuid] = fresh.set_w
        self._fresh_after[uuid] = self._clock.now()

    async def _restore(self, limit: PowerLimit) -> None:
        await asyncio.to_thread(self._control.set_limit, limit.uuid, limit.before_w)
        self._fresh_after[limit.uuid] = self._clock.now()
        await self._store.forget(limit.uuid)
        self._set.pop(limit.uuid, None)
        self._books.cards.caps_w.pop(limit.uuid, None)
        self._notices.over("POWER_NOT_RESTORED", gpu=limit.uuid)

    async def _try(self, uuid: GpuUuid) -> None:
        """Settle a card; what does not work is told, and tried again with the next sample."""
        try:
            await self._settle(uuid)
        except (RcqError, StoreError) as error:
            limit, card = self._set.get(uuid), self._books.cards.get(uuid)
            log.error("The power limit of %s cannot be set; trying again: %s", self._name(uuid), error)
            if limit is not None and self._wanted(uuid) is None:
                self._notices.tell(
                    "POWER_NOT_RESTORED",
                    gpu=uuid,
                    index=None if card is None else card.reading.index,
                    watts=limit.set_w,
                    limit_w=limit.before_w,
                )

    def _settle_soon(self, uuids: Iterable[GpuUuid]) -> None:
        wanted = tuple(uuids)
        if not wanted:
            return
        task = asyncio.get_running_loop().create_task(self._settle_all(wanted), name="power limits")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle_all(self, uuids: Iterable[GpuUuid]) -> None:
        try:
            for uuid in uuids:
                await self._try(uuid)
        finally:
            self._retrying = False

    def _name(self, uuid: GpuUuid) -> str:
        card: Card | None = self._books.cards.get(uuid)
        return f"card {uuid}" if card is None else f"GPU {card.reading.index}"


def out_of_range(reading: GpuReading, watts: float) -> str | None:
    """Why a card cannot be held to so many watts, if so."""
    if reading.parent is not None:
        return f"GPU {reading.index} is a part of a card (MIG), and a power limit is of the whole card."
    least, most = reading.power_min_w, reading.power_max_w
    if least is None or most is None:
        return f"GPU {reading.index} does not tell between which power limits it can be set."
    if least <= watts <= most:
        return None
    return f"GPU {reading.index} can be held to {least:.0f} to {most:.0f} W, not to {watts:.0f}."
