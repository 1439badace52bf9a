"""From settings to a whole engine: every object once, in the order in which they need each other.

Must not run anything: `engine.daemon.main` does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from config.paths import Paths
from config.settings import Settings
from engine.api.backend import Backend, Limits
from engine.core.estimate import History
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.daemon.allowance import Allowances
from engine.daemon.arraycontrol import ArrayControl
from engine.daemon.arrays import ArrayListing, ArrayLookup
from engine.daemon.bills import Bills
from engine.daemon.books import Books
from engine.daemon.box import BoxService
from engine.daemon.cards import Cards
from engine.daemon.control import Control
from engine.daemon.decisionlog import DecisionLog
from engine.daemon.deeds import Deeds
from engine.daemon.edit import Edit
from engine.daemon.feed import Feed
from engine.daemon.foresight import foresight
from engine.daemon.gatekeeper import Gatekeeper
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
from engine.daemon.policy import bounds_of, policy_of
from engine.daemon.preemptions import Preemptions
from engine.daemon.provider import choose
from engine.daemon.quotaview import default_quota
from engine.daemon.recovery import Recovery
from engine.daemon.recurrence import Recurrence
from engine.daemon.register import Register
from engine.daemon.requeue import Requeue
from engine.daemon.runs import Runs
from engine.daemon.runtimes import RunTimes
from engine.daemon.sampler import Attribution, Sampler
from engine.daemon.slots import SlotService
from engine.daemon.submission import Submission
from engine.daemon.usage import UsageBook
from engine.daemon.usagereport import UsageService
from engine.daemon.views import Views
from engine.executor.person import this_person
from engine.executor.process import ProcessExecutor
from engine.ports import Clock, Executor, GpuProvider
from engine.store.store import Store

STALE_SAMPLES = 10
"""So many intervals without a reading and a card counts as missing; never under `STALE_AFTER_S` seconds."""
STALE_AFTER_S = 30.0

EXECUTORS: dict[str, Callable[[Path], Executor]] = {"process": ProcessExecutor}
"""What makes each kind of executor that the settings can name, on the state directory."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Engine:
    """The parts that main starts, feeds and stops."""

    settings: Settings
    store: Store
    executor: Executor
    provider: GpuProvider
    books: Books
    bills: Bills
    register: Register
    decisions: DecisionLog
    passes: Passes
    runs: Runs
    sampler: Sampler
    recovery: Recovery
    logins: Logins
    feed: Feed
    slots: SlotService
    gatekeeper: Gatekeeper
    recurrence: Recurrence
    backend: Backend


@dataclass(slots=True, frozen=True, kw_only=True)
class _Ground:
    """What everything stands on."""

    settings: Settings
    paths: Paths
    clock: Clock
    policy: Policy
    boot: str
    books: Books
    store: Store
    register: Register
    journal: Journal
    bills: Bills
    feed: Feed
    views: Views
    gatekeeper: Gatekeeper


def build(settings: Settings, paths: Paths, *, clock: Clock | None = None, executor: Executor | None = None) -> Engine:
    """Open the store and put an engine together. Raises StoreError, DriverUnavailable.

    clock, executor: others than the machine's own and the one that the settings name.
    """
    clock = clock or SystemClock()
    policy = policy_of(settings)
    books = _books(settings, policy)
    provider, attribution = choose(settings, books, clock)
    store = Store.open(paths.database, half_life_s=policy.half_life_s)
    journal = Journal()
    views, feed = Views(books=books, journal=journal, others=settings.privacy.others, jobs_dir=paths.jobs_dir), Feed()
    ground = _Ground(
        settings=settings,
        paths=paths,
        clock=clock,
        policy=policy,
        boot=boot_id(),
        books=books,
        store=store,
        register=Register(store=store, books=books, defaults=default_quota(settings.quota)),
        journal=journal,
        bills=Bills(books=books, journal=journal, policy=policy, clock=clock),
        feed=feed,
        views=views,
        gatekeeper=Gatekeeper(books=books, journal=journal, store=store.jobs, views=views, feed=feed, clock=clock),
    )
    executor = executor or EXECUTORS[settings.executor.kind](paths.state_dir)
    runs = _runs(ground, executor)
    decisions = _decisions(ground)
    passes = _passes(ground, runs, decisions)
    passwords = Passwords(settings.auth, clock)
    logins = Logins(register=ground.register, store=store, passwords=passwords, settings=settings.auth, clock=clock)
    slots = _slots(ground, passes)
    judges = _judges(ground)
    submission = _submission(ground, passes, judges)
    return Engine(
        settings=settings,
        store=store,
        executor=executor,
        provider=provider,
        books=books,
        bills=ground.bills,
        register=ground.register,
        decisions=decisions,
        passes=passes,
        runs=runs,
        sampler=_sampler(ground, provider, attribution, passes),
        recovery=_recovery(ground, executor, runs),
        logins=logins,
        feed=ground.feed,
        slots=slots,
        gatekeeper=ground.gatekeeper,
        recurrence=_recurrence(ground, submission),
        backend=Backend(
            people=_people(ground, logins, passwords, passes),
            jobs=_jobs(ground, passes, runs, submission, judges),
            box=_box(ground, passes),
            reservations=slots,
            usages=_usages(ground),
            limits=_limits(settings),
        ),
    )


