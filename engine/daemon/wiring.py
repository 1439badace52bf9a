"""From settings to a whole engine: every object once, in the order in which they need each other.

Must not run anything: `engine.daemon.main` does.
"""

from dataclasses import dataclass
from importlib.metadata import version

from config.paths import Paths
from config.settings import Settings
from engine.api.asks import Limits
from engine.api.backend import Backend
from engine.core.plan import plan
from engine.daemon.auditlog import AuditService
from engine.daemon.bills import Bills
from engine.daemon.books import Books
from engine.daemon.box import BoxService
from engine.daemon.cardwiring import CardMinders, guard_heat, introduce, watch_cards
from engine.daemon.clockwatch import ClockWatch
from engine.daemon.clusterviews import ClusterViews
from engine.daemon.clusterwiring import cluster_views
from engine.daemon.cores import Cores, nodes_of_host
from engine.daemon.decisionlog import DecisionLog
from engine.daemon.executors import capacity_of, executor_of, home_of, introduce_strangers, tasks_of
from engine.daemon.failedlogins import FailedLogins
from engine.daemon.feed import Feed
from engine.daemon.figures import FigureService, figures_of
from engine.daemon.gatekeeper import Gatekeeper
from engine.daemon.ground import Ground, books_of, ground_of
from engine.daemon.host import SystemClock
from engine.daemon.hostwatch import HostWatch
from engine.daemon.housekeeping import Housekeeping, housekeeping_of
from engine.daemon.jobwiring import jobs_of, judges_of, recurrence_of, submission_of
from engine.daemon.launches import Launches
from engine.daemon.logins import Logins
from engine.daemon.measures import Measures
from engine.daemon.metrics.wiring import Heard, Metering, metering_of
from engine.daemon.notify.wiring import Notifying, notifying_of
from engine.daemon.oomretry import OomRetry
from engine.daemon.passes import Passes
from engine.daemon.passwords import Passwords
from engine.daemon.people import PeopleService
from engine.daemon.policy import policy_of
from engine.daemon.preemptions import Preemptions
from engine.daemon.provider import Chosen, choose
from engine.daemon.recovery import Recovery
from engine.daemon.recurrence import Recurrence
from engine.daemon.redo import redo_of
from engine.daemon.register import Register
from engine.daemon.results import results_of
from engine.daemon.runs import Runs
from engine.daemon.sampler import Sampler
from engine.daemon.series import Series
from engine.daemon.slots import SlotService
from engine.daemon.stagingwiring import placing_of
from engine.daemon.startdelays import StartDelays
from engine.daemon.stops import Stops
from engine.daemon.tokens import tokens_of
from engine.daemon.usagereport import UsageService
from engine.ports import Clock, Executor, GpuProvider
from engine.store.store import Store

