"""An attempt that the engine follows in Slurm's hands. Must not know how Slurm is asked."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from engine.core.lifecycle import Cause
from engine.core.model import GpuUuid, JobId
from engine.executor.slurm.notes import Note
from engine.ports import Launch, Running
from engine.slurm.jobs import SlurmJob
from engine.slurm.nodes import card_uuid

CLOCKS_AGREE_S = 30.0
"""Slurm's clock counts as the engine's own unless it is further off."""
Key = tuple[JobId, int]


@dataclass(slots=True, kw_only=True, eq=False)
class Attempt:
    """One attempt.

    note: of its submission, `None` before there is one. launch: to submit it, where it is known. submitted: Slurm has
    it; until then nobody looks for it. known_since: a look at Slurm that began later has to show it (steady clock).
    seen: as Slurm showed it last; waiting_at: when it was last seen to wait (Unix seconds). running: once it runs.
    began: what `start` waits for. waiters: how many do; heard: none does any more. cause: what it was told to end for.
    put_back: Slurm put it back into its queue. lost: Slurm said that it runs, and lost it before it began. dead: jobs
    of it that Slurm cancelled before they began, each by number and time of submission, as numbers come again.
    puzzled_since: since when its end is not clear (steady clock). told_off: what was cancelled of it that should not be
    there: Slurm's number, and how often it had been put back.
    """

    job: JobId
    attempt: int
    directory: Path
    name: str
    note: Note | None = None
    launch: Launch | None = None
    submitted: bool = False
    known_since: float = 0.0
    seen: SlurmJob | None = None
    waiting_at: float | None = None
    running: Running | None = None
    began: "asyncio.Future[Running | None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    waiters: int = 0
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    cause: Cause | None = None
    put_back: bool = False
    lost: bool = False
    puzzled_since: float | None = None
    dead: set[tuple[int, int | None]] = field(default_factory=set)
    told_off: set[tuple[int, int]] = field(default_factory=set)
    timers: list[asyncio.TimerHandle] = field(default_factory=list)
    kill_at: float | None = None

    @property
    def key(self) -> Key:
        """Which it is."""
        return self.job, self.attempt

    @property
    def id(self) -> int | None:
        """Slurm's number for it."""
        return None if self.note is None else self.note.id

    @property
    def user(self) -> str | None:
        """The Unix user that it runs as, `None` for the engine's own."""
        return self.note.user if self.note is not None else self.launch.user if self.launch is not None else None

    def rest(self) -> None:
        """No clock of it runs any more."""
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()

    def ours(self, moment: float | None) -> float | None:
        """A time of Slurm's by the engine's clock: how far they are apart is seen from when it was submitted."""
        submitted = None if self.seen is None else self.seen.submitted_at
        if moment is None or submitted is None or self.note is None:
            return moment
        off_s = submitted - self.note.asked_at
        return moment - off_s if abs(off_s) > CLOCKS_AGREE_S else moment

    def started_at(self, now: float) -> float:
        """When it began: Slurm's word, within what the engine saw."""
        told = self.ours(None if self.seen is None else self.seen.started_at)
        since = self.waiting_at or (now if self.note is None else self.note.asked_at)
        return min(now, max(since, now if told is None else told))


def gpus_of(job: SlurmJob) -> tuple[GpuUuid, ...] | None:
    """The cards that it was given, by the names that the provider has for them; `None` where Slurm does not tell."""
    cards = ((share.node, kind, index) for share in job.nodes for kind, index in share.gpus)
    return tuple(card_uuid(*card) for card in cards) or None
