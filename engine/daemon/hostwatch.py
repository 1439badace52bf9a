"""What the whole machine has to give: CPU, memory, load, room for the engine's files. Must not know jobs or cards."""

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

MIB = 2**20


@dataclass(slots=True, frozen=True, kw_only=True)
class HostFigures:
    """Of one look; `None`: unknown. cpu: how busy all cores are, 0 to 1. load1: processes that want to run. MiB."""

    cpu: float | None = None
    load1: float | None = None
    memory_used_mb: int | None = None
    memory_total_mb: int | None = None
    disk_free_mb: int | None = None
    disk_total_mb: int | None = None


class HostWatch:
    """Looks when its timer says so, in a thread: a disk that hangs keeps nobody else. now: what it saw last."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._looked = False
        self.now = HostFigures()

    async def look(self) -> None:
        """Look once."""
        self.now = await asyncio.to_thread(self._figures)

    def _figures(self) -> HostFigures:
        cpu = psutil.cpu_percent(interval=None) / 100
        known, self._looked = self._looked, True
        memory = psutil.virtual_memory()
        free_mb, total_mb = _disk_mb(self._state_dir)
        return HostFigures(
            cpu=cpu if known else None,  # it tells of the time since the look before
            load1=os.getloadavg()[0],
            memory_used_mb=(memory.total - memory.available) // MIB,
            memory_total_mb=memory.total // MIB,
            disk_free_mb=free_mb,
            disk_total_mb=total_mb,
        )


def _disk_mb(place: Path) -> tuple[int | None, int | None]:
    try:
        disk = shutil.disk_usage(place)
    except OSError:
        return None, None
    return disk.free // MIB, disk.total // MIB