COMMITS_AT_ONCE = 4
"""Of a file so many commits' lines are submitted together: one is judged while the one before is written."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Engine:
    """The parts that main starts, feeds and stops."""

    settings: Settings
    store: Store
    executor: Executor
    provider: GpuProvider
    books: Books
    bills: Bills
    measures: Measures
    series: Series
    host: HostWatch
    figures: FigureService
    clock: Clock
    clock_watch: ClockWatch
    register: Register
    decisions: DecisionLog
    passes: Passes
    runs: Runs
    sampler: Sampler
    minders: CardMinders
    recovery: Recovery
    logins: Logins
    feed: Feed
    slots: SlotService
    gatekeeper: Gatekeeper
    recurrence: Recurrence
    housekeeping: Housekeeping
    notifying: Notifying
    metering: Metering
    backend: Backend

    @property
    def trouble(self) -> str | None:
        """Why the engine cannot do its work now; `None` if it can."""
        return self.store.trouble or self.passes.trouble


def build(
    settings: Settings, paths: Paths, *, clock: SystemClock | None = None, executor: Executor | None = None
) -> Engine:
    """Open the store and put an engine together. Raises StoreError, DriverUnavailable, OSError.

    clock, executor: others than the machine's own and the one that the settings name.
    """
    clock = clock or SystemClock()
    policy = policy_of(settings)
    books = books_of(settings, policy)
    chosen = choose(settings, books, clock.steady_only)
    ground = ground_of(settings, paths, books, policy, clock)
    executor = executor or executor_of(ground)
    books.capacity = capacity_of(settings, chosen, ground, clock.steady_only)
    runs = _runs(ground, executor)
    decisions = _decisions(ground)
    stops = Stops(runs=runs, journal=ground.journal, audit=ground.store.audit, clock=clock)
    passes = _passes(ground, runs, decisions, stops)
    passwords = Passwords(settings.auth, clock)
    logins = _logins(ground, passwords)
    slots = _slots(ground, passes)
    sampler, minders = _minded(ground, chosen, executor, passes=passes, runs=runs, stops=stops)
    sampler.corrected_s = lambda: clock.corrected_s
    judges = judges_of(ground, chosen.power)
    runs.grow = OomRetry(books=books, measures=ground.measures, intake=judges.intake, settings=settings.gpu).after
    submission = submission_of(ground, passes, judges)
    cluster = cluster_views(ground, chosen.provider, executor)
    box = _box(ground, passes, minders, cluster)
    notifying = notifying_of(ground)
    figures = figures_of(ground, passes)
    heard = Heard(
        passes=passes,
        runs=runs,
        sampler=sampler,
        submission=submission,
        logins=logins,
        box=box,
        cluster=cluster,
        figures=figures,
    )
    metering = metering_of(ground, heard)
    clock_watch = ClockWatch(clock)
    # bills first: what they say goes by the leases as they are then
    clock_watch.steps += [ground.bills.clock_set, books.clock_set, ground.measures.clock_set, ground.notices.clock_set]
    clock_watch.steps += [ground.series.clock_set, minders.clock_set, passwords.clock_set, judges.allowances.clock_set]
    clock_watch.steps += [box.clock_set, figures.about_engine.clock_set, passes.clock_set, notifying.outbox.clock_set]
    return Engine(
        settings=settings,
        store=ground.store,
        executor=executor,
        provider=chosen.provider,
        books=books,
        bills=ground.bills,
        measures=ground.measures,
        series=ground.series,
        host=ground.host,
        figures=figures,
        clock=clock,
        clock_watch=clock_watch,
        register=ground.register,
        decisions=decisions,
        passes=passes,
        runs=runs,
        sampler=sampler,
        minders=minders,
        recovery=_recovery(ground, executor, runs),
        logins=logins,
        feed=ground.feed,
        slots=slots,
        gatekeeper=ground.gatekeeper,
        recurrence=recurrence_of(ground, submission),
        housekeeping=housekeeping_of(ground, tasks.remove if (tasks := tasks_of(executor)) is not None else None),
        notifying=notifying,
        metering=metering,
        backend=Backend(
            people=_people(ground, logins, passwords, passes),
            jobs=jobs_of(ground, passes, runs, submission, judges),
            box=box,
            reservations=slots,
            usages=_usages(ground),
            audit=AuditService(ground.store.audit),
            notify=notifying.service,
            files=ground.staging,
            results=results_of(ground, home_of(executor)),
            redo=redo_of(ground, submission),
            tokens=tokens_of(ground, logins),
            figures=figures,
            metrics=metering.service,
            limits=_limits(settings),
        ),
    )


def _minded(
    ground: Ground, chosen: Chosen, executor: Executor, *, passes: Passes, runs: Runs, stops: Stops
) -> tuple[Sampler, CardMinders]:
    """Who reads the cards, with everybody who looks at them after each reading."""
    sampler = _sampler(ground, chosen, passes)
    minders = watch_cards(ground, sampler, chosen, passes=passes, runs=runs, stops=stops)
    guard_heat(ground, sampler, stops, executor)
    introduce(chosen, ground, executor, passes)
    introduce_strangers(chosen, executor, ground)
    return sampler, minders


def _logins(ground: Ground, passwords: Passwords) -> Logins:
    return Logins(
        register=ground.register,
        store=ground.store,
        passwords=passwords,
        failures=FailedLogins(audit=ground.store.audit, clock=ground.clock),
        settings=ground.settings.auth,
        clock=ground.clock,
    )


def _runs(ground: Ground, executor: Executor) -> Runs:
    settings = ground.settings.executor
    launches = Launches(
        state_dir=ground.paths.state_dir,
        settings=settings,
        persons=ground.persons,
        memory_mb=ground.books.host.memory_mb,
        clock=ground.clock,
        nodes=ground.books.cards.nodes,
        containment=ground.containment,
        placing=placing_of(ground.settings, ground.paths, tasks_of(executor)),
        cores=Cores(ground.books, nodes_of_host()) if settings.pin_cores else None,
    )
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


def _decisions(ground: Ground) -> DecisionLog:
    return DecisionLog(
        store=ground.store.decisions,
        settings=ground.settings.retention,
        version=version("rcq"),
        clock=ground.clock,
    )


def _passes(ground: Ground, runs: Runs, decisions: DecisionLog, stops: Stops) -> Passes:
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
        preemptions=Preemptions(books=ground.books, runs=runs, stops=stops),
    )
    runs.wake = ground.gatekeeper.wake = passes.wake
    delays = StartDelays(ground.notices)
    runs.hindered, runs.started = delays.broke_off, delays.over
    runs.leaving.append(lambda live, _ending: delays.over(live))
    runs.final = ground.gatekeeper.ended
    return passes


def _sampler(ground: Ground, chosen: Chosen, passes: Passes) -> Sampler:
    return Sampler(
        provider=chosen.provider,
        attribution=chosen.attribution,
        books=ground.books,
        feed=ground.feed,
        policy=ground.policy,
        clock=ground.clock,
        wake=passes.wake,
    )


def _recovery(ground: Ground, executor: Executor, runs: Runs) -> Recovery:
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


def _people(ground: Ground, logins: Logins, passwords: Passwords, passes: Passes) -> PeopleService:
    return PeopleService(
        register=ground.register,
        store=ground.store,
        persons=ground.persons,
        logins=logins,
        passwords=passwords,
        usage=ground.books.usage,
        cards=lambda: len(ground.books.cards.all()),
        clock=ground.clock,
        changed=passes.wake,
    )


def _box(ground: Ground, passes: Passes, minders: CardMinders, cluster: ClusterViews) -> BoxService:
    return BoxService(
        control=minders.control,
        books=ground.books,
        register=ground.register,
        views=ground.views,
        passes=passes,
        feed=ground.feed,
        policy=ground.policy,
        settings=ground.settings,
        version=version("rcq"),
        clock=ground.clock,
        disk=lambda: ground.store.trouble,
        backups=ground.backups,
        host=ground.host,
        cluster=cluster,
    )


def _slots(ground: Ground, passes: Passes) -> SlotService:
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


def _usages(ground: Ground) -> UsageService:
    return UsageService(
        books=ground.books,
        register=ground.register,
        store=ground.store.usage,
        measures=ground.store.measures,
        views=ground.views,
        policy=ground.policy,
        clock=ground.clock,
    )


def _limits(settings: Settings) -> Limits:
    ingest = settings.ingest
    return Limits(
        body_bytes=ingest.max_body_bytes,
        line_bytes=ingest.max_line_bytes,
        ingest_batch_lines=COMMITS_AT_ONCE * ingest.batch_lines,
    )
