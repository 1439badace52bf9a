"""Folders that are made once and kept: each is named by what it was made from, and is there completely or not at all.

Two test runs at once make none twice. Must not know what is in a layer.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.packaging.machine import isolation

in_use: list[int] = []


def home() -> Path:
    """Where layers are kept: `RCQ_TEST_MACHINES`, else a folder that outlives the run."""
    return Path(os.environ.get("RCQ_TEST_MACHINES") or Path(tempfile.gettempdir()) / "rcq-test-machines")


def key(*parts: str | bytes) -> str:
    """A name for what these parts make."""
    joined = b"\0".join(part.encode() if isinstance(part, str) else part for part in parts)
    return hashlib.sha256(joined).hexdigest()[:16]


def layer(name: str, made_from: str, make: Callable[[Path], None]) -> Path:
    """The folder `name-made_from`, made by `make(empty folder)` unless it is there; older ones of that name go."""
    home().mkdir(mode=0o755, parents=True, exist_ok=True)
    place = home() / f"{name}-{made_from}"
    with (home() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            for old in home().glob(f"{name}-*"):
                remove_unused(old)
            fresh = home() / f"{name}-unfinished"
            fresh.mkdir()
            make(fresh)
            fresh.rename(place)
        use(place)
    return place


def use(place: Path) -> None:
    """Others leave it alone until this process ends."""
    mark = os.open(place, os.O_RDONLY)
    fcntl.flock(mark, fcntl.LOCK_SH)
    in_use.append(mark)


def remove_unused(place: Path) -> None:
    """Take it away unless a test runs on it."""
    mark = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        isolation.remove(place)
    except BlockingIOError:
        return
    finally:
        os.close(mark)
