"""A job's own directory and what is put there before it runs: the directory itself and its script.

Must not know how a job is started or what it leaves behind.
"""

import contextlib
import os
from pathlib import Path

from engine.core.model import JobId

JOBS = "jobs"


def path_of(state_dir: Path, job: JobId) -> Path:
    """Where a job's files are. Raises ValueError where the id could name another place."""
    if not job or not all(one.isalnum() or one in "_-[]." for one in job) or job.startswith("."):
        raise ValueError(f"{job!r} is no job id")
    return state_dir / JOBS / job


def make(state_dir: Path, job: JobId) -> Path:
    """Make a job's directory (mode 0700) unless it is there, and return it. Raises OSError, ValueError."""
    path = path_of(state_dir, job)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_script(directory: Path, text: str) -> Path:
    """Put a job's script in its directory (mode 0700), in place of what had that name. Raises OSError."""
    path = directory / "script"
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o700)
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode(errors="surrogateescape"))
    return path
