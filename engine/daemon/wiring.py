"""From settings to a whole engine: every object once, in the order in which they need each other.

Must not run anything: `engine.daemon.main` does.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from config.paths import Paths
from config.settings import Settings, SimulatedCard
from engine.api.backend import Backend, Limits
from engine.core.model import GpuUuid
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.daemon.books import Books
from engine.daemon.box import BoxService
from engine.daemon.cards import Cards
from engine.daemon.control import Control
from engine.daemon.feed import Feed
from engine.daemon.host import SystemClock, boot_id, host_of
from engine.daemon.intake import Intake
from engine.daemon.joblog import JobLogs
from engine.daemon.jobs import JobService
from engine.daemon.journal import Journal
from engine.daemon.launches import Launches
from engine.daemon.listing import Listing
from engine.daemon.logins import Logins
from engine.daemon.lookup import Lookup
from engine.daemon.passes import Passes
from engine.daemon.passwords import Passwords
from engine.daemon.people import PeopleService
from engine.daemon.policy import policy_of
from engine.daemon.recovery import Recovery
from engine.daemon.register import Register
from engine.daemon.runs import Runs
from engine.daemon.sampler import Attribution, LeaseAttribution, Sampler, SimulatedAttribution
from engine.daemon.submission import Submission
from engine.daemon.usage import UsageBook
from engine.daemon.views import Views
from engine.executor.person import this_person
from engine.executor.process import ProcessExecutor
from engine.gpu.none import NoGpus
from engine.gpu.nvml import NvmlGpus
from engine.gpu.simulated import SimulatedCardSpec, SimulatedGpus, card_uuid
from engine.gpu.unavailable import DriverUnavailable
from engine.ports import Clock, Executor, GpuProvider
from engine.store.store import Store

log = logging.getLogger(__name__)

STALE_SAMPLES = 10
"""So many intervals without a reading and a card counts as missing; never under `STALE_AFTER_S` seconds."""
STALE_AFTER_S = 30.0


@dataclass(slots=True, frozen=True, kw_only=True)
class Engine:
    """The parts that main starts, feeds and stops."""

    settings: Settings
    store: Store
    executor: Executor
    provider: GpuProvider
    books: Books
    register: Register
    passes: Passes
    runs: Runs
    sampler: Sampler
    recovery: Recovery
    logins: Logins
    feed: Feed
    backend: Backend


def build(settings: Settings, paths: Paths) -> Engine:
    """Open the store and put an engine together. Raises StoreError, DriverUnavailable."""
    clock = SystemClock()
    policy = policy_of(settings)
    books = _books(settings, policy)
    provider, attribution = _cards(settings, books, clock)
    store = Store.open(paths.database, half_life_s=policy.half_life_s)
    executor = ProcessExecutor(paths.state_dir)
    journal, feed, boot = Journal(), Feed(), boot_id()
    launches = Launches(state_dir=paths.state_dir, settings=settings.executor, person=this_person, clock=clock)
    runs = Runs(
        books=books,
        journal=journal,
        store=store.jobs,
        executor=executor,
        launches=launches,
        feed=feed,
        clock=clock,
        grace_s=settings.executor.grace_s,
    )
    passes = Passes(
        books=books,
        journal=journal,
        policy=policy,
        store=store.jobs,
        runs=runs,
        feed=feed,
        clock=clock,
        boot_id=boot,
        plan=plan,
    )
    runs.wake = passes.wake
    sampler = Sampler(
        provider=provider,
        attribution=attribution,
        books=books,
        feed=feed,
        policy=policy,
        clock=clock,
        wake=passes.wake,
    )
    recovery = Recovery(
        books=books,
        store=store.jobs,
        executor=executor,
        runs=runs,
        state_dir=paths.state_dir,
        policy=policy,
        boot_id=boot,
        clock=clock,
    )
    register = Register(store=store, books=books)
    passwords = Passwords(settings.auth, clock)
    logins = Logins(register=register, store=store, passwords=passwords, settings=settings.auth, clock=clock)
    views = Views(books=books, journal=journal, others=settings.privacy.others, jobs_dir=paths.jobs_dir)
    backend = Backend(
        people=PeopleService(
            register=register,
            store=store,
            logins=logins,
            passwords=passwords,
            usage=books.usage,
            clock=clock,
            changed=passes.wake,
        ),
        jobs=_jobs(settings, paths, policy, books, store, register, views, passes, runs, feed, clock),
        box=BoxService(
            books=books,
            store=store,
            register=register,
            views=views,
            passes=passes,
            feed=feed,
            policy=policy,
            settings=settings,
            version=version("rcq"),
            clock=clock,
        ),
        limits=Limits(
            body_bytes=settings.ingest.max_body_bytes,
            line_bytes=settings.ingest.max_line_bytes,
            ingest_batch_lines=settings.ingest.batch_lines,
        ),
    )
    return Engine(
        settings=settings,
        store=store,
        executor=executor,
        provider=provider,
        books=books,
        register=register,
        passes=passes,
        runs=runs,
        sampler=sampler,
        recovery=recovery,
        logins=logins,
        feed=feed,
        backend=backend,
    )


def _jobs(
    settings: Settings,
    paths: Paths,
    policy: Policy,
    books: Books,
    store: Store,
    register: Register,
    views: Views,
    passes: Passes,
    runs: Runs,
    feed: Feed,
    clock: Clock,
) -> JobService:
    intake = Intake(books=books, register=register, settings=settings.scheduling, policy=policy, clock=clock, plan=plan)
    lookup = Lookup(store=store.jobs, views=views)
    return JobService(
        books=books,
        submission=Submission(books=books, store=store, intake=intake, passes=passes, feed=feed, clock=clock),
        listing=Listing(books=books, store=store.jobs, views=views, policy=policy, clock=clock),
        control=Control(
            books=books,
            store=store,
            lookup=lookup,
            views=views,
            passes=passes,
            runs=runs,
            feed=feed,
            clock=clock,
        ),
        lookup=lookup,
        views=views,
        logs=JobLogs(paths.state_dir),
        policy=policy,
        clock=clock,
    )


def _books(settings: Settings, policy: Policy) -> Books:
    stale_after_s = max(STALE_AFTER_S, STALE_SAMPLES * settings.engine.sample_interval_s)
    return Books(host=host_of(settings.scheduling), cards=Cards(stale_after_s), usage=UsageBook(policy.half_life_s))


def _cards(settings: Settings, books: Books, clock: Clock) -> tuple[GpuProvider, Attribution]:
    """The provider that the settings name; `auto` is the driver where it loads, and no cards where it does not."""
    kind = settings.gpu.provider
    if kind == "simulated":
        cards = [card for card in settings.gpu.simulated for _ in range(card.count)]
        attribution = SimulatedAttribution(books, _default_load(cards))
        return SimulatedGpus([_spec(card) for card in cards], lambda: attribution.loads, clock), attribution
    if kind == "none":
        return NoGpus(), LeaseAttribution(books)
    driver = NvmlGpus(clock)
    try:
        driver.read()
    except DriverUnavailable as error:
        if kind == "nvml":
            raise
        log.info("No GPUs: %s", error)
        driver.close()
        return NoGpus(), LeaseAttribution(books)
    return driver, LeaseAttribution(books)


def _default_load(cards: list[SimulatedCard]) -> Mapping[GpuUuid, float]:
    return {card_uuid(index, card.model): card.load for index, card in enumerate(cards)}


def _spec(card: SimulatedCard) -> SimulatedCardSpec:
    """The settings' card without what only the engine needs of it."""
    return SimulatedCardSpec(**card.model_dump(exclude={"count", "load"}))
