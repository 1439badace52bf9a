"""Whether Slurm shows a user what others run: with `PrivateData=jobs` it does so to its operators alone.

A job that is hidden looks like one that Slurm has forgotten. Must not know whose jobs those are.
"""

import re
import time
from collections.abc import Callable

from engine.slurm.commands import Commands
from engine.slurm.errors import SlurmAway, SlurmRefused

HOLDS_S = 300.0
"""An admin may change it at any time; it is asked again after so long."""
SETTING = re.compile(r"^PrivateData\s*=\s*(?P<hidden>\S+)", re.MULTILINE)
OPERATORS = frozenset({"operator", "administrator"})


class Sight:
    """What `user`, as whom these commands run, gets to see. steady: a clock that is never set."""

    def __init__(self, commands: Commands, user: str, steady: Callable[[], float] = time.monotonic) -> None:
        self._commands = commands
        self._user = user
        self._steady = steady
        self._sure_at: float | None = None

    async def sure(self, max_age_s: float = HOLDS_S) -> None:
        """Raises SlurmAway where others' jobs are hidden, with what an admin can do, or where it cannot be told.

        An answer that is no older is good enough.
        """
        asked = self._steady()
        if self._sure_at is not None and asked - self._sure_at < max_age_s:
            return
        try:
            if hides_jobs(await self._commands.run("scontrol", "show", "config")) and not await self._is_operator():
                raise SlurmAway(words(self._user))
        except SlurmRefused as refused:
            raise SlurmAway(f"scontrol show config: {refused}") from refused
        self._sure_at = asked

    async def _is_operator(self) -> bool:
        """As Slurm's accounting has it; without any there is no operator."""
        try:
            printed = await self._commands.run(
                "sacctmgr", "--noheader", "--parsable2", "show", "user", f"name={self._user}", "format=adminlevel"
            )
        except (SlurmAway, SlurmRefused):
            return False
        return printed.strip().lower() in OPERATORS


def hides_jobs(config: str) -> bool:
    """Whether what `scontrol show config` printed hides jobs from those whose they are not."""
    match = SETTING.search(config)
    return match is not None and bool({"jobs", "all"} & set(match["hidden"].lower().split(",")))


def words(user: str) -> str:
    """What an admin is told."""
    return (
        f"Slurm hides people's jobs from {user} (PrivateData in slurm.conf), so that none could be followed. Make it an"
        f' operator: sacctmgr add user {user} account=root adminlevel=operator; or take "jobs" out of PrivateData'
    )
