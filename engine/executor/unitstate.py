"""What systemd tells of a job's unit, and what that means: does it run, how did it end?

Pure. Must not know the launcher, nor what the engine asked for.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.ports import Ending

UNIT = re.compile(r"rcq-job-([0-9]+)\.(service|scope)")
DESCRIPTION = re.compile(r"rcq job [0-9]+, attempt ([0-9]+)")
USEC = 1e6
EXITED, KILLED, DUMPED = 1, 2, 3
"""`ExecMainCode`, as waitid tells: CLD_EXITED, CLD_KILLED, CLD_DUMPED."""
NOT_SET = 1 << 63
STEP_S = 2.0
"""A clock that is further off than this has been set."""
EARLY_S = 0.05
"""So much earlier than the limit systemd's timer may be told to have fired."""

LEAST_OWN = 200
UNBEGUN = {
    200: "its working directory cannot be entered; check that it exists and may be read by the job's Unix user",
    203: "its program cannot be run; check that it exists and is executable",
    216: "its Unix group cannot be taken on",
    217: "its Unix user is not known to the machine",
}
"""Exit statuses by which systemd tells what it could not do before the program ran (systemd.exec(5))."""
UNSEEN = "the adopted process has ended; its exit code is known to its own parent only"
OVER = "it used more host memory than it asked for and was ended by the kernel; ask for more (--memory)"


class Phase(Enum):
    """Where a unit stands. LEFT: its first process has ended well, others may be left. ENDED: nothing of it runs."""

    RUNNING = auto()
    LEFT = auto()
    STOPPING = auto()
    ENDED = auto()


PHASES = {
    "active": Phase.RUNNING,
    "reloading": Phase.RUNNING,
    "activating": Phase.RUNNING,
    "deactivating": Phase.STOPPING,
}


@dataclass(slots=True, frozen=True, kw_only=True)
class Unit:
    """A unit of one attempt, as it was told. `told` has systemd's own names."""

    name: str
    job: JobId
    attempt: int
    told: Mapping[str, object]

    @classmethod
    def of(cls, told: Mapping[str, object]) -> "Unit | None":
        """`None` for what is no job's unit, is gone, or could not be made."""
        name = UNIT.fullmatch(str(told.get("unit")))
        described = DESCRIPTION.fullmatch(str(told.get("Description")))
        if name is None or described is None:
            return None
        unit = cls(name=name[0], job=JobId(name[1]), attempt=int(described[1]), told=told)
        return None if unit._is_unmade else unit

    @property
    def _is_unmade(self) -> bool:
        """systemd had no room to write it down: it knows the name and nothing else, and starts nothing."""
        never_ran = not self.number("InactiveEnterTimestampMonotonic") and not self.number("ExecMainPID")
        return never_ran and self.told.get("LoadState") == "not-found" and self.told.get("ActiveState") == "inactive"

    @property
    def is_scope(self) -> bool:
        """It holds processes that were adopted."""
        return self.name.endswith(".scope")

    @property
    def phase(self) -> Phase:
        """Where it stands."""
        if self.told.get("SubState") == "exited":
            return Phase.LEFT
        active = str(self.told.get("ActiveState"))
        if active == "inactive" and not self.number("InactiveEnterTimestampMonotonic"):
            return Phase.RUNNING  # it was just made: systemd is about to start it
        return PHASES.get(active, Phase.ENDED)

    @property
    def began(self) -> bool:
        """Whether its program ever ran; systemd tells by a status of its own what it could not do before."""
        if self.is_scope or self.number("ActiveEnterTimestamp"):
            return True
        unmade = self.number("ExecMainCode") == EXITED and self.number("ExecMainStatus") >= LEAST_OWN
        return self.number("ExecMainPID") > 0 and not unmade

    @property
    def main_ended(self) -> bool:
        """Whether its first process has ended, whatever is left."""
        return not self.is_scope and self.number("ExecMainCode") > 0

    @property
    def group(self) -> str:
        """Its control group, from the root of all; empty where it has none any more."""
        return str(self.told.get("ControlGroup") or "")

    @property
    def pid(self) -> int | None:
        """Of its first process."""
        return self.number("ExecMainPID") or None

    @property
    def started_at(self) -> float:
        """Unix seconds."""
        return self.number(self._start) / USEC

    @property
    def ran_since_s(self) -> float:
        """When it began, in seconds of the clock that is never set."""
        return self.number(f"{self._start}Monotonic") / USEC

    @property
    def limit_s(self) -> float:
        """For how long systemd lets it run."""
        return self.number("RuntimeMaxUSec") / USEC

    def began_at(self, now: float, since_boot: float) -> float:
        """Unix seconds by the clock of today, which may have been set since. now, since_boot: the same moment.

        Of a unit that is told before its program began, and of one whose program never did, it is that moment.
        """
        if not self.ran_since_s:
            return now
        by_today = now - (since_boot - self.ran_since_s)
        return by_today if abs(by_today - self.started_at) > STEP_S else self.started_at

    @property
    def ran_s(self) -> float:
        """For how long it ran, however the clock was set meanwhile; 0 while it does."""
        ended = max(self.number("ExecMainExitTimestampMonotonic"), self.number("InactiveEnterTimestampMonotonic"))
        return max(0.0, ended / USEC - self.ran_since_s)

    @property
    def _start(self) -> str:
        return "ActiveEnterTimestamp" if self.is_scope else "ExecMainStartTimestamp"

    def number(self, name: str) -> int:
        """A figure; 0 where it is not told or not set."""
        value = self.told.get(name)
        return value if isinstance(value, int) and 0 <= value < NOT_SET else 0

    def ending(self, stopped_for: Cause | None, now: float, began_at: float | None = None) -> Ending:
        """How it ended. stopped_for: why it was told to. began_at, now: Unix seconds; its end is counted from there."""
        cause, message = self._cause()
        code, status = self.number("ExecMainCode"), self.number("ExecMainStatus")
        started_at = (self.started_at if began_at is None else began_at) if self.began else None
        return Ending(
            job=self.job,
            attempt=self.attempt,
            cause=stopped_for or cause,
            exit_code=status if code == EXITED and self.began else None,
            signal=status if code in (KILLED, DUMPED) else None,
            started_at=started_at,
            ended_at=now if started_at is None else started_at + self.ran_s,
            message=None if stopped_for else message,
        )

    def _cause(self) -> tuple[Cause, str | None]:
        result = self.told.get("Result")
        if not self.began:
            status = self.number("ExecMainStatus")
            why = UNBEGUN.get(status, f"systemd could not start it ({result}, status {status})")
            return Cause.LAUNCH_ERROR, why
        if result == "oom-kill":
            return Cause.OUT_OF_MEMORY, OVER
        if result == "timeout" and self.ran_s >= self.limit_s - EARLY_S:
            return Cause.TIME_LIMIT, None
        if self.is_scope:
            return Cause.EXIT, UNSEEN
        return (Cause.EXIT if self.number("ExecMainCode") == EXITED else Cause.SIGNAL), None
