"""Short programs beside a job that run as its owner: what only the owner may do to what is the owner's.

Must not know why. Each is a unit of its own, held to the same rules as jobs are.
"""

import os
import pwd
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from engine.executor import startscript
from engine.executor.launcherlink import LauncherLink, LauncherRefused
from engine.executor.logindefaults import PATH
from engine.executor.unitrequest import of_task

REMOVE_WITHIN_S = 600.0
WARN_WITHIN_S = 10.0
PLACE_WITHIN_S = 24 * 3600.0
"""A bound for what hangs: large files on a slow disk take hours."""
READ_WITHIN_S = 6 * 3600.0
"""As long as somebody who takes a whole archive slowly may need; who takes nothing is cut off much sooner."""
NOBODYS = range(10**15, 10**16)
"""Numbers that no job ever has."""
NUMBER = re.compile(r"[0-9]+")


class UserTasks:
    """Runs them through the launcher."""

    def __init__(self, link: LauncherLink) -> None:
        self._link = link

    async def warn(self, job: str, user: str, pids: Sequence[int]) -> None:
        """SIGUSR1 to those of these processes that are the user's. Raises LauncherUnreachable, LauncherRefused."""
        await self._run(job, user, ["/bin/sh", "-c", 'kill -USR1 "$@"', "sh", *map(str, pids)], WARN_WITHIN_S)

    async def remove(self, place: Path, uid: int) -> None:
        """What the user with that id may remove of what is in a job's directory, `place`, which stays itself.

        Raises LauncherUnreachable, LauncherRefused.
        """
        number = NUMBER.search(place.name)
        try:
            user = pwd.getpwuid(uid).pw_name
        except KeyError:
            raise LauncherRefused(f"user {uid} is not known to this machine any more") from None
        # Who may not enter it stands elsewhere, where nothing may go. Directories are opened before they are emptied.
        script = 'cd -- "$1" || exit 0; chmod -R u+rwX -- .; find . -xdev -mindepth 1 -delete; exit 0'
        await self._run(
            number[0] if number else "0", user, ["/bin/sh", "-c", script, "sh", str(place)], REMOVE_WITHIN_S
        )

    async def read(self, user: str, argv: Sequence[str], out: int) -> None:
        """Run a program that tells of the user's files, its output to the descriptor `out`; returns when it has ended,
        or sooner. Raises LauncherUnreachable, LauncherRefused.

        Its unit is nobody's: readers stand in the way neither of each other nor of a job's other tasks.
        """
        await self._run(str(secrets.choice(NOBODYS)), user, argv, READ_WITHIN_S, out)

    async def place(self, job: str, user: str, argv: Sequence[str], out: int) -> None:
        """Begin a program that puts something into a job's directory, its output to the descriptor `out`.

        Returns when it runs, or has ended: the end of its output tells. Raises LauncherUnreachable, LauncherRefused.
        """
        await self._run(job, user, argv, PLACE_WITHIN_S, out)

    async def carry(self, user: str, script: bytes, out: int, errors: int, within_s: float) -> None:
        """Run a script of sh, its output and errors to these descriptors; returns when it has ended, or sooner.

        Nobody but the user can read the script. As with `read`, any number may run at once. Raises LauncherUnreachable,
        LauncherRefused.
        """
        handle = startscript.descriptor(script)
        try:
            await self._link.ask(of_task(str(secrets.choice(NOBODYS)), user, within_s), (handle, out, errors))
        finally:
            os.close(handle)

    async def _run(self, job: str, user: str, argv: Sequence[str], within_s: float, out: int | None = None) -> None:
        script = startscript.descriptor(startscript.text(argv, {"PATH": PATH}))
        try:
            with open(os.devnull, "wb") as null:  # noqa: PTH123, ASYNC230 - no disk is behind it
                handles = (script, null.fileno() if out is None else out, null.fileno())
                await self._link.ask(of_task(job, user, within_s), handles)
        finally:
            os.close(script)
