"""Facts about this machine: cores and memory for jobs, the boot's id, the clock. Must not know jobs."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from config.settings import SchedulingSettings
from engine.core.snapshot import Host

MEMORY_SHARE = 0.95
"""Of the host's memory, where the settings name none: the rest is for the system and the engine."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


STEP_S = 1.0
"""A clock that is off by less was slowed or hurried on, which is nothing to tell anybody."""


class SystemClock:
    """The machine's own clock, which never jumps by itself: where that was set, this one follows when it is told to.

    wall, steady: where Unix seconds and the seconds that really pass come from. steady_only: the same time as it would
    be had the clock never been set; corrected_s: how far this one has moved away from it since.
    """

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._steady = steady
        self._ahead_s = wall() - steady()
        self.steady_only = SteadyClock(steady, self._ahead_s)

    def now(self) -> float:
        """Unix seconds."""
        return self._steady() + self._ahead_s

    @property
    def corrected_s(self) -> float:
        """Seconds between a time of `steady_only` and the same moment on this clock."""
        return self._ahead_s - self.steady_only.ahead_s

    def follow(self) -> float:
        """Show what the machine's clock shows now; the seconds of the jump that this is, 0 where it is none."""
        off_s = self._wall() - self.now()
        self._ahead_s += off_s
        return off_s if abs(off_s) >= STEP_S else 0.0


class SteadyClock:
    """Goes on evenly, whatever is done to the machine's clock. ahead_s: seconds from `steady` to Unix seconds."""

    def __init__(self, steady: Callable[[], float], ahead_s: float) -> None:
        self._steady = steady
        self.ahead_s = ahead_s

    def now(self) -> float:
        """Unix seconds by the clock as it was set when the engine started."""
        return self._steady() + self.ahead_s


def host_of(settings: SchedulingSettings) -> Host:
    """What the machine offers to jobs: as the settings say, else the cores this process may use and most memory."""
    cores = settings.cpu_cores or len(os.sched_getaffinity(0))
    memory = settings.memory_mb or int(psutil.virtual_memory().total / 2**20 * MEMORY_SHARE)
    return Host(cpu_cores=cores, memory_mb=memory)


def boot_id() -> str:
    """Changes with every start of the machine."""
    return BOOT_ID.read_text().strip()
