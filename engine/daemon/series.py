"""What attempts do with their cards over time: utilization, GPU memory and power, added to with each sample.

In memory while an attempt runs, and written down each minute and at its end: an engine that is killed loses a minute at
most, and what nobody watched is a gap. Owned by the event loop. Must not know how anything is measured, written or
shown.
"""

from collections.abc import Iterable
from itertools import islice

from engine.bookkeeping import Charted
from engine.core.model import GpuUuid, JobId
from engine.daemon.books import Books, Live
from engine.daemon.cards import Card
from engine.daemon.journal import Journal
from engine.daemon.portions import own_memory_mb, parts
from engine.daemon.steps import Figures, Steps
from engine.ports import Ending
from engine.store.series import SeriesBooks

EVERY_S = 60.0
"""What grew is written down so often, together with what was measured."""
REMEMBERED = 64
"""So many attempts that are over can be looked up before they are on disk."""
WIDTH = 3

Key = tuple[JobId, int]


class Series:
    """Watches the cards for all attempts that have any. sample_s: seconds between two samples."""

    def __init__(self, *, books: Books, journal: Journal, sample_s: float) -> None:
        self._books = books
        self._journal = journal
        self._step_s = 2 * sample_s  # samples come a little sooner or later: one a step would leave gaps
        self._read_at: dict[GpuUuid, float] = {}
        self._steps: dict[Key, Steps] = {}
        self._over: dict[Key, Charted] = {}
        self._due: float | None = None

    async def load(self, store: SeriesBooks) -> None:
        """At start: what is known of attempts that were left under way."""
        for kept in await store.under_way():
            key = (kept.job, kept.attempt)
            self._steps[key] = Steps.of(kept.start_at, kept.step_s, kept.points, WIDTH)

    def look(self, now: float) -> None:
        """There are new readings: add them; now and then say what to write down."""
        self._add(now)
        if self._due is None or now >= self._due or now < self._due - EVERY_S:  # a clock may be set back
            self._due = now + EVERY_S
            self.write()

    def clock_set(self, by_s: float) -> None:
        """The clock jumped: everything was as long ago as before."""
        self._read_at = {uuid: at + by_s for uuid, at in self._read_at.items()}
        for steps in self._steps.values():
            steps.start_at += by_s

    def write(self) -> None:
        """What is known of everything that runs goes into the next commit."""
        for live in self._books.live.values():
            if (charted := self._charted(live)) is not None:
                self._journal.add(charted)

    def leave(self, live: Live, _ending: Ending) -> None:
        """An attempt is over: all of it is written down."""
        charted = self._charted(live)
        if charted is None:
            return
        self._journal.add(charted)
        del self._steps[live.job, live.attempt]
        self._over[live.job, live.attempt] = charted
        for key in list(islice(self._over, max(0, len(self._over) - REMEMBERED))):
            del self._over[key]

    def of(self, job: JobId) -> dict[int, Charted]:
        """What is in memory of a job's attempts, by attempt; what is there is newer than what is on disk."""
        found = {attempt: charted for (one, attempt), charted in self._over.items() if one == job}
        live = self._books.live.get(job)
        if live is not None and (charted := self._charted(live)) is not None:
            found[live.attempt] = charted
        return found

    def _add(self, now: float) -> None:
        users, cards = self._books.users(), self._books.cards
        read_before = self._read_at
        self._read_at = {card.reading.uuid: card.reading.read_at for card in cards.all()}
        told: dict[Key, list[Figures]] = {}
        for uuid, holders in users.items():
            card = cards.get(uuid)
            if card is not None and card.reading.node is not None:
                continue  # a cluster tells no figures
            is_new = card is not None and card.reading.present and read_before.get(uuid) != card.reading.read_at
            for live, part in parts(holders, card.use.jobs if card is not None else {}):
                figures = _figures(card, live, part, len(holders)) if card is not None and is_new else (None,) * WIDTH
                told.setdefault((live.job, live.attempt), []).append(figures)
        for live in self._books.live.values():
            key = (live.job, live.attempt)
            if live.started_at is not None and key in told:
                steps = self._steps.get(key) or self._begin(key, now)
                steps.add(now, _together(told[key]))

    def _begin(self, key: Key, now: float) -> Steps:
        self._steps[key] = Steps(now, self._step_s, WIDTH)
        return self._steps[key]

    def _charted(self, live: Live) -> Charted | None:
        steps = self._steps.get((live.job, live.attempt))
        if steps is None:
            return None
        return Charted(
            job=live.job,
            attempt=live.attempt,
            gpus=len(live.lease.gpus),
            start_at=steps.start_at,
            step_s=steps.step_s,
            points=steps.rows(),
        )


def _figures(card: Card, live: Live, part: float, sharers: int) -> Figures:
    """One card's: utilization, MiB, watts. Sharers cannot be told apart by utilization: each did an equal part."""
    reading = card.reading
    return (
        None if reading.utilization is None else reading.utilization / sharers,
        own_memory_mb(card, live, alone=sharers == 1),
        None if reading.power_w is None else reading.power_w * part,
    )


def _together(cards: Iterable[Figures]) -> Figures:
    """The mean of its cards' utilization; the sum of the rest, where it is known of all."""
    utilizations, memories, powers = zip(*cards, strict=True)
    known = [value for value in utilizations if value is not None]
    return sum(known) / len(known) if known else None, _sum(memories), _sum(powers)


def _sum(values: Iterable[float | None]) -> float | None:
    known = list(values)
    return None if None in known else sum(value for value in known if value is not None)
