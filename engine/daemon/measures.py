"""What attempts do with their cards: energy, memory, how busy, how many in use; after each sample, until their end.

Between two readings of a card its energy is the difference of its counter, else mean power × time, and goes to the jobs
that had the card then: by measured memory where that is known of all of them, else in equal parts. What was not
watched, because readings went stale in between, counts nowhere. Owned by the event loop. Must not know how anything is
measured, written or shown.
"""

from dataclasses import dataclass, field, replace
from itertools import islice

from engine.bookkeeping import Measured
from engine.core.lifecycle import JobState
from engine.core.model import GpuUuid, JobId
from engine.daemon.books import Books, Live
from engine.daemon.cards import Card
from engine.daemon.journal import Journal
from engine.daemon.portions import own_memory_mb, parts
from engine.ports import Ending
from engine.readings import GpuReading
from engine.store.measures import Measures as StoredMeasures

EVERY_S = 60.0
"""What grew is written down so often: an engine that is killed loses no more than this."""
MOST_W = 3000.0
"""No card draws this: a counter that says so is not believed."""
WINDOW_S = 1.0
"""A card's utilization is that of the last second at most: sooner after a start it may be its predecessor's."""
REMEMBERED = 256
"""So many attempts that are over can be looked up before they are on disk."""

Key = tuple[JobId, int]


@dataclass(slots=True, kw_only=True)
class _Sum:
    """One attempt up to `at`. used_before: cards in use that an earlier engine saw; written: what is on disk."""

    energy_j: float = 0.0
    peak_memory_mb: int | None = None
    gpu_s: float = 0.0
    busy_gpu_s: float = 0.0
    used: set[GpuUuid] = field(default_factory=set)
    used_before: int = 0
    at: float = 0.0
    written: Measured | None = None


