"""One attempt that runs as a unit: its time limit, its warning, its standing still, and what it left behind.

Owned by the event loop. Must not talk to the launcher itself: what is to be done is handed in.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.core.lifecycle import Cause
from engine.executor import records, tree, unitfiles
from engine.executor.unitstate import Unit
from engine.ports import Launch, Process, Running

GROUPS = Path("/sys/fs/cgroup")
PAUSED_MOST_S = 7 * 86_400.0
"""By so much systemd's own limit is longer where the engine keeps the limit, as a job may stand still meanwhile."""
ROUNDED_S = 2.0
"""So much systemd may round a limit when it reads its own files again."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Limits:
    """What an attempt was allowed, kept in its directory for the next engine.

    limit_s: seconds it may run; kept: the engine ends it then, as systemd's clock does not stand still with it.
    pid: of the process that was adopted.
    """

    limit_s: float
    warn_before_s: float = 0.0
    grace_s: float = 30.0
    kept: bool = False
    user: str = ""
    cores: tuple[int, ...] = ()
    pid: int | None = None

    @classmethod
    def of(cls, launch: Launch, *, kept: bool) -> "Limits":
        """Of what is about to be started."""
        return cls(
            limit_s=launch.time_limit_s,
            warn_before_s=launch.warn_before_s,
            grace_s=launch.grace_s,
            kept=kept,
            user=launch.user or "",
            cores=launch.cores,
            pid=launch.adopt.pid if launch.adopt else None,
        )

    @classmethod
    def noted(cls, directory: Path, unit: Unit) -> "Limits":
        """As an earlier engine left them. A job that removes that, or moves another there, gains nothing."""
        found = unitfiles.noted(directory, records.run_name(unit.attempt))
        try:
            limits = cls(**{**found, "cores": tuple(found["cores"])})  # type: ignore[arg-type]  # the engine's own record
            if abs(limits.net_s - unit.limit_s) < ROUNDED_S:
                return limits
        except (KeyError, TypeError):
            pass
        kept = unit.limit_s > PAUSED_MOST_S
        return cls(limit_s=unit.limit_s - (PAUSED_MOST_S if kept else 0.0), kept=kept)

    @property
    def net_s(self) -> float:
        """For how long systemd lets it run."""
        return self.limit_s + (PAUSED_MOST_S if self.kept else 0.0)


@dataclass(slots=True, kw_only=True)
class Attempt:
    """An attempt under way. ends: is called when its time is up; warns: with the processes that want the warning."""

    unit: Unit
    running: Running
    directory: Path
    limits: Limits
    ends: Callable[["Attempt"], None]
    warns: Callable[["Attempt", list[int]], None]
    program: str = ""
    cause: Cause | None = None
    clearing: bool = False
    killed: bool = False
    _stands_from: float = 0.0
    _timers: list[asyncio.TimerHandle] = field(default_factory=list)
    _kill: asyncio.TimerHandle | None = None

    @property
    def keeps_limit(self) -> bool:
        """Whether its time limit can stand still."""
        return self.limits.kept

    @property
    def is_untold(self) -> bool:
        """Whether it ended by itself: nobody told it to, and its time was not up."""
        return self.cause is None and self.unit.told.get("Result") != "timeout"

    def walk(self) -> None:
        """From now on its clock runs."""
        ran_s = time.monotonic() - self.unit.ran_since_s if self.unit.ran_since_s else 0.0
        left_s = self.limits.limit_s + self.running.paused_s - ran_s
        loop = asyncio.get_running_loop()
        if self.limits.kept:
            self._timers.append(loop.call_later(max(0.0, left_s), self.ends, self))
        if 0 < self.limits.warn_before_s < self.limits.limit_s and not self._was_warned():
            self._timers.append(loop.call_later(max(0.0, left_s - self.limits.warn_before_s), self._warn))

    def stand_still(self) -> None:
        """It was frozen; its clock stands, over a restart of the engine too."""
        if self.running.paused_since is None:
            self.rest()
            self._stands_from = time.monotonic()
            self.running = replace(self.running, paused_since=time.time())
            self._note_pause()

    def walk_on(self) -> None:
        """It was thawed."""
        if self.running.paused_since is not None:
            stood_s = self.running.paused_s + max(0.0, time.monotonic() - self._stands_from)
            self.running = replace(self.running, paused_since=None, paused_s=stood_s)
            self._note_pause()
            self.walk()

    def take_up_pause(self) -> None:
        """As an earlier engine noted it, and as systemd tells that it stands."""
        found = unitfiles.noted(self.directory, _paused_name(self.unit.attempt))
        since, total_s = found.get("since_boot"), found.get("total_s")
        now, now_boot = time.time(), time.monotonic()
        ran_s = max(0.0, now - self.running.started_at)  # it never stood still for longer, whatever lies there
        stands_s = min(ran_s, max(0.0, now_boot - since)) if isinstance(since, int | float) else 0.0
        self._stands_from = now_boot - stands_s
        self.running = replace(
            self.running,
            paused_since=now - stands_s if self.unit.told.get("FreezerState") == "frozen" else None,
            paused_s=max(0.0, min(ran_s, total_s)) if isinstance(total_s, int | float) else 0.0,
        )

    def kill_after(self, grace_s: float, kill: Callable[["Attempt"], None]) -> None:
        """Call `kill` then, if nothing nearer was said before."""
        at = asyncio.get_running_loop().time() + grace_s
        if self._kill is None or at < self._kill.when():
            if self._kill is not None:
                self._kill.cancel()
            self._kill = asyncio.get_running_loop().call_at(at, kill, self)

    def rest(self) -> None:
        """Its clock stands, or is not needed any more."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def end(self) -> None:
        """Nothing more is to happen to it."""
        self.rest()
        if self._kill is not None:
            self._kill.cancel()

    def _warn(self) -> None:
        wanting = tree.wanting(pids_of(self.unit.group), signal.SIGUSR1)
        if self.cause is None and wanting:
            self.warns(self, wanting)

    def _was_warned(self) -> bool:
        return unitfiles.noted(self.directory, warned_name(self.unit.attempt)) != {}

    def _note_pause(self) -> None:
        """On a full disk it is not noted; the attempt stands still, or goes on, all the same."""
        still = self.running.paused_since is not None
        record = {"since_boot": self._stands_from if still else None, "total_s": self.running.paused_s}
        with contextlib.suppress(OSError):
            unitfiles.note(self.directory, _paused_name(self.unit.attempt), record)


def pids_of(group: str) -> list[int]:
    """The processes of a control group and of those below it; none where it is gone."""
    if not group.startswith("/"):
        return []
    found: list[int] = []
    for listed in (GROUPS / group.lstrip("/")).rglob("cgroup.procs"):
        try:
            found += [int(pid) for pid in listed.read_text().split()]
        except OSError:  # removed meanwhile
            continue
    return found


def with_below(first: Process) -> list[tuple[int, int]]:
    """A process and all that descends from it: their numbers, each with its start."""
    return [
        (first.pid, first.start),
        *((one.pid, one.start) for one in tree.descendants([first.pid], tree.all_processes())),
    ]


def stop_cause(directory: Path, attempt: int) -> Cause | None:
    """Why an earlier engine told it to stop."""
    try:
        return Cause(str(unitfiles.noted(directory, records.stop_name(attempt)).get("cause")))
    except ValueError:
        return None


def warned_name(attempt: int) -> str:
    """The record that the warning was given."""
    return f"warned-{attempt}"


def _paused_name(attempt: int) -> str:
    return f"paused-{attempt}"
