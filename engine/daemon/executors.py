"""Which executors an engine has: what runs jobs on this host, and beside it Slurm's, where there is a cluster.

Must not know what either of them does with a job.
"""

from config.paths import LAUNCHER_SOCKET
from config.settings import Settings
from engine.core.snapshot import CLUSTER
from engine.daemon.capacity import Capacity
from engine.daemon.cluster import cluster_host
from engine.daemon.ground import Ground, executor_kind
from engine.daemon.provider import Chosen
from engine.executor.placed import PlacedExecutor
from engine.executor.process import ProcessExecutor
from engine.executor.slurm.asuser import commands_as_users
from engine.executor.slurm.executor import SlurmExecutor
from engine.executor.slurm.naming import Naming
from engine.executor.slurm.request import Where
from engine.executor.systemd import SystemdExecutor
from engine.executor.usertask import UserTasks
from engine.ports import Clock, Executor
from engine.protocol.errors import RcqError
from engine.slurm.commands import Commands


def executor_of(ground: Ground) -> Executor:
    """This host's, or both. Where no job goes to the cluster any more, what is there still has to be followed.

    Raises OSError, RcqError where the state of the engine cannot tell its jobs in Slurm from others'.
    """
    home = _home(ground)
    if not uses_cluster(ground.settings) and not ground.store.jobs.has_leases_at(CLUSTER):
        return home
    return PlacedExecutor(home, _cluster(ground, tasks_of(home)), ground.books.place_of)


def uses_cluster(settings: Settings) -> bool:
    """Whether jobs go to a cluster, all of them or some."""
    return settings.executor.kind == "slurm" or settings.executor.overflow == "slurm"


def capacity_of(settings: Settings, chosen: Chosen, ground: Ground, clock: Clock) -> Capacity | None:
    """What the cluster offers to passes, if there is one. clock: the one that readings are dated by."""
    if not uses_cluster(settings):
        return None
    cards = ground.books.cards
    return Capacity(
        host=lambda: cluster_host(chosen.provider.nodes(), clock.now() - cards.cluster_stale_after_s),
        alone=settings.executor.kind == "slurm",
        ahead=settings.slurm.ahead,
        after_s=settings.slurm.after_min * 60,
    )


def home_of(executor: Executor) -> Executor:
    """Who runs the jobs of this host."""
    return executor.home if isinstance(executor, PlacedExecutor) else executor


def slurm_of(executor: Executor) -> SlurmExecutor | None:
    """Who runs the jobs on the cluster, if there is one."""
    cluster = executor.cluster if isinstance(executor, PlacedExecutor) else None
    return cluster if isinstance(cluster, SlurmExecutor) else None


def tasks_of(executor: Executor) -> UserTasks | None:
    """What does something as a job's owner; `None` where all is the engine's own user's."""
    home = home_of(executor)
    return home.tasks if isinstance(home, SystemdExecutor) else None


def introduce_strangers(chosen: Chosen, executor: Executor, ground: Ground) -> None:
    """Let the reader of the cluster's cards know whose jobs are in Slurm, so that it tells who else holds any."""
    slurm = slurm_of(executor)
    if chosen.cluster is None or slurm is None:
        return
    naming = Naming.of(ground.paths.state_dir)
    watch, books = slurm.watch, ground.books
    chosen.cluster.introduce(
        watch.last_jobs,
        lambda job: naming.named(job.name) is not None,
        watch.age_s,
        is_idle=lambda: not (books.live or len(books.pending)),
    )


def _home(ground: Ground) -> Executor:
    settings = ground.settings
    if executor_kind(settings, ground.paths) == "process":
        return ProcessExecutor(ground.paths.state_dir)
    return SystemdExecutor(
        LAUNCHER_SOCKET,
        tasks_max=settings.executor.tasks_max,
        can_pause=settings.thermal.critical_action == "pause",
    )


def _cluster(ground: Ground, tasks: UserTasks | None) -> SlurmExecutor:
    slurm = ground.settings.slurm
    bin_dir, timeout_s = str(slurm.bin_dir or ""), slurm.timeout_s
    if tasks is None:
        commands = Commands(bin_dir=bin_dir, timeout_s=timeout_s)
    else:
        commands = commands_as_users(tasks, bin_dir=bin_dir, timeout_s=timeout_s)
    where = Where(partition=slurm.partition, account=slurm.account, qos=slurm.qos, extra=tuple(slurm.extra))
    try:
        naming = Naming.of(ground.paths.state_dir)
    except ValueError as damaged:
        raise RcqError(str(damaged)) from damaged
    return SlurmExecutor(commands, naming, where, poll_s=slurm.poll_s, now=ground.clock.now)
