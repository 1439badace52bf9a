"""Who has which card when: jobs that run, or are being made room for, up to their time limits; booked reservations.

Answers whether cards can be booked, and when they could be. Must not know who may book how much, nor how a booking
is written down.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.core.model import AccountName, GpuUuid
from engine.core.snapshot import Claim, Gpu, Lease, Snapshot
from engine.store.slots import BookedSlot

OVERDUE_S = 60.0
"""A job past its time limit is taken to be gone so much later than now."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Clash:
    """The card is taken until `until`: by a job's time limit, or (`booked`) by a reservation."""

    gpu: Gpu
    until: float
    booked: bool

    def told(self) -> str:
        """In words, without whose it is."""
        what = "booked" if self.booked else "a job's time limit lasts"
        return f"GPU {self.gpu.index}: {what} until {clock_time(self.until)}"


class Calendar:
    """What stands in the way of a booking of `account`. Its own jobs do not: they may be on the cards in its slot."""

    def __init__(self, *, account: AccountName, snapshot: Snapshot, slots: Sequence[BookedSlot]) -> None:
        self._now = snapshot.now
        self._slots = slots
        theirs = [lease for lease in snapshot.leases if lease.key.owner.account != account]
        cleared_for = [claim for claim in snapshot.claims if claim.key.owner.account != account]
        self._others_until = self._busy(theirs, cleared_for)
        self._anyone_until = self._busy(snapshot.leases, snapshot.claims)

    def clash(self, gpu: Gpu, start: float, end: float) -> Clash | None:
        """What of these hours is taken on a card; of several the one that lasts longest."""
        ends = [
            Clash(gpu=gpu, until=slot.end_at, booked=True)
            for slot in self._slots
            if gpu.uuid in slot.gpus and slot.start_at < end and slot.end_at > start
        ]
        if (until := self._others_until.get(gpu.uuid, start)) > start:
            ends.append(Clash(gpu=gpu, until=until, booked=False))
        return max(ends, key=lambda clash: clash.until, default=None)

    def earliest(self, gpus: Sequence[Gpu], count: int, start: float, duration: float) -> float:
        """The first instant from `start` on at which `count` of the cards are free for so long.

        There is one wherever `count` cards are given: everything ends.
        """
        ends = {slot.end_at for slot in self._slots} | set(self._others_until.values())
        for at in sorted({start, *(end for end in ends if end > start)}):
            if sum(self.clash(gpu, at, at + duration) is None for gpu in gpus) >= count:
                return at
        raise ValueError(f"{count} of {len(gpus)} cards can never be free")

    def least_disturbing(self, gpus: Sequence[Gpu], count: int) -> list[Gpu]:
        """So many of these cards, the ones that are free soonest by time limits, then of the highest index."""
        ranked = sorted(gpus, key=lambda gpu: (self._anyone_until.get(gpu.uuid, self._now), -gpu.index, gpu.uuid))
        return sorted(ranked[:count], key=lambda gpu: (gpu.index, gpu.uuid))

    def _busy(self, leases: Sequence[Lease], claims: Sequence[Claim]) -> dict[GpuUuid, float]:
        """Until when each card has a job on it, if each takes all of its time."""
        until: dict[GpuUuid, float] = {}
        ends = [(lease.gpus, lease.expected_end if lease.ending else lease.limit_end) for lease in leases]
        ends += [(claim.gpus, self._now + claim.key.shape.time_limit_s) for claim in claims]
        for gpus, end in ends:
            gone_by = end if end > self._now else self._now + OVERDUE_S
            for uuid in gpus:
                until[uuid] = max(gone_by, until.get(uuid, gone_by))
        return until


def peak(slots: Sequence[BookedSlot], start: float, end: float, cards: Callable[[BookedSlot], int]) -> int:
    """The most that is booked at one instant between `start` and `end`; `cards` says what counts of a slot."""
    inside = [slot for slot in slots if slot.start_at < end and slot.end_at > start]
    instants = {start, *(slot.start_at for slot in inside if slot.start_at > start)}
    return max(sum(cards(slot) for slot in inside if slot.start_at <= at < slot.end_at) for at in instants)


def clock_time(at: float) -> str:
    """A time as people read it, in this host's time zone, up to the next whole minute: never a little too early."""
    return time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(math.ceil(at / 60) * 60))
