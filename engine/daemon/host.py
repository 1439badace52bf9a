"""Facts about this machine: cores and memory for jobs, the boot's id, the clock. Must not know jobs."""

import os
import time
from pathlib import Path

import psutil

from config.settings import SchedulingSettings
from engine.core.snapshot import Host

MEMORY_SHARE = 0.95
"""Of the host's memory, where the settings name none: the rest is for the system and the engine."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()


def host_of(settings: SchedulingSettings) -> Host:
    """What the machine offers to jobs: as the settings say, else the cores this process may use and most memory."""
    cores = settings.cpu_cores or len(os.sched_getaffinity(0))
    memory = settings.memory_mb or int(psutil.virtual_memory().total / 2**20 * MEMORY_SHARE)
    return Host(cpu_cores=cores, memory_mb=memory)


def boot_id() -> str:
    """Changes with every start of the machine."""
    return BOOT_ID.read_text().strip()