class Measures:
    """Watches the cards for all attempts. in_use: utilization from which on a card counts as in use.

    stale_after_s: readings further apart than that tell nothing of the time between them.
    """

    def __init__(self, *, books: Books, journal: Journal, in_use: float, stale_after_s: float) -> None:
        self._books = books
        self._journal = journal
        self._in_use = in_use
        self._stale_after_s = stale_after_s
        self._before: dict[GpuUuid, GpuReading] = {}
        self._sums: dict[Key, _Sum] = {}
        self._over: dict[Key, Measured] = {}
        self._due: float | None = None

    async def load(self, store: StoredMeasures) -> None:
        """At start: what is known of attempts that were left under way."""
        for key, known in (await store.under_way()).items():
            self._sums[key] = _Sum(
                energy_j=known.energy_j,
                peak_memory_mb=known.peak_memory_mb,
                gpu_s=known.gpu_s,
                busy_gpu_s=known.busy_gpu_s,
                used_before=known.gpus_used,
            )

    def look(self, now: float) -> None:
        """There are new readings: add what happened since the ones before; now and then say what to write down."""
        users = self._books.users()
        for card in self._books.cards.here():
            before, self._before[card.reading.uuid] = self._before.get(card.reading.uuid), card.reading
            if before is not None and (holders := users.get(card.reading.uuid)):
                self._add(before, card, [live for live in holders if live.started_at is not None])
        if self._due is None or now >= self._due or now < self._due - EVERY_S:  # a clock may be set back
            self._due = now + EVERY_S
            self.write(now)

    def clock_set(self, by_s: float) -> None:
        """The clock jumped."""
        self._before = {uuid: replace(one, read_at=one.read_at + by_s) for uuid, one in self._before.items()}

    def write(self, now: float) -> None:
        """What grew goes into the next commit."""
        for live in self._books.live.values():
            self._write(live, now)

    def leave(self, live: Live, ending: Ending) -> None:
        """An attempt is over: its last, unread stretch counts at the last power, and all of it is written down."""
        key = (live.job, live.attempt)
        if live.started_at is not None and live.state is JobState.RUNNING:
            for uuid in live.lease.gpus:
                last = self._before.get(uuid)
                if last is not None and last.present and last.power_w is not None:
                    seconds = ending.ended_at - max(last.read_at, live.started_at)
                    if 0 < seconds <= self._stale_after_s:
                        self._sum(live).energy_j += last.power_w * seconds / self._sharers(uuid)
        self._write(live, ending.ended_at)
        self._sums.pop(key, None)

    def of(self, job: JobId, attempt: int) -> Measured | None:
        """What is known of an attempt that is under way or was lately; `None`: nothing, or it is on disk."""
        live = self._books.live.get(job)
        if live is not None and live.attempt == attempt and (found := self._sums.get((job, attempt))) is not None:
            return _measured(live, found)
        return self._over.get((job, attempt))

    def _sum(self, live: Live) -> _Sum:
        return self._sums.setdefault((live.job, live.attempt), _Sum())

    def _sharers(self, uuid: GpuUuid) -> int:
        return max(1, len(self._books.users().get(uuid, ())))

    def _add(self, before: GpuReading, card: Card, holders: list[Live]) -> None:
        reading = card.reading
        seconds = reading.read_at - before.read_at
        if not (reading.present and before.present and 0 < seconds <= self._stale_after_s):
            return
        energy_j = _energy_j(before, reading, seconds)
        for live, part in parts(holders, card.use.jobs):
            ran_s = reading.read_at - max(before.read_at, live.started_at or 0.0)
            if ran_s > 0:
                found = self._sum(live)
                found.energy_j += energy_j * part * ran_s / seconds
                size = own_memory_mb(card, live, alone=len(holders) == 1)
                if size is not None:
                    found.peak_memory_mb = max(size, found.peak_memory_mb or 0)
                self._utilize(found, card, live, ran_s, len(holders))

    def _utilize(self, found: _Sum, card: Card, live: Live, ran_s: float, sharers: int) -> None:
        """Sharers cannot be told apart by utilization: each did an equal part of it."""
        reading = card.reading
        if reading.utilization is None:
            if card.use.jobs.get(live.job):
                found.used.add(reading.uuid)  # nothing better is known
            return
        if live.paused_since is not None:
            return  # that it stands still is not its doing
        found.gpu_s += ran_s
        found.busy_gpu_s += ran_s * reading.utilization / sharers
        if reading.utilization >= self._in_use and reading.read_at - (live.started_at or 0.0) >= WINDOW_S:
            found.used.add(reading.uuid)

    def _write(self, live: Live, now: float) -> None:
        found = self._sums.get((live.job, live.attempt))
        if found is None:
            return
        found.at = now
        measured = _measured(live, found)
        if found.written is None or _figures(measured) != _figures(found.written):
            found.written = measured
            self._journal.add(measured)
        self._over[live.job, live.attempt] = measured
        for key in list(islice(self._over, max(0, len(self._over) - REMEMBERED))):
            del self._over[key]


def _measured(live: Live, found: _Sum) -> Measured:
    return Measured(
        job=live.job,
        attempt=live.attempt,
        owner=live.lease.key.owner,
        at=found.at,
        energy_j=found.energy_j,
        peak_memory_mb=found.peak_memory_mb,
        gpu_s=found.gpu_s,
        busy_gpu_s=found.busy_gpu_s,
        gpus_used=max(found.used_before, len(found.used)),
        service=live.lease.key.service,
    )


def _figures(measured: Measured) -> tuple[object, ...]:
    return measured.energy_j, measured.peak_memory_mb, measured.gpu_s, measured.busy_gpu_s, measured.gpus_used


def _energy_j(before: GpuReading, reading: GpuReading, seconds: float) -> float:
    """Joules between two readings. A counter that went back was set to 0 by a new driver."""
    if before.energy_j is not None and reading.energy_j is not None:
        counted = reading.energy_j - before.energy_j
        if 0 <= counted <= MOST_W * seconds:
            return counted
    powers = [power for power in (before.power_w, reading.power_w) if power is not None]
    return sum(powers) / len(powers) * seconds if powers else 0.0
