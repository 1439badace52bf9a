"""The machine and the engine itself: the API's `Box`. Must not know HTTP, nor what a pass decides."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import asdict
from typing import Any

from config.settings import Settings
from engine.api.asks import FeedEvent, Identity
from engine.core.model import AccountName, GpuUuid, Owner
from engine.core.policy import Policy
from engine.daemon.access import Action, may, require
from engine.daemon.backupkeeper import BackupKeeper
from engine.daemon.books import Books
from engine.daemon.cardcontrol import CardControl
from engine.daemon.cards import Card
from engine.daemon.cardviews import link_ranks, process_views
from engine.daemon.clusterviews import ClusterViews, gpu_user
from engine.daemon.feed import Feed, Happening
from engine.daemon.hostwatch import HostWatch
from engine.daemon.live import Live
from engine.daemon.passes import Passes
from engine.daemon.register import Register
from engine.daemon.room import cards_of, on_cards, room_of
from engine.daemon.slotviews import gpu_slot
from engine.daemon.views import Views
from engine.ports import Clock
from engine.protocol.cards import GpuView
from engine.protocol.cluster import NodeView
from engine.protocol.errors import Refused
from engine.protocol.responses import Health, Stats
from engine.store.slots import BookedSlot


class BoxService:
    """Fulfils `engine.api.backend.Box`. disk: why the store cannot be written to, if so."""

    def __init__(
        self,
        *,
        control: CardControl,
        books: Books,
        register: Register,
        views: Views,
        passes: Passes,
        feed: Feed,
        policy: Policy,
        settings: Settings,
        version: str,
        clock: Clock,
        disk: Callable[[], str | None],
        backups: BackupKeeper,
        host: HostWatch,
        cluster: ClusterViews,
    ) -> None:
        self._control = control
        self._books = books
        self._register = register
        self._views = views
        self._passes = passes
        self._feed = feed
        self._policy = policy
        self._stall_after_s = settings.engine.stall_after_s
        self._version = version
        self._clock = clock
        self._disk = disk
        self._backups = backups
        self._host = host
        self._cluster = cluster
        self._began = clock.now()

    async def gpus(self, who: Identity) -> list[GpuView]:
        """Every card, by index."""
        return self._gpus(who, self._books.cards.all())

    async def nodes(self, who: Identity) -> list[NodeView]:
        """The machines of the cluster, by name; none where there is no cluster."""
        return self._cluster.nodes(who)

    async def drain(self, who: Identity, uuid: str, why: str | None) -> GpuView:
        """Take a card out of use (admins); running jobs finish. NOT_FOUND."""
        require(who, Action.STEER_CARDS)
        card = self._card(uuid)
        await self._control.drain(who, card, why)
        return self._changed(who, card)

    async def resume(self, who: Identity, uuid: str) -> GpuView:
        """Put a drained or quarantined card back into use (admins). NOT_FOUND, INVALID_STATE."""
        require(who, Action.STEER_CARDS)
        card = self._card(uuid)
        await self._control.resume(who, card)
        return self._changed(who, card)

    async def stats(self, who: Identity) -> Stats:
        """Counts, load and the age of the last pass."""
        return self._stats()

    def clock_set(self, by_s: float) -> None:
        """The clock jumped: the engine has been up for as long as before."""
        self._began += by_s

    async def health(self) -> Health:
        """Whether the engine is fit; no log-in needed."""
        return self.fitness()

    def fitness(self) -> Health:
        """The same, at once."""
        age = self._age()
        trouble = self._disk() or self._passes.trouble
        stalled = (self._clock.now() - self._began if age is None else age) > self._stall_after_s
        tried = trouble is not None and self._passes.untried_s() <= self._stall_after_s
        return Health(
            status="failing" if tried else "stalled" if stalled else "starting" if age is None else "ok",
            trouble=trouble,
            version=self._version,
            last_pass_age_s=age,
            accounts=bool(self._register.accounts),
            backends=self._cluster.backends(),
        )

    def events(self, who: Identity, after: int | None) -> AsyncIterator[FeedEvent]:
        """What happens from now on (or after event `after`, as far as it is remembered), until the caller leaves."""
        return self._feed.subscribe(lambda happening: self._seen(who, happening), after)

    def _seen(self, who: Identity, happening: Happening) -> dict[str, Any] | None:
        """A happening in the eyes of `who`."""
        if happening.kind == "gpus":
            cards = [card for card in self._books.cards.all() if card.reading.node is None]
            told = {"items": [asdict(view) for view in self._gpus(who, cards)]}
            nodes = self._cluster.nodes(who)
            return told | {"nodes": [asdict(view) for view in nodes]} if nodes else told
        if happening.kind == "stats":
            return asdict(self._stats())
        return self._seen_of_account(who, happening)

    def _seen_of_account(self, who: Identity, happening: Happening) -> dict[str, Any] | None:
        owner = Owner(account=AccountName(happening.account or ""))
        if happening.kind == "job":
            return (
                {"id": int(happening.job or 0), "state": happening.state} if self._views.knows_of(who, owner) else None
            )
        if happening.kind == "notification":
            return dict(happening.told or {}) if who.account == happening.account else None
        if happening.kind == "notice":
            told = {"job": int(happening.job) if happening.job else None, **(happening.told or {})}
            return told if may(who, Action.SEE_JOB, owner) else None
        return {}

    def _gpus(self, who: Identity, cards: Iterable[Card]) -> list[GpuView]:
        users, slots = on_cards(self._books), self._books.slots.by_card(self._clock.now())
        return [self._gpu(who, card, users, slots) for card in cards]

    def _gpu(
        self, who: Identity, card: Card, users: dict[GpuUuid, list[Live]], slots: dict[GpuUuid, BookedSlot]
    ) -> GpuView:
        reading = card.reading
        why, detail, since = self._books.cards.why(card, self._clock.now())
        return GpuView(
            uuid=reading.uuid,
            index=reading.index,
            model=reading.model,
            state=self._state(card),
            memory_mb=reading.memory_mb,
            memory_used_mb=reading.memory_used_mb,
            utilization=reading.utilization,
            temperature_c=reading.temperature_c,
            threshold_c=self._policy.thermal.threshold_c,
            resume_c=self._policy.thermal.resume_c,
            power_w=reading.power_w,
            power_limit_w=reading.power_limit_w,
            power_cap_w=self._books.cards.caps_w.get(reading.uuid),
            throttled=reading.throttled,
            foreign_mb=card.foreign_mb,
            tolerated_mb=self._policy.tolerated_foreign_mb,
            age_s=max(0.0, self._clock.now() - reading.read_at),
            jobs=[gpu_user(self._views, who, live) for live in users.get(reading.uuid, [])],
            slot=gpu_slot(self._views, who, slots.get(reading.uuid), self._clock.now()),
            why=why,
            detail=detail,
            since=since,
            settling=reading.uuid in self._books.cards.settling,
            processes=process_views(self._books, self._views, who, card),
            margin_c=reading.margin_c,
            slowdown_c=reading.slowdown_c,
            throttle=list(reading.throttle),
            sm_clock_mhz=reading.sm_clock_mhz,
            memory_clock_mhz=reading.memory_clock_mhz,
            ecc_corrected=reading.ecc_corrected,
            ecc_uncorrected=reading.ecc_uncorrected,
            pci=reading.pci,
            numa_node=reading.numa_node,
            links=link_ranks(self._books.cards, reading),
            parent=reading.parent,
            node=reading.node,
            taken_by=reading.taken_by,
        )

    def _state(self, card: Card) -> str:
        return self._books.cards.state(card, self._clock.now())

    def _card(self, uuid: str) -> Card:
        """By UUID, or by index: people type what they see."""
        found = self._books.cards.get(uuid)
        if found is None and uuid.isascii() and uuid.isdigit():
            found = next((c for c in self._books.cards.all() if c.reading.index == int(uuid)), None)
        if found is None:
            raise Refused("NOT_FOUND", f"There is no GPU {uuid}. See: rcq gpus.")
        return found

    def _changed(self, who: Identity, card: Card) -> GpuView:
        self._feed.gpus_changed()
        self._passes.wake()
        return self._gpu(who, card, on_cards(self._books), self._books.slots.by_card(self._clock.now()))

    def _age(self) -> float | None:
        last = self._passes.last_at
        return None if last is None else max(0.0, self._clock.now() - last)

    def _stats(self) -> Stats:
        cards, (room, held) = self._books.cards, room_of(self._books)
        known = cards_of(self._books)
        now, host = self._clock.now(), self._host.now
        return Stats(
            version=self._version,
            policy=self._policy.order.value,
            now=now,
            uptime_s=max(0.0, now - self._began),
            jobs=self._books.counts(),
            gpus_total=len(known),
            gpus_busy=len(known & on_cards(self._books).keys()),
            gpus_hot=len(known & cards.hot),
            cpu_cores_total=room.cpu_cores,
            cpu_cores_busy=held.cpu_cores,
            memory_mb_total=room.memory_mb,
            memory_mb_busy=held.memory_mb,
            passes=self._passes.count,
            last_pass_at=self._passes.last_at,
            last_pass_age_s=self._age(),
            last_pass_s=self._passes.last_s,
            power_w=cards.drawn_w(now),
            power_budget_w=self._policy.power.budget_w,
            last_backup_at=self._backups.last_at,
            host_cpu=host.cpu,
            load1=host.load1,
            host_memory_used_mb=host.memory_used_mb,
            host_memory_total_mb=host.memory_total_mb,
            disk_free_mb=host.disk_free_mb,
            disk_total_mb=host.disk_total_mb,
            backends=self._cluster.backends(),
        )