def _runs(ground: _Ground, executor: Executor) -> Runs:
    settings = ground.settings.executor
    launches = Launches(state_dir=ground.paths.state_dir, settings=settings, person=this_person, clock=ground.clock)
    return Runs(
        books=ground.books,
        journal=ground.journal,
        bills=ground.bills,
        store=ground.store.jobs,
        executor=executor,
        launches=launches,
        feed=ground.feed,
        clock=ground.clock,
        grace_s=settings.grace_s,
        retry_time_limit=ground.settings.scheduling.retry_time_limit,
    )


def _decisions(ground: _Ground) -> DecisionLog:
    return DecisionLog(
        store=ground.store.decisions,
        settings=ground.settings.retention,
        version=version("rcq"),
        clock=ground.clock,
    )


def _passes(ground: _Ground, runs: Runs, decisions: DecisionLog) -> Passes:
    """The loop and the runs know each other: a pass launches, an ending wakes a pass."""
    passes = Passes(
        books=ground.books,
        journal=ground.journal,
        policy=ground.policy,
        bills=ground.bills,
        store=ground.store.jobs,
        runs=runs,
        feed=ground.feed,
        clock=ground.clock,
        boot_id=ground.boot,
        plan=plan,
        decisions=decisions,
        preemptions=Preemptions(books=ground.books, runs=runs, audit=ground.store.audit, clock=ground.clock),
    )
    runs.wake = ground.gatekeeper.wake = passes.wake
    runs.final = ground.gatekeeper.ended
    return passes


def _sampler(ground: _Ground, provider: GpuProvider, attribution: Attribution, passes: Passes) -> Sampler:
    return Sampler(
        provider=provider,
        attribution=attribution,
        books=ground.books,
        feed=ground.feed,
        policy=ground.policy,
        clock=ground.clock,
        wake=passes.wake,
    )


def _recovery(ground: _Ground, executor: Executor, runs: Runs) -> Recovery:
    return Recovery(
        books=ground.books,
        store=ground.store.jobs,
        executor=executor,
        runs=runs,
        gatekeeper=ground.gatekeeper,
        state_dir=ground.paths.state_dir,
        bills=ground.bills,
        boot_id=ground.boot,
        clock=ground.clock,
    )


def _people(ground: _Ground, logins: Logins, passwords: Passwords, passes: Passes) -> PeopleService:
    return PeopleService(
        register=ground.register,
        store=ground.store,
        logins=logins,
        passwords=passwords,
        usage=ground.books.usage,
        cards=lambda: len(ground.books.cards.all()),
        clock=ground.clock,
        changed=passes.wake,
    )


def _judges(ground: _Ground) -> tuple[Intake, Allowances]:
    """Who judge a request, whether it is submitted or changed: is it allowed at all, and is it one too many now?"""
    intake = Intake(
        books=ground.books,
        register=ground.register,
        settings=ground.settings.scheduling,
        policy=ground.policy,
        clock=ground.clock,
        plan=plan,
    )
    quotas, waiting = ground.books, ground.books.waiting
    return intake, Allowances(quotas=lambda: quotas.quotas, waiting=waiting, clock=ground.clock)


def _submission(ground: _Ground, passes: Passes, judges: tuple[Intake, Allowances]) -> Submission:
    intake, allowances = judges
    return Submission(
        books=ground.books,
        store=ground.store,
        intake=intake,
        gatekeeper=ground.gatekeeper,
        allowances=allowances,
        passes=passes,
        feed=ground.feed,
        clock=ground.clock,
    )


