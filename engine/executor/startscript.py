"""The few lines of shell that a unit runs first, read from a descriptor: they set the job's environment and become its
command. So nothing of either stands in the unit, which systemd shows to every user of the machine.

Must not know units or the launcher.
"""

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from engine.core.lifecycle import Cause
from engine.executor import records
from engine.ports import Ending

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OF_SHELLS = re.compile(r"BASHOPTS|BASHPID|BASH_VERSINFO|EUID|GROUPS|IFS|LINENO|OLDPWD|OPTIND|PPID|PWD|SHELLOPTS|UID|_")
"""Variables that mean something to one shell or another: they are set by `env`, after the shell."""
OF_SYSTEMD = "INVOCATION_ID JOURNAL_STREAM MEMORY_PRESSURE_WATCH MEMORY_PRESSURE_WRITE SYSTEMD_EXEC_PID"
NOWHERE = 96
"""The exit code of a node's script that could not enter the working directory."""
FAILED = {
    NOWHERE: "its working directory cannot be entered there: nodes need it under the same path, open to its Unix user",
    127: "command not found on the PATH of the job's Unix user; check the spelling or give its full path",
    126: "it cannot be run by the job's Unix user; check that it is executable, and what its log of errors says",
}
"""Exit codes of what could not become the command."""
FAILS_WITHIN_S = 5.0
"""It says so in a hundredth of a second; a busy machine and a slow directory server have time left."""


def text(argv: Sequence[str], environment: Mapping[str, str], mark: Path | None = None) -> bytes:
    """The script. mark: a file that it makes where it could not become the command."""
    plain = {
        name: value for name, value in environment.items() if NAME.fullmatch(name) and not OF_SHELLS.fullmatch(name)
    }
    others = [f"{name}={value}" for name, value in environment.items() if name not in plain]
    words = ["/usr/bin/env", *others, *by_env(argv)] if others else argv
    lines = [f"unset {OF_SYSTEMD}", *(f"export {name}={quoted(value)}" for name, value in plain.items())]
    if mark is not None:
        lines.append(f"trap {quoted(f': >{quoted(os.fspath(mark))}')} EXIT")
        lines.append('[ -z "$BASH_VERSION" ] || shopt -s execfail')  # else it would not heed the trap
    lines.append(f"exec {' '.join(map(quoted, words))} </dev/null")
    return os.fsencode("\n".join([*lines, "exit", ""]))


def descriptor(script: bytes) -> int:
    """A descriptor that the script is read from; the caller closes it. Raises OSError."""
    handle = os.memfd_create("start", os.MFD_CLOEXEC)
    try:
        with open(handle, "wb", closefd=False) as file:
            file.write(script)
        os.lseek(handle, 0, os.SEEK_SET)
    except OSError:
        os.close(handle)
        raise
    return handle


def mark_of(directory: Path, attempt: int) -> Path:
    """The file that tells that an attempt's script could not become its command."""
    return directory / f"unbegun-{attempt}"


def as_begun(ending: Ending, directory: Path) -> Ending:
    """The same ending, as a failed launch where the command was never begun.

    A job can say that of itself, and pay for nothing: only one that ended at once is believed.
    """
    why = FAILED.get(ending.exit_code or 0) if ending.cause is Cause.EXIT else None
    at_once = ending.started_at is not None and ending.ended_at - ending.started_at < FAILS_WITHIN_S
    if why is None or not at_once or not _is_marked(directory, ending.attempt):
        return ending
    return replace(ending, cause=Cause.LAUNCH_ERROR, exit_code=None, started_at=None, message=why)


def _is_marked(directory: Path, attempt: int) -> bool:
    with contextlib.suppress(OSError):
        place = records.open_directory(os.fspath(directory))
        try:
            os.stat(mark_of(directory, attempt).name, dir_fd=place, follow_symlinks=False)
        finally:
            os.close(place)
        return True
    return False


def by_env(argv: Sequence[str]) -> Sequence[str]:
    """A command as `env` is given it, which takes a program with `=` in its name (`./lr=0.1/run`) for a variable."""
    return ("/usr/bin/nice", "-n", "0", *argv) if "=" in argv[0] else argv


def quoted(word: str) -> str:
    """One word for a shell, whatever is in it."""
    return "'" + word.replace("'", "'\\''") + "'"
