"""Starting a job's first process: its output files, working directory, program and a clean slate of signals.

Standard library only: it is loaded by the supervisor. Must not know attempts, records or time limits.
"""

import contextlib
import errno
import os
import signal
import stat
from collections.abc import Mapping

DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
RESET = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}

MEANINGS = {
    errno.ENOEXEC: "is not a program; a script needs a first line such as #!/bin/bash",
    errno.ENOENT: "cannot be run: the interpreter in its first line does not exist",
    errno.E2BIG: "cannot be run: its arguments and environment are too long for the kernel",
}


class LaunchError(Exception):
    """The job could not be started; the message (cut at 1000 characters) says what is missing and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message if len(message) <= 1000 else message[:1000] + "…")


def spawn(argv: list[str], environment: Mapping[str, str], workdir: str, directory: int) -> int:
    """Start `argv` as leader of its own session, output appended to the two logs in `directory`; returns its pid.

    Leaves the caller in `/`. Raises LaunchError.
    """
    _enter(workdir)
    try:
        program = located(argv[0], environment.get("PATH", DEFAULT_PATH))
        with contextlib.ExitStack() as open_files:
            actions = _redirections(directory, open_files)
            return os.posix_spawn(
                program, argv, environment, file_actions=actions, setsid=True, setsigmask=(), setsigdef=RESET
            )
    except OSError as problem:
        raise LaunchError(f"{argv[0]} {MEANINGS.get(problem.errno or 0, 'cannot be run: ' + _why(problem))}") from None
    except ValueError as problem:
        raise LaunchError(f"the command or its environment cannot be passed to a program: {problem}") from None
    finally:
        os.chdir("/")


def _enter(workdir: str) -> None:
    try:
        os.chdir(workdir)
    except FileNotFoundError:
        raise LaunchError(f"the working directory {workdir} does not exist; make it or choose another") from None
    except (OSError, ValueError) as problem:
        raise LaunchError(f"the working directory {workdir} cannot be entered: {problem}") from None


def located(name: str, search: str) -> str:
    """The program's path, relative to the working directory where the name is. Looks where the job itself would.

    Raises LaunchError.
    """
    places = [name] if "/" in name else [f"{place or '.'}/{name}" for place in search.split(":")]
    files = [place for place in places if os.path.isfile(place)]  # noqa: PTH113 (this runs for every start)
    for place in files:
        if os.access(place, os.X_OK):
            return place
    if files:
        raise LaunchError(f"not executable: {files[0]}; set it with chmod +x, or name its interpreter first")
    if os.path.isdir(name) and "/" in name:  # noqa: PTH112 (likewise)
        raise LaunchError(f"not executable: {name} is a directory; name the program in it")
    where = "" if "/" in name else f" in PATH={search}"
    raise LaunchError(f"command not found: {name}{where}; check the spelling or give its full path")


def _redirections(directory: int, open_files: contextlib.ExitStack) -> list[tuple[int, int, int]]:
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    open_files.callback(os.close, null)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0)]
    for number, name in ((1, "stdout.log"), (2, "stderr.log")):
        handle = _open_log(name, directory)
        open_files.callback(os.close, handle)
        actions.append((os.POSIX_SPAWN_DUP2, handle, number))
    return actions


def _open_log(name: str, directory: int) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(name, flags, 0o600, dir_fd=directory)
    except OSError as problem:
        raise LaunchError(f"{name} cannot be opened in the job's directory: {_why(problem)}; remove it") from None
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink > 1:  # an earlier attempt may have put the database there
        os.close(handle)
        raise LaunchError(f"{name} in the job's directory is not a regular file of its own; remove it")
    os.set_blocking(handle, True)
    return handle


def _why(problem: OSError) -> str:
    return problem.strerror or str(problem)