def _recurrence(ground: _Ground, submission: Submission) -> Recurrence:
    """The gate and the turns know each other: the gate says when, a turn sets the next one."""
    recurrence = Recurrence(
        books=ground.books,
        journal=ground.journal,
        store=ground.store.jobs,
        register=ground.register,
        submission=submission,
        gatekeeper=ground.gatekeeper,
        clock=ground.clock,
    )
    ground.gatekeeper.recur = recurrence.take
    return recurrence


def _jobs(
    ground: _Ground, passes: Passes, runs: Runs, submission: Submission, judges: tuple[Intake, Allowances]
) -> JobService:
    books, store, views, clock = ground.books, ground.store, ground.views, ground.clock
    lookup, arrays = Lookup(store=store.jobs, views=views), ArrayLookup(store=store, views=views)
    ahead = foresight(
        books=books,
        store=store.jobs,
        views=views,
        policy=ground.policy,
        bounds=bounds_of(ground.settings),
        clock=clock,
    )
    listing = Listing(
        books=books, store=store.jobs, views=views, policy=ground.policy, clock=clock, forecasts=ahead.forecasts
    )
    deeds = Deeds(store=store, views=views, passes=passes, feed=ground.feed, clock=clock)
    return JobService(
        books=books,
        submission=submission,
        listing=listing,
        array_listing=ArrayListing(store=store, lookup=arrays, views=views, rows=listing.rows),
        array_control=ArrayControl(
            books=books,
            store=store,
            lookup=arrays,
            gatekeeper=ground.gatekeeper,
            passes=passes,
            runs=runs,
            feed=ground.feed,
            clock=clock,
        ),
        control=Control(
            books=books,
            deeds=deeds,
            lookup=lookup,
            views=views,
            passes=passes,
            runs=runs,
            gatekeeper=ground.gatekeeper,
            clock=clock,
        ),
        requeue=Requeue(
            books=books,
            store=store.jobs,
            intake=judges[0],
            allowances=judges[1],
            gatekeeper=ground.gatekeeper,
            lookup=lookup,
            deeds=deeds,
            passes=passes,
            runs=runs,
            clock=clock,
        ),
        edit=Edit(
            books=books,
            store=store.jobs,
            intake=judges[0],
            allowances=judges[1],
            gatekeeper=ground.gatekeeper,
            lookup=lookup,
            deeds=deeds,
            clock=clock,
        ),
        lookup=lookup,
        views=views,
        logs=JobLogs(ground.paths.state_dir),
        ahead=ahead,
        policy=ground.policy,
        clock=clock,
    )


def _box(ground: _Ground, passes: Passes) -> BoxService:
    return BoxService(
        books=ground.books,
        store=ground.store,
        register=ground.register,
        views=ground.views,
        passes=passes,
        feed=ground.feed,
        policy=ground.policy,
        settings=ground.settings,
        version=version("rcq"),
        clock=ground.clock,
    )


def _slots(ground: _Ground, passes: Passes) -> SlotService:
    return SlotService(
        books=ground.books,
        store=ground.store,
        views=ground.views,
        passes=passes,
        feed=ground.feed,
        policy=ground.policy,
        settings=ground.settings.scheduling,
        clock=ground.clock,
        plan=plan,
    )


def _usages(ground: _Ground) -> UsageService:
    return UsageService(
        books=ground.books,
        register=ground.register,
        store=ground.store.usage,
        views=ground.views,
        policy=ground.policy,
        clock=ground.clock,
    )


def _limits(settings: Settings) -> Limits:
    ingest = settings.ingest
    return Limits(
        body_bytes=ingest.max_body_bytes, line_bytes=ingest.max_line_bytes, ingest_batch_lines=ingest.batch_lines
    )


def _books(settings: Settings, policy: Policy) -> Books:
    stale_after_s = max(STALE_AFTER_S, STALE_SAMPLES * settings.engine.sample_interval_s)
    scheduling = settings.scheduling
    history = History(scheduling.estimate_quantile) if scheduling.estimates else None
    return Books(
        host=host_of(scheduling),
        cards=Cards(stale_after_s),
        usage=UsageBook(policy.half_life_s),
        grace_s=settings.executor.grace_s,
        run_times=RunTimes(history),
    )
