"""Whom the jobs of an account run as: the engine's own Unix user, or the one that the account is linked to.

People come and go: the user database is asked each time, in a thread, as it may wait for a directory server. Must not
know how a job is started.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Protocol

from engine.api.asks import Identity
from engine.daemon.register import Register
from engine.executor.environment import Person
from engine.executor.person import is_system_user, person_named
from engine.ports import CannotLaunch
from engine.protocol.errors import Refused


class OwnedProcess(Protocol):
    """A process with its real Unix user; an empty name where the user database has none."""

    @property
    def pid(self) -> int:
        """Its number."""
        ...

    @property
    def uid(self) -> int:
        """Of its user."""
        ...

    @property
    def user(self) -> str:
        """The name of that."""
        ...


class Persons(Protocol):
    """Who runs an account's jobs."""

    async def of(self, account: str) -> Person:
        """Whom its jobs run as now. Raises CannotLaunch."""
        ...

    async def refusal(self, account: str) -> Refused | None:
        """Why nothing of that account can be taken in: it has nobody to run as. FORBIDDEN, with what mends it."""
        ...

    async def link(self, unix_user: str, role: str) -> str | None:
        """Before an account is linked to that Unix user: what an admin should know of it, `None` for nothing.

        Raises Refused (VALIDATION_ERROR) where it must not be.
        """
        ...

    async def owner(self, who: Identity, process: OwnedProcess) -> Identity:
        """Whose job a process becomes if `who` has it adopted. Raises Refused (FORBIDDEN)."""
        ...


class EngineUser:
    """Every job runs as the Unix user that the engine runs as: a personal engine."""

    def __init__(self, person: Callable[[], Person]) -> None:
        self._person = person()

    async def of(self, account: str) -> Person:
        """The engine's own user."""
        return self._person

    async def refusal(self, account: str) -> Refused | None:
        """Nothing: whoever has an account may submit."""
        return None

    async def link(self, unix_user: str, role: str) -> str | None:
        """Nothing: a link only says who gets in without a password."""
        return None

    async def owner(self, who: Identity, process: OwnedProcess) -> Identity:
        """Whoever asks; but the engine can end processes of its own user only, unless it is root."""
        if os.getuid() in (0, process.uid):
            return who
        told = (
            f"Process {process.pid} is {process.user or process.uid}'s, and this engine runs as another Unix user: it "
            "could not end it. Only an engine of the same user, or the system's, can adopt it."
        )
        raise Refused("FORBIDDEN", told)


class LinkedUsers:
    """Each job runs as the Unix user that its account is linked to: the engine of the whole machine.

    find: the Unix user of a name, as `person_named`. is_system: whether it is root or a system user.
    """

    def __init__(
        self,
        register: Register,
        *,
        find: Callable[[str], Person] = person_named,
        is_system: Callable[[str], bool | None] = is_system_user,
    ) -> None:
        self._register = register
        self._find = find
        self._is_system = is_system

    async def of(self, account: str) -> Person:
        """The linked Unix user, as the user database has it now. Raises CannotLaunch."""
        known = self._register.accounts.get(account)
        if known is None or known.disabled:
            raise CannotLaunch(
                f"the account {account} is disabled. Ask an admin for: rcq account set {account} --enable"
            )
        if known.unix_user is None:
            raise CannotLaunch(f"the account {account} is linked to no Unix user. Ask an admin for: {_mend(account)}")
        return await asyncio.to_thread(self._find, known.unix_user)

    async def refusal(self, account: str) -> Refused | None:
        """FORBIDDEN where its jobs could not be launched now."""
        try:
            await self.of(account)
        except CannotLaunch as problem:
            told = f"Jobs run as people, and {problem}"
            if "rcq account set" not in told:
                told += f". For another Unix user ask an admin for: {_mend(account)}"
            return Refused("FORBIDDEN", told)
        return None

    async def link(self, unix_user: str, role: str) -> str | None:
        """Users get real people only. Admins may be root or a system user, who then gets in but runs no jobs."""
        is_system = await asyncio.to_thread(self._is_system, unix_user)
        if is_system is None:
            raise _unfit(f"There is no Unix user {unix_user} on this machine. See: getent passwd", "is none here")
        if is_system and role != "admin":
            told = f"{unix_user} is root or a system user, and jobs run as people. Name a person's own Unix user."
            raise _unfit(told, "must be a person's")
        try:
            await asyncio.to_thread(self._find, unix_user)
        except CannotLaunch as problem:
            return f"jobs of this account will be refused: {problem}"
        return None

    async def owner(self, who: Identity, process: OwnedProcess) -> Identity:
        """The account that is linked to the process's Unix user, also where an admin asks."""
        account = self._register.by_unix_user(process.user)
        if account is None:
            told = (
                f"Process {process.pid} is {process.user or process.uid}'s, and no account is linked to that Unix "
                "user. An admin links one: rcq account set NAME --unix-user U"
            )
            raise Refused("FORBIDDEN", told)
        if (refused := await self.refusal(account.name)) is not None:
            raise refused
        return Identity(account=account.name, group=account.group, role=account.role, via=who.via)


def _mend(account: str) -> str:
    return f"rcq account set {account} --unix-user U"


def _unfit(message: str, field: str) -> Refused:
    return Refused("VALIDATION_ERROR", message, [{"field": "unix_user", "message": field}])
