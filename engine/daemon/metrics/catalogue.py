"""Every metric that the engine gives to Prometheus: name, kind, meaning, labels, and whose eyes it is for.

docs/metrics.md shows the same table and a test holds the two against each other. Must not know where a figure is read.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal


class Part(Enum):
    """Whom a metric is for."""

    BOX = "box"
    """Everybody who is logged in: cards, queue, the machine."""
    ENGINE = "engine"
    """Admins: the engine's own passes, database and log-ins."""
    GROUPS = "groups"
    """Admins see each group, others their own."""
    ACCOUNTS = "accounts"
    """Where `metrics.accounts` is on: admins see each account, others those that a listing names to them."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Metric:
    """One of them. A counter's name ends in `_total`; counters and histograms begin at 0 with each engine.

    Those of a card's energy and errors begin at 0 with the driver.
    """

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    part: Part
    meaning: str
    labels: tuple[str, ...] = ()


def _gauge(name: str, part: Part, meaning: str, *labels: str) -> Metric:
    return Metric(name=f"rcq_{name}", kind="gauge", part=part, meaning=meaning, labels=labels)


def _counter(name: str, part: Part, meaning: str, *labels: str) -> Metric:
    return Metric(name=f"rcq_{name}_total", kind="counter", part=part, meaning=meaning, labels=labels)


def _histogram(name: str, part: Part, meaning: str) -> Metric:
    return Metric(name=f"rcq_{name}", kind="histogram", part=part, meaning=meaning)


_BOX, _ENGINE, _GROUPS, _ACCOUNTS = Part.BOX, Part.ENGINE, Part.GROUPS, Part.ACCOUNTS

_ALL = (
    _gauge("build_info", _BOX, "Always 1; what runs", "version", "python", "policy"),
    _gauge("healthy", _BOX, "1 if the engine is fit, as GET /healthz says; else 0"),
    _gauge("jobs", _BOX, "Jobs in each state, ended ones ever", "state"),
    _counter("jobs_submitted", _BOX, "Jobs taken in, elements of arrays each"),
    _counter("jobs_finished", _BOX, "Jobs that came to their final end, by cause", "cause"),
    _counter("preemptions", _BOX, "Attempts that ended because they were preempted"),
    _histogram("job_wait_seconds", _BOX, "From submission, or the end of what it waited for, to a job's first start"),
    _gauge("last_pass_timestamp_seconds", _BOX, "When the last good pass ended, Unix time"),
    _gauge("cpu_cores", _BOX, "Cores that jobs may have"),
    _gauge("cpu_cores_leased", _BOX, "Cores that jobs hold"),
    _gauge("memory_bytes", _BOX, "Host memory that jobs may have"),
    _gauge("memory_leased_bytes", _BOX, "Host memory that jobs hold"),
    _gauge("host_cpu_ratio", _BOX, "How busy all cores of the host are, 0 to 1"),
    _gauge("host_load1", _BOX, "Processes that wanted to run in the last minute, as uptime tells it"),
    _gauge("host_memory_bytes", _BOX, "Memory of the host"),
    _gauge("host_memory_used_bytes", _BOX, "Memory of the host in use"),
    _gauge("disk_bytes", _BOX, "Size of the disk with the engine's state"),
    _gauge("disk_free_bytes", _BOX, "Room on it"),
    _gauge("power_budget_watts", _BOX, "What all cards together may draw; not there without a budget"),
    _gauge("last_backup_timestamp_seconds", _BOX, "When the last backup of the database was made, Unix time"),
    _gauge("gpu_info", _BOX, "Always 1; what is behind a UUID", "uuid", "index", "model", "pci", "parent"),
    _gauge("gpu_state", _BOX, "1 for the state that the card is in, 0 for the others", "uuid", "state"),
    _gauge("gpu_jobs", _BOX, "Jobs that hold the card", "uuid"),
    _gauge("gpu_utilization_ratio", _BOX, "Part of the time in which it computed, 0 to 1", "uuid"),
    _gauge("gpu_temperature_celsius", _BOX, "Temperature", "uuid"),
    _gauge("gpu_memory_bytes", _BOX, "Memory of the card", "uuid"),
    _gauge("gpu_memory_used_bytes", _BOX, "Memory in use", "uuid"),
    _gauge("gpu_memory_foreign_bytes", _BOX, "Memory used by processes that rcq did not start", "uuid"),
    _gauge("gpu_power_watts", _BOX, "Power drawn", "uuid"),
    _gauge("gpu_power_limit_watts", _BOX, "Power limit in force", "uuid"),
    _counter("gpu_energy_joules", _BOX, "Energy since the driver was loaded", "uuid"),
    _gauge("gpu_sm_clock_hertz", _BOX, "Clock of the multiprocessors", "uuid"),
    _gauge("gpu_memory_clock_hertz", _BOX, "Clock of the memory", "uuid"),
    _gauge("gpu_throttled", _BOX, "1 for each reason that slows the card down now, else 0", "uuid", "reason"),
    _counter("gpu_ecc_errors", _BOX, "Memory errors since the driver was loaded", "uuid", "kind"),
    _counter(
        "gpu_xids", _BOX, "Xid events that the driver told of, by number; not there before the first", "uuid", "xid"
    ),
    _gauge("gpu_reading_timestamp_seconds", _BOX, "When the card was last read, Unix time", "uuid"),
    _gauge("backend_up", _BOX, "1 while who runs jobs (process, systemd, slurm) can be asked, else 0", "backend"),
    _gauge("backend_away_seconds", _BOX, "For how long it cannot be asked; 0 while it can", "backend"),
    _gauge(
        "slurm_jobs",
        _BOX,
        "Jobs handed to Slurm that wait in its queue or run",
        "state",
    ),
    _gauge("nodes", _BOX, "Machines of the cluster that take jobs, and that do not", "state"),
    _gauge("node_open", _BOX, "1 if the machine takes jobs, else 0", "node"),
    _gauge("node_cpu_cores", _BOX, "Cores of the machine", "node"),
    _gauge("node_cpu_cores_allocated", _BOX, "Cores that jobs hold in it: of rcq, of others", "node", "by"),
    _gauge("node_memory_bytes", _BOX, "Memory of the machine", "node"),
    _gauge("node_memory_allocated_bytes", _BOX, "Memory that jobs hold in it, whosever they are", "node"),
    _gauge("node_memory_free_bytes", _BOX, "Memory that its kernel calls free", "node"),
    _gauge("node_load1", _BOX, "Processes that want to run in it, as Slurm tells it", "node"),
    _gauge("node_gpus", _BOX, "Cards of a type in the machine", "node", "type"),
    _gauge("node_gpus_allocated", _BOX, "Of these, held by jobs: of rcq, of others", "node", "type", "by"),
    _histogram("pass_seconds", _ENGINE, "How long each good pass took, its commit included"),
    _counter("passes_failed", _ENGINE, "Passes that failed"),
    _gauge("pass_pending_groups", _ENGINE, "Groups of equal waiting jobs that the last pass looked at"),
    _gauge("pass_promised_jobs", _ENGINE, "Waiting jobs that the last pass promised a start to"),
    _counter("ingest_lines", _ENGINE, "Lines of ingested files, by what became of them", "result"),
    _counter("login_failures", _ENGINE, "Log-ins and changes of password that failed", "why"),
    _counter("commits", _ENGINE, "Transactions that the database took"),
    _gauge("commit_slowest_seconds", _ENGINE, "The slowest commit of the last minute; not there without one"),
    _gauge("event_loop_lag_seconds", _ENGINE, "By how much the event loop was late at worst in the last minute"),
    _gauge("event_streams", _ENGINE, "Event streams that are open"),
    _gauge("database_bytes", _ENGINE, "Size of the database"),
    _gauge("database_wal_bytes", _ENGINE, "Size of its write-ahead log"),
    _gauge(
        "group_usage_gpu_seconds",
        _GROUPS,
        "USAGE of rcq usage: what ran, halved with the half-life, and the expected run of what runs",
        "group",
    ),
    _gauge("group_share", _GROUPS, "The group's share, a weight among all", "group"),
    _gauge("group_gpus", _GROUPS, "GPUs that the group's jobs hold", "group"),
    _gauge("group_gpus_guaranteed", _GROUPS, "GPUs that are the group's own whenever it wants them", "group"),
    _gauge("group_gpus_limit", _GROUPS, "GPUs that it may hold at once; not there without a limit", "group"),
    _gauge("group_jobs_running", _GROUPS, "Its jobs that hold a lease", "group"),
    _gauge("group_jobs_waiting", _GROUPS, "Its jobs that wait", "group"),
    _gauge(
        "group_month_gpu_seconds",
        _GROUPS,
        "MONTH of rcq usage: this calendar month (UTC), expected runs included",
        "group",
    ),
    _gauge("group_month_limit_gpu_seconds", _GROUPS, "What it may use a month; not there without a limit", "group"),
    _gauge("account_usage_gpu_seconds", _ACCOUNTS, "USAGE of rcq usage, as of a group", "account", "group"),
    _gauge("account_gpus", _ACCOUNTS, "GPUs that the account's jobs hold", "account"),
    _gauge("account_jobs_running", _ACCOUNTS, "Its jobs that hold a lease", "account"),
    _gauge("account_jobs_waiting", _ACCOUNTS, "Its jobs that wait", "account"),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
"""By name. Beside them there are `process_*` of the engine's process, as the Prometheus library names them."""
