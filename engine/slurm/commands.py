"""Runs Slurm's commands, with an environment of their own and for so long at most. Must not know what they print.

Who runs them is a `Runner`: the engine's own user here; another one may have them run as a job's owner.
"""

import asyncio
import contextlib
import errno
import os
import pwd
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, TypedDict

from engine.slurm.errors import SHUT_IN, SlurmAway, SlurmRefused, refusal

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DIES_WITHIN_S = 2.0


class Finished(NamedTuple):
    """A command that has ended."""

    code: int
    stdout: bytes
    stderr: bytes


class Runner(Protocol):
    """Whoever runs a command to its end."""

    async def run(
        self, argv: Sequence[str], *, stdin: bytes, user: str | None, environment: Mapping[str, str], timeout_s: float
    ) -> Finished:
        """Run it as that Unix user, `None` for the engine's own, in `/`.

        Raises SlurmAway where it takes longer (it is killed then) or cannot be run; SlurmRefused where it will never be
        run as that user.
        """
        ...


class OwnRunner:
    """Runs commands as the engine's own user; as others only where that is root."""

    async def run(
        self, argv: Sequence[str], *, stdin: bytes, user: str | None, environment: Mapping[str, str], timeout_s: float
    ) -> Finished:
        """Run it; with everything that it started it is killed after `timeout_s`."""
        _look_for_a_network(argv[0])
        try:
            with _as_file(stdin) as given:
                process = await asyncio.create_subprocess_exec(
                    *argv, stdin=given, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                    env=dict(environment), cwd="/", start_new_session=True, **_person(user),
                )  # fmt: skip
        except OSError as problem:
            raise SlurmAway(f"{argv[0]} cannot be run: {problem.strerror or problem}") from problem
        try:
            async with asyncio.timeout(timeout_s):
                stdout, stderr = await process.communicate()
        except TimeoutError as late:
            raise SlurmAway(f"{argv[0]} did not end within {timeout_s:g} s") from late
        finally:
            if process.returncode is None:
                await _kill(process)
        return Finished(process.returncode or 0, stdout, stderr)


class Commands:
    """Slurm's commands. bin_dir: where they are, PATH if empty. conf: the slurm.conf, Slurm's own choice if empty.

    timeout_s: seconds that one may take.
    """

    def __init__(
        self, runner: Runner | None = None, *, bin_dir: str = "", conf: str | None = None, timeout_s: float = 20.0
    ) -> None:
        self._runner = runner or OwnRunner()
        self._bin_dir = bin_dir
        self._timeout_s = timeout_s
        self._environment = environment(conf)

    async def run(self, program: str, *arguments: str, stdin: bytes = b"", user: str | None = None) -> str:
        """What it printed. Raises SlurmAway, SlurmRefused."""
        argv = [_placed(program, self._bin_dir), *arguments]
        done = await self._runner.run(
            argv, stdin=stdin, user=user, environment=self._environment, timeout_s=self._timeout_s
        )
        if done.code != 0:
            raise refusal(program, done.code, done.stderr.decode(errors="replace"))
        return done.stdout.decode(errors="replace")

    def run_now(self, program: str, *arguments: str) -> str:
        """The same as the engine's own user, for a thread: waits for its end. Raises SlurmAway, SlurmRefused."""
        argv = [_placed(program, self._bin_dir), *arguments]
        return run_now(argv, timeout_s=self._timeout_s, env=self._environment)


def run_now(argv: Sequence[str], *, timeout_s: float, env: Mapping[str, str] | None = None) -> str:
    """Run one of Slurm's commands and wait for it; for threads. Raises SlurmAway, SlurmRefused."""
    _look_for_a_network(argv[0])
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(environment() if env is None else env), cwd="/", start_new_session=True,
        )  # fmt: skip
    except OSError as problem:
        raise SlurmAway(f"{argv[0]} cannot be run: {problem.strerror or problem}") from problem
    with process:
        try:
            stdout, stderr = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as late:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise SlurmAway(f"{argv[0]} did not end within {timeout_s:g} s") from late
    if process.returncode != 0:
        raise refusal(Path(argv[0]).name, process.returncode, stderr.decode(errors="replace"))
    return stdout.decode(errors="replace")


def environment(conf: str | None = None) -> dict[str, str]:
    """All that a command sees: no setting of whoever started the engine changes what it does.

    What sbatch sees is what a job starts with, so that it is as little as can be. Times are printed in Unix seconds
    where a command heeds that.
    """
    found = {
        "PATH": os.environ.get("PATH", DEFAULT_PATH), "LC_ALL": "C", "TZ": "UTC", "SLURM_TIME_FORMAT": "%s",
    }  # fmt: skip
    if conf := conf or os.environ.get("SLURM_CONF"):
        found["SLURM_CONF"] = conf
    return found


def _as_file(text: bytes) -> BinaryIO:
    """Something to read it from. No pipe: a command may end before it has read one to its end."""
    file = os.fdopen(os.memfd_create("stdin", os.MFD_CLOEXEC), "w+b")
    file.write(text)
    file.seek(0)
    return file


def name_in_slurm(user: str | None) -> str:
    """What Slurm calls a Unix user, `None` for this process's: by its number, which may have several names."""
    try:
        return pwd.getpwuid(os.geteuid() if user is None else pwd.getpwnam(user).pw_uid).pw_name
    except KeyError:
        return user or str(os.geteuid())


def _look_for_a_network(program: str) -> None:
    """Raises SlurmAway where systemd lets this process make none: Slurm would try for ten seconds, and not say why."""
    shut = 0
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.socket(family, socket.SOCK_DGRAM).close()
        except OSError as problem:
            shut += problem.errno == errno.EAFNOSUPPORT
    if shut == 2:
        raise SlurmAway(f"{program}: {SHUT_IN}")


def _placed(program: str, bin_dir: str) -> str:
    return str(Path(bin_dir) / program) if bin_dir else program


class _Person(TypedDict, total=False):
    """The arguments by which a process becomes another user's."""

    user: int
    group: int
    extra_groups: list[int]


def _person(user: str | None) -> _Person:
    if user is None:
        return {}
    try:
        entry = pwd.getpwnam(user)
    except KeyError as unknown:
        raise SlurmRefused(f"there is no Unix user {user} on this host") from unknown
    if entry.pw_uid == os.geteuid():
        return {}
    if os.geteuid() != 0:
        raise SlurmRefused(f"the engine's user may not run Slurm's commands as {user}")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": os.getgrouplist(user, entry.pw_gid)}


async def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(process.wait()), DIES_WITHIN_S)
