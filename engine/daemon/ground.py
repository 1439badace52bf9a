"""What every part of the engine stands on: settings, clock, policy, store and the books, each made once.

Must not know who uses it: `engine.daemon.wiring` and `engine.daemon.jobwiring` do.
"""

from dataclasses import dataclass

from config.paths import Paths
from config.settings import Settings
from engine.core.estimate import History
from engine.core.policy import Policy
from engine.daemon.backupkeeper import BackupKeeper
from engine.daemon.bills import Bills
from engine.daemon.books import Books
from engine.daemon.cards import Cards
from engine.daemon.containment import Containment
from engine.daemon.feed import Feed, first_id
from engine.daemon.gatekeeper import Gatekeeper
from engine.daemon.host import boot_id, host_of
from engine.daemon.hostwatch import HostWatch
from engine.daemon.journal import Journal
from engine.daemon.measures import Measures
from engine.daemon.notices import Notices
from engine.daemon.persons import EngineUser, LinkedUsers, Persons
from engine.daemon.quotaview import default_quota
from engine.daemon.register import Register
from engine.daemon.runtimes import RunTimes
from engine.daemon.series import Series
from engine.daemon.staging import Staging
from engine.daemon.stagingwiring import staging_of
from engine.daemon.usage import UsageBook
from engine.daemon.views import Views
from engine.executor.person import this_person
from engine.ports import Clock
from engine.store.store import Store

STALE_SAMPLES = 10
"""So many intervals without a reading and a card counts as missing; never under `STALE_AFTER_S` seconds."""
STALE_AFTER_S = 30.0


@dataclass(slots=True, frozen=True, kw_only=True)
class Ground:
    """What everything stands on."""

    settings: Settings
    paths: Paths
    clock: Clock
    policy: Policy
    boot: str
    books: Books
    store: Store
    register: Register
    persons: Persons
    journal: Journal
    bills: Bills
    feed: Feed
    views: Views
    gatekeeper: Gatekeeper
    notices: Notices
    measures: Measures
    series: Series
    host: HostWatch
    backups: BackupKeeper
    containment: Containment
    staging: Staging


def ground_of(settings: Settings, paths: Paths, books: Books, policy: Policy, clock: Clock) -> Ground:
    """Open the store and lay the ground. Raises StoreError."""
    store = Store.open(paths.database, half_life_s=policy.half_life_s)
    journal = Journal()
    feed = Feed(first_id(clock))
    notices = Notices(feed, clock)
    measures = Measures(
        books=books, journal=journal, in_use=settings.gpu.idle_utilization, stale_after_s=stale_after_s(settings)
    )
    views = Views(
        books=books,
        journal=journal,
        notices=notices,
        measures=measures,
        others=settings.privacy.others,
        jobs_dir=paths.jobs_dir,
    )
    register = Register(store=store, books=books, defaults=default_quota(settings.quota))
    return Ground(
        settings=settings,
        paths=paths,
        clock=clock,
        policy=policy,
        boot=boot_id(),
        books=books,
        store=store,
        register=register,
        persons=LinkedUsers(register) if executor_kind(settings, paths) == "systemd" else EngineUser(this_person),
        journal=journal,
        bills=Bills(books=books, journal=journal, policy=policy, clock=clock),
        feed=feed,
        views=views,
        notices=notices,
        measures=measures,
        series=Series(books=books, journal=journal, sample_s=settings.engine.sample_interval_s),
        host=HostWatch(paths.state_dir),
        backups=BackupKeeper(paths=paths, settings=settings.retention, audit=store.audit, notices=notices, clock=clock),
        containment=Containment(settings.executor, cards=settings.gpu.provider != "simulated"),
        staging=staging_of(settings, paths, books, store, clock),
        gatekeeper=Gatekeeper(books=books, journal=journal, store=store.jobs, views=views, feed=feed, clock=clock),
    )


def executor_kind(settings: Settings, paths: Paths) -> str:
    """What runs jobs on this host: as named, or what fits: each job as its owner on the machine's own engine.

    Where all jobs go to a cluster, that is for those that were started here before.
    """
    if settings.executor.kind not in {"auto", "slurm"}:
        return settings.executor.kind
    return "systemd" if paths.system else "process"


def stale_after_s(settings: Settings) -> float:
    """Seconds after which a reading is worth nothing."""
    return max(STALE_AFTER_S, STALE_SAMPLES * settings.engine.sample_interval_s)


def books_of(settings: Settings, policy: Policy) -> Books:
    """Empty books of this host; recovery fills them."""
    scheduling = settings.scheduling
    history = History(scheduling.estimate_quantile) if scheduling.estimates else None
    return Books(
        host=host_of(scheduling),
        cards=Cards(stale_after_s(settings)),
        usage=UsageBook(policy.half_life_s),
        grace_s=settings.executor.grace_s,
        run_times=RunTimes(history),
    )
