"""Sharers of a card that have more of its memory than they asked for: their owners are told, and by policy they go.

What they have counts in the plan either way (`Gpu.over`); when it has changed much and somebody waits for such memory,
a pass is due. Owned by the event loop. Must not know how memory is measured, nor how a notice is shown.
"""

import logging
from collections.abc import Callable

from engine.core.lifecycle import Cause, JobState
from engine.core.model import GpuUuid, JobId
from engine.core.reasons import GpuMemoryTaken
from engine.daemon.books import Books, Live
from engine.daemon.cards import Card
from engine.daemon.notices import Notices
from engine.daemon.stops import Stops

log = logging.getLogger(__name__)

CODE = "GPU_OVER_DECLARED"
TOLERATED_PART, TOLERATED_MB = 0.05, 256
"""So much more than was asked for is nobody's fault: what the driver needs for a process is hard to foretell."""
STEP_MB = 256
"""So much more or less than before is a change."""


class Overuse:
    """Watches the sharers. action: `warn` or `stop`. wake: asks for a pass."""

    def __init__(self, *, books: Books, notices: Notices, stops: Stops, action: str, wake: Callable[[], None]) -> None:
        self._books = books
        self._notices = notices
        self._stops = stops
        self._action = action
        self._wake = wake
        self._told: set[tuple[JobId, GpuUuid]] = set()
        self._taken: tuple[object, ...] = ()

    def look(self, now: float) -> None:
        """There are new readings."""
        over = self._books.over()
        told: set[tuple[JobId, GpuUuid]] = set()
        for uuid, sharers in over.items():
            card = self._books.cards.get(uuid)
            for job, over_mb in sharers:
                live = self._books.live[job]
                asked = live.lease.key.shape.gpu_memory_mb
                if card is not None and over_mb > asked * TOLERATED_PART + TOLERATED_MB:
                    told.add((job, uuid))
                    self._tell(live, card, asked + over_mb)
        for job, uuid in self._told - told:
            self._notices.over(CODE, job=job, gpu=uuid)
        self._told = told
        taken = (
            *((uuid, job, mb // STEP_MB) for uuid, sharers in over.items() for job, mb in sharers),
            *((card.reading.uuid, card.foreign_mb // STEP_MB) for card in self._books.cards.all()),
        )
        if taken != self._taken:
            self._taken = taken
            if self._somebody_waits():
                self._wake()

    def _somebody_waits(self) -> bool:
        """Whether the last plan kept anybody waiting for memory that others really had."""
        decided = self._books.plan
        if decided is None:
            return False
        told = [one.reasons for one in decided.holds] + [one.reasons for one in decided.reservations]
        return any(isinstance(reason, GpuMemoryTaken) for reasons in told for reason in reasons)

    def _tell(self, live: Live, card: Card, used_mb: int) -> None:
        asked = live.lease.key.shape.gpu_memory_mb
        reading = card.reading
        self._notices.tell(
            CODE,
            job=live.job,
            gpu=reading.uuid,
            account=live.lease.key.owner.account,
            index=reading.index,
            declared_mb=asked,
            used_mb=used_mb,
            action=self._action,
        )
        if self._action == "stop" and live.stopping is None and live.state is JobState.RUNNING:
            message = f"it was stopped: it shared GPU {reading.index} with {asked} MiB asked for and used {used_mb} MiB"
            detail = {"gpu": reading.uuid, "declared_mb": asked, "used_mb": used_mb}
            self._stops.stop(live, Cause.GPU_OUT_OF_MEMORY, message, rule="over-declared", **detail)
