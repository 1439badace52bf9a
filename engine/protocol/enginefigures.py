"""How the engine itself does: its last passes, its event loop, its database, its timers; for admins.

Must not know how any of it is measured or drawn.
"""

from dataclasses import dataclass


@dataclass(slots=True, frozen=True, kw_only=True)
class PassView:
    """One pass. at: when it ended (Unix seconds). seconds: how long it took, its commit included.

    pending: jobs that waited when it began, in so many `groups` of equal ones. started: jobs that it started; stopped:
    running ones that it told to stop for others; promised: waiting ones that got a start to come; held: the rest of
    those that it looked at.
    """

    at: float
    seconds: float
    pending: int
    groups: int
    started: int
    stopped: int
    promised: int
    held: int


@dataclass(slots=True, frozen=True, kw_only=True)
class TimerView:
    """Something that the engine does from time to time. every_s: `None` for what is due once. next_at: Unix seconds."""

    name: str
    every_s: float | None
    next_at: float | None


@dataclass(slots=True, frozen=True, kw_only=True)
class EngineView:
    """The engine's process and its database at `now` (Unix seconds); `None`: not known.

    memory_mb: of its process, MiB. loop_lag_s: by how many seconds the event loop was late at worst in the last minute.
    commits: since the start; commit_s: how long the last one took, slowest_commit_s: the slowest of the last minute.
    database_mb, wal_mb: MiB on disk of the database and of its write-ahead log. followers: event streams that are open.
    last_backup_at: Unix seconds. trouble: why the engine cannot do its work now. failed_passes: since the start.
    """

    version: str
    now: float
    pid: int
    started_at: float
    memory_mb: int | None
    loop_lag_s: float
    commits: int
    commit_s: float | None
    slowest_commit_s: float | None
    passes: int
    failed_passes: int
    database_mb: float | None
    wal_mb: float | None
    last_backup_at: float | None
    followers: int
    trouble: str | None
    timers: list[TimerView]
