"""The small files by which an attempt is claimed, found again, stopped and read: claim-N, run-N.json, stop-N, exit.

Standard library only: it is loaded by the supervisor. Must not know what the values mean. Every call takes an open
file descriptor of the job's directory, opens nothing but regular files in it and follows no link.
"""

import contextlib
import json
import os
import stat
from collections.abc import Mapping

MAX_BYTES = 64 * 1024
"""No record of ours comes near this; a larger file is somebody else's."""

EXIT = "exit"
Record = dict[str, object]


def open_directory(path: str) -> int:
    """A file descriptor of a job's directory. Raises OSError (also if its last part is a link)."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def claim(directory: int, attempt: int, claimant: Mapping[str, object]) -> bool:
    """Take the attempt and note who did; false if somebody already has. Raises OSError."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    try:
        handle = os.open(claim_name(attempt), flags, 0o600, dir_fd=directory)
    except FileExistsError:
        return False
    try:
        os.write(handle, json.dumps(claimant).encode() + b"\n")
    finally:
        os.close(handle)
    return True


def is_claimed(directory: int, attempt: int) -> bool:
    """Whether somebody has taken the attempt."""
    try:
        os.stat(claim_name(attempt), dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def claim_name(attempt: int) -> str:
    """The file that whoever runs the attempt makes first; there can be only one."""
    return f"claim-{attempt}"


def run_name(attempt: int) -> str:
    """The file that names the processes of an attempt."""
    return f"run-{attempt}.json"


def stop_name(attempt: int) -> str:
    """The file that asks for the end of an attempt."""
    return f"stop-{attempt}"


def of_attempt(path: str, attempt: int) -> Record:
    """The claim of an attempt, by the path of its job's directory; empty where there is none (yet)."""
    try:
        directory = open_directory(path)
    except OSError:
        return {}
    try:
        return read(directory, claim_name(attempt)) or {}
    finally:
        os.close(directory)


def write(directory: int, name: str, record: Mapping[str, object]) -> None:
    """Put a record in place whole or not at all. Raises OSError.

    Not forced onto the disk: after a power cut the boot id tells more than any record, and a torn one is none.
    """
    draft = f".{name}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft, dir_fd=directory)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    handle = os.open(draft, flags, 0o600, dir_fd=directory)
    try:
        os.write(handle, json.dumps(record).encode() + b"\n")
    finally:
        os.close(handle)
    os.rename(draft, name, src_dir_fd=directory, dst_dir_fd=directory)


def read(directory: int, name: str, owner: int | None = None) -> Record | None:
    """A record, or `None` where there is none, or something that is not a record of ours.

    owner: the user id that must have written it, if that matters.
    """
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    except OSError:
        return None
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink > 1 or facts.st_size > MAX_BYTES:
            return None
        if owner is not None and facts.st_uid != owner:
            return None
        found = json.loads(os.read(handle, MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    finally:
        os.close(handle)
    return found if isinstance(found, dict) else None
