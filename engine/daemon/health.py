"""Minds the cards' health: takes cards out of use, tells and stops who is on them, waits for memory to be freed.

Looks after each sample; owned by the event loop. What it decided stands in memory at once and is written down behind.
Must not know how a card is read or tested, nor what a verdict rests on (`engine.core.health`).
"""

import logging
from dataclasses import dataclass, replace

from engine.core.health import CAUSES, Signs, Verdict, XidClass, verdict, worse, xid_class
from engine.core.lifecycle import Cause
from engine.core.model import GpuUuid, JobId
from engine.core.snapshot import CLUSTER
from engine.daemon.books import Books, Live
from engine.daemon.cards import Card
from engine.daemon.healing import Healing
from engine.daemon.journal import Journal
from engine.daemon.notices import Notices
from engine.daemon.quarantinebook import QuarantineBook
from engine.daemon.runs import Runs
from engine.daemon.sampler import Sampler
from engine.daemon.stops import Stops
from engine.ports import Clock, Ending
from engine.store.quarantines import Quarantine

log = logging.getLogger(__name__)

AROUND_S = 10.0
"""An attempt that failed so soon after its card did failed because of it."""
EXAMINE_S = 5.0
"""How long the end of a failed attempt waits for a reading of its cards."""
MOST_MOVES = 3
"""A job goes on for nothing so often after faults; then they count as its failures: it may be what breaks the cards."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Rules:
    """What the settings say. Memory in MiB.

    fault_action: `requeue`, `fail` or `leave`. leak_s: seconds. tolerated_mb: of nobody on an idle card.
    """

    fault_action: str
    leak_s: float
    tolerated_mb: int


@dataclass(slots=True, frozen=True, kw_only=True)
class _Hit:
    """A fault that may cost jobs their run. at: Unix seconds."""

    words: str
    at: float


class Health:
    """Watches every card. Also examines the ends of attempts that failed on one."""

    def __init__(
        self,
        *,
        books: Books,
        journal: Journal,
        runs: Runs,
        stops: Stops,
        notices: Notices,
        sampler: Sampler,
        quarantines: QuarantineBook,
        healing: Healing,
        clock: Clock,
        rules: Rules,
    ) -> None:
        self._books = books
        self._journal = journal
        self._runs = runs
        self._stops = stops
        self._notices = notices
        self._sampler = sampler
        self._quarantines = quarantines
        self._healing = healing
        self._clock = clock
        self._rules = rules
        self._before: dict[GpuUuid, Signs] = {}
        self._leaking_since: dict[GpuUuid, float] = {}
        self._left_at: dict[GpuUuid, float] = {}
        self._hits: dict[GpuUuid, _Hit] = {}
        self._moves: dict[JobId, int] = {}
        self._heard: set[tuple[JobId, int, GpuUuid]] = set()

    # ---------------------------------------------------------------- after each sample

    def look(self, now: float) -> None:
        """There are new readings: judge every card by them."""
        users = self._books.users()
        for card in self._books.cards.here():
            uuid, on_card = card.reading.uuid, users.get(card.reading.uuid, [])
            # 1. is it free of what a job left there?
            self._settle(card, now)
            # 2. what does the reading mean after the one before?
            signs = self._signs(card, now, leased=bool(on_card))
            found = verdict(self._before.get(uuid), signs)
            self._before[uuid] = replace(signs, xids=())
            self._tell_xids(card, card.reading.xids, on_card, now)
            # 3. out of use, or back
            if found is not None:
                self._condemn(card, found, on_card, now)
            elif uuid in self._books.cards.quarantines:
                self._healing.look(card, signs, now)
            # 4. whoever was on it when it was taken out of use and was not in the books yet, or had not heard
            if (standing := self._books.cards.quarantines.get(uuid)) is not None:
                self._remind(card, standing, on_card)
        self._heard &= {(live.job, live.attempt, uuid) for uuid, held in users.items() for live in held}

    def left(self, live: Live, ending: Ending) -> None:
        """An attempt is over: its cards are to be seen free before somebody else gets them."""
        if not live.tried and ending.started_at is None:
            return  # it never was on them
        gpus = () if live.lease.place == CLUSTER else live.lease.gpus  # there it is Slurm's to see them free
        for uuid in gpus:
            self._left_at[uuid] = self._clock.now()
        self._books.cards.left(gpus)
        if gpus:
            self._sampler.soon()

    def clock_set(self, by_s: float) -> None:
        """The clock jumped: all that was seen is as long ago as before."""
        self._leaking_since = {uuid: since + by_s for uuid, since in self._leaking_since.items()}
        self._left_at = {uuid: at + by_s for uuid, at in self._left_at.items()}
        self._hits = {uuid: replace(hit, at=hit.at + by_s) for uuid, hit in self._hits.items()}
        self._healing.clock_set(by_s)

    def unwell(self, card: Card) -> str | None:
        """What speaks against using the card just now, in words; `None` if nothing does."""
        return _unwell(card, self._before.get(card.reading.uuid), self._books, self._clock.now())

    def _settle(self, card: Card, now: float) -> None:
        cards, uuid = self._books.cards, card.reading.uuid
        departure = cards.settling.get(uuid)
        if departure is None or departure > cards.seen_departures or not card.reading.present:
            return
        late = now - self._left_at.get(uuid, now) >= self._rules.leak_s
        if late or _unexplained_mb(card) <= self._rules.tolerated_mb:
            del cards.settling[uuid]

    def _signs(self, card: Card, now: float, *, leased: bool) -> Signs:
        reading = card.reading
        leaking = 0 if leased or not reading.present else card.use.leaked_mb
        if leaking <= self._rules.tolerated_mb:
            self._leaking_since.pop(reading.uuid, None)
            leaking = 0
        elif now - self._leaking_since.setdefault(reading.uuid, now) < self._rules.leak_s:
            leaking = 0
        return Signs(
            present=reading.present,
            fault=reading.fault,
            xids=reading.xids,
            ecc_uncorrected=reading.ecc_uncorrected,
            remap_pending=reading.remap_pending,
            remap_failed=reading.remap_failed,
            leaking_mb=leaking,
        )

    def _tell_xids(self, card: Card, xids: tuple[int, ...], on_card: list[Live], now: float) -> None:
        """Whoever is on the card hears of what is not the card's fault, or may not be."""
        index = card.reading.index
        for xid in xids:
            kind = xid_class(xid)
            log.warning("GPU %d: Xid %d (%s).", index, xid, kind)
            if kind is XidClass.CONTAINED:
                self._hits[card.reading.uuid] = _Hit(words=f"GPU {index}: Xid {xid}", at=now)
            if kind is XidClass.HARDWARE:
                continue
            for live in on_card:
                owner = live.lease.key.owner.account
                uuid = card.reading.uuid
                self._notices.tell("GPU_XID", job=live.job, gpu=uuid, account=owner, index=index, xid=xid)

    # ---------------------------------------------------------------- out of use

    def _condemn(self, card: Card, found: Verdict, on_card: list[Live], now: float) -> None:
        uuid, index = card.reading.uuid, card.reading.index
        standing = self._books.cards.quarantines.get(uuid)
        self._healing.unwell(uuid)
        if standing is not None and not worse(found.cause, standing.cause):
            return
        self._quarantines.put(Quarantine(uuid=uuid, cause=found.cause, detail=found.detail, at=now), index)
        words = _words(card, found)
        if CAUSES[found.cause].stops:
            self._hits[uuid] = _Hit(words=words, at=now)
        for live in on_card:
            self._act(live, card, found, words)

    def _remind(self, card: Card, standing: Quarantine, on_card: list[Live]) -> None:
        """An engine that died between the quarantine and the word to the jobs leaves them to the next one."""
        for live in on_card:
            before = live.started_at is not None and live.started_at <= standing.at
            if before and (live.job, live.attempt, card.reading.uuid) not in self._heard:
                found = Verdict(cause=standing.cause, detail=standing.detail or "")
                self._act(live, card, found, _words(card, found))

    def _act(self, live: Live, card: Card, found: Verdict, words: str) -> None:
        self._heard.add((live.job, live.attempt, card.reading.uuid))
        action = self._rules.fault_action if CAUSES[found.cause].stops and live.stopping is None else "leave"
        cause = None if action == "leave" else self._cause(live, action)
        self._notices.tell(
            "GPU_FAULT",
            job=live.job,
            gpu=card.reading.uuid,
            account=live.lease.key.owner.account,
            index=card.reading.index,
            cause=found.cause,
            action="fail" if cause is Cause.GPU_FAULT else action,
        )
        if cause is None:
            return
        self._stops.stop(live, cause, words, rule="fault", gpu=card.reading.uuid)

    def _cause(self, live: Live, action: str) -> Cause:
        """How an attempt ends for its card: it goes on as its next one, or it has failed and its retries count."""
        moves = self._moves.get(live.job, 0)
        if action != "requeue" or moves >= MOST_MOVES:
            self._moves.pop(live.job, None)
            return Cause.GPU_FAULT
        self._moves = {job: count for job, count in self._moves.items() if self._books.holds(job)}
        self._moves[live.job] = moves + 1
        return Cause.PREEMPTED

    # ---------------------------------------------------------------- ends of attempts

    def suspects(self, live: Live, ending: Ending) -> bool:
        """Whether the card may be to blame: it failed by itself, on cards of this host."""
        by_itself = ending.cause is Cause.SIGNAL or (ending.cause is Cause.EXIT and ending.exit_code != 0)
        here = bool(live.lease.gpus) and live.lease.place != CLUSTER
        return by_itself and live.stopping is not Cause.CANCELLED and here

    async def examined(self, live: Live, ending: Ending) -> Ending:
        """Read the cards again: an attempt that failed as its card did goes on, or has failed because of that."""
        await self._sampler.fresh(EXAMINE_S)
        hit = self._hit(live, ending)
        if hit is None or live.stopping is Cause.CANCELLED:
            return ending
        if live.stopping is None:
            self._journal.add(self._runs.mark(live, self._cause(live, self._rules.fault_action), hit.words))
        if live.stopping not in (Cause.PREEMPTED, Cause.GPU_FAULT):
            return ending
        return replace(ending, cause=live.stopping, message=live.stop_message)

    def _hit(self, live: Live, ending: Ending) -> _Hit | None:
        hits = (self._hits.get(uuid) for uuid in live.lease.gpus)
        began = ending.started_at if ending.started_at is not None else live.started_at or 0.0
        return next(
            (hit for hit in hits if hit and began <= hit.at and abs(ending.ended_at - hit.at) <= AROUND_S), None
        )


def _words(card: Card, found: Verdict) -> str:
    return f"GPU {card.reading.index} was taken out of use ({found.cause}: {found.detail})"


def _unexplained_mb(card: Card) -> int:
    """MiB in use that belong to no job and to no process that is there."""
    strangers = card.use.strangers
    if any(stranger.memory_mb is None for stranger in strangers):
        return 0
    return card.foreign_mb - sum(stranger.memory_mb or 0 for stranger in strangers)


def _unwell(card: Card, signs: Signs | None, books: Books, now: float) -> str | None:
    if signs is not None and signs.fault is not None:
        return f"it cannot be read ({signs.fault})"
    if signs is None or books.cards.missing(card, now):
        return "it cannot be read"
    return f"{signs.leaking_mb} MiB on it belong to nobody" if signs.leaking_mb else None
