"""A job's own directory and what is put there before it runs: the directory itself and its script.

Must not know how a job is started or what it leaves behind.
"""

import contextlib
import errno
import os
from pathlib import Path

from engine.core.model import JobId
from engine.executor import accesslist, records
from engine.ports import CannotLaunch
from engine.protocol.fields import JobFields

JOBS = "jobs"
CODE = "code"
"""Where the code that was captured at submission is, in a job's directory."""


def path_of(state_dir: Path, job: JobId) -> Path:
    """Where a job's files are. Raises ValueError where the id could name another place."""
    if not job or not all(one.isalnum() or one in "_-[]." for one in job) or job.startswith("."):
        raise ValueError(f"{job!r} is no job id")
    return state_dir / JOBS / job


def make(state_dir: Path, job: JobId, uid: int | None = None) -> Path:
    """Make a job's directory (mode 0700) unless it is there, and return it. Raises OSError, ValueError, CannotLaunch.

    uid: the Unix user that the job runs as, if it is another than the engine's: it may do everything in there, too.
    """
    path = path_of(state_dir, job)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if uid is not None:
        _share(path, uid)
    return path


def workdir_of(directory: Path, fields: JobFields) -> Path:
    """Where a job runs: in its captured code, else where it asked to, else in its own directory."""
    if fields.snapshot is not None:
        return directory / CODE / fields.snapshot.subdir
    return Path(fields.workdir) if fields.workdir else directory


def write_script(directory: Path, text: str) -> Path:
    """Put a job's script in its directory, in place of what had that name. Raises OSError.

    Whoever may enter the directory may read and run it; its access list says who else that is.
    """
    path = directory / "script"
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o755)
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode(errors="surrogateescape"))
    return path


def _share(path: Path, uid: int) -> None:
    handle = records.open_directory(str(path))
    try:
        accesslist.share(handle, [uid])
    except OSError as problem:
        if problem.errno != errno.ENOTSUP:
            raise
        told = (
            f"{path} cannot be opened to the job's Unix user: its file system keeps no POSIX access lists. Mount it "
            "with them (acl; NFS has them up to version 3), or set engine.state_dir to a place on ext4, xfs or btrfs."
        )
        raise CannotLaunch(told) from problem
    finally:
        os.close(handle)
