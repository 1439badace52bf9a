"""A control group of each machine's own: two systemds that shared one would take each other's units for theirs.

Must not know what runs in one.
"""

import os
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def make(name: str) -> list[Path]:
    """The machine's group in each hierarchy that systemd keeps units in."""
    groups = [place / name for place in _hierarchies()]
    for group in groups:
        group.mkdir(exist_ok=True)
    return groups


def remove(name: str) -> bool:
    """Take them away, with the empty ones that a machine left below; false while a process in there is still dying."""
    for group in [place / name for place in _hierarchies()]:
        for folder, _, _ in os.walk(group, topdown=False):
            try:
                os.rmdir(folder)  # noqa: PTH106 - a path of os.walk
            except OSError:
                return False
    return True


def _hierarchies() -> list[Path]:
    """The one of cgroup v2, and where the host has the old ones beside it, systemd's own."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    return [place for name in ("unified", "systemd") if (place := ROOT / name).is_dir()]
