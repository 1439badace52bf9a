"""Runs Slurm's commands as a job's owner: Slurm takes a job for whoever hands it in, and lets nobody else end it.

Each is a task of the launcher's. What goes in (a batch script, with the job's environment) and comes out passes by
memory that only the engine and that user can read: nothing of it is on a command line or in a unit. Must not know what
the commands print.
"""

import asyncio
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from engine.executor.launcherlink import LauncherRefused, LauncherUnreachable
from engine.slurm.commands import Commands, Finished, OwnRunner, Runner, name_in_slurm
from engine.slurm.errors import SlurmAway, SlurmRefused
from engine.slurm.privacy import HOLDS_S, Sight

MOST_BYTES = 16 << 20
"""Of what a command printed: the user can write there what they like."""
AT_ONCE = 16
SEES = {"sbatch": HOLDS_S, "squeue": HOLDS_S, "scontrol": 0.0}
"""What only who sees all jobs may run, and of what age that may be known: `scontrol` has the last word on a job."""
LAUNCH_WITHIN_S = 10.0
"""What systemd may need on a busy host, beyond the command's own time."""


class Tasks(Protocol):
    """What is needed of `UserTasks`."""

    async def carry(self, user: str, script: bytes, out: int, errors: int, within_s: float) -> None:
        """Run a script of sh as that user; see there."""
        ...


class UserRunner:
    """Runs commands as users through the launcher, and as the engine's own user through `own`.

    sight: what the engine's own user sees; a job that is hidden from it is neither handed in nor taken for gone.
    """

    def __init__(self, tasks: Tasks, own: Runner | None = None, sight: Sight | None = None) -> None:
        self._tasks = tasks
        self._own = own or OwnRunner()
        self._sight = sight
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def run(
        self, argv: Sequence[str], *, stdin: bytes, user: str | None, environment: Mapping[str, str], timeout_s: float
    ) -> Finished:
        """See Runner. The environment is no secret: while it runs, everybody can read it."""
        if self._sight is not None and (age_s := SEES.get(Path(argv[0]).name)) is not None:
            await self._sight.sure(age_s)
        if user is None:
            return await self._own.run(argv, stdin=stdin, user=None, environment=environment, timeout_s=timeout_s)
        if b"\0" in stdin:
            raise SlurmRefused(f"{argv[0]} takes no script with a zero byte in it")
        async with self._turns:
            return await self._run(argv, script_of(argv, environment, stdin), user, timeout_s)

    async def _run(self, argv: Sequence[str], script: bytes, user: str, timeout_s: float) -> Finished:
        out, errors = os.memfd_create("out", os.MFD_CLOEXEC), os.memfd_create("errors", os.MFD_CLOEXEC)
        try:
            async with asyncio.timeout(timeout_s + LAUNCH_WITHIN_S):
                await self._tasks.carry(user, script, out, errors, timeout_s)
            done = finished(os.pread(out, MOST_BYTES, 0), os.pread(errors, MOST_BYTES, 0))
        except LauncherRefused as refused:
            raise SlurmRefused(f"{argv[0]} cannot be run as {user}: {refused}") from refused
        except LauncherUnreachable as away:
            raise SlurmAway(str(away)) from away
        except TimeoutError:
            done = None
        finally:
            os.close(out)
            os.close(errors)
        if done is None:
            raise SlurmAway(f"{argv[0]} as {user} did not end within {timeout_s:g} s")
        return done


def commands_as_users(tasks: Tasks, *, bin_dir: str = "", conf: str | None = None, timeout_s: float = 20.0) -> Commands:
    """Slurm's commands for an engine that may become nobody itself; arguments as those of Commands."""
    own = Commands(bin_dir=bin_dir, conf=conf, timeout_s=timeout_s)
    runner = UserRunner(tasks, sight=Sight(own, name_in_slurm(None)))
    return Commands(runner, bin_dir=bin_dir, conf=conf, timeout_s=timeout_s)


def script_of(argv: Sequence[str], environment: Mapping[str, str], stdin: bytes) -> bytes:
    """What runs the command with exactly that environment, and prints its exit code as the last line of its output."""
    words = ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in environment.items()), *argv]
    command = os.fsencode(shlex.join(words))
    # printf is part of the shell: its words are on no command line.
    fed = b"printf %s '" + stdin.replace(b"'", b"'\\''") + b"' | " + command if stdin else command + b" </dev/null"
    return fed + b"\nprintf '\\n%s\\n' \"$?\"\nexit 0\n"


def finished(out: bytes, errors: bytes) -> Finished | None:
    """What the script's output tells; `None` where it did not come to its end."""
    stdout, line, code = out.removesuffix(b"\n").rpartition(b"\n")
    if not line or not out.endswith(b"\n") or not code.isdigit():
        return None
    return Finished(int(code), stdout, errors)
