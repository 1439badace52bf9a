"""Accounts, groups, services and log-in: the API's `People`. Every change is audited and in force at once.

Must not know HTTP, how a password is checked or how a quota is enforced.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace

from engine.api.asks import AccountChange, GroupChange, Identity, NewAccount, Origin
from engine.daemon.access import Action, may, require
from engine.daemon.answers import audited, not_ready
from engine.daemon.groupterms import changed_group, check_guarantee
from engine.daemon.logins import Logins, only_in_person
from engine.daemon.passwords import Passwords
from engine.daemon.peopletold import told_account, told_group, told_service
from engine.daemon.peopleviews import (
    account_view,
    changes_of,
    checked_name,
    group_view,
    service_view,
)
from engine.daemon.persons import Persons
from engine.daemon.quotaview import quota_of
from engine.daemon.register import Register
from engine.daemon.usage import UsageBook
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.protocol.people import AccountView, GroupView, ServiceView, Session
from engine.store.accounts import Account
from engine.store.errors import Exists, InUse, Missing, StoreError
from engine.store.groups import Group
from engine.store.services import Service
from engine.store.store import Store

ROLES = ("user", "admin")


class PeopleService:
    """Fulfils `engine.api.backend.People`.

    cards: how many the box has. changed: called after terms or quotas may have changed.
    """

    def __init__(
        self,
        *,
        register: Register,
        store: Store,
        persons: Persons,
        logins: Logins,
        passwords: Passwords,
        usage: UsageBook,
        cards: Callable[[], int],
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self._register = register
        self._store = store
        self._persons = persons
        self._logins = logins
        self._passwords = passwords
        self._usage = usage
        self._cards = cards
        self._clock = clock
        self._changed = changed
        self._guarantees = asyncio.Lock()  # two groups at once must not both get the last card
        self._admins = asyncio.Lock()  # two admins at once must not both put the other out

    async def by_token(self, token: str) -> Identity | None:
        """Whose unexpired session or API token this is."""
        return await self._logins.by_token(token)

    async def by_peer(self, uid: int) -> Identity | None:
        """The enabled account linked to that Unix user, when `auth.peer` is on."""
        return await self._logins.by_peer(uid)

    async def login(self, name: str, password: str, origin: Origin | None = None) -> Session:
        """A new session."""
        return await self._logins.login(name, password, origin)

    async def logout(self, who: Identity) -> None:
        """End the session of this request."""
        await self._logins.logout(who)

    async def change_password(self, who: Identity, old: str, new: str) -> None:
        """Set one's own password."""
        await self._logins.change_password(who, old, new)

    async def add_account(self, who: Identity | None, uid: int, new: NewAccount) -> AccountView:
        """Make an account (admins), or the first one: then by the engine's own Unix user or root, and as an admin."""
        first = not self._register.accounts
        if first and uid not in (0, os.getuid()):
            raise Refused("FORBIDDEN", "The first account is made by the user who runs the engine, or by root.")
        if not first:
            if who is None:
                raise Refused("UNAUTHENTICATED", "Log in as an admin to make accounts: rcq login NAME.")
            require(who, Action.CHANGE_PEOPLE)
            only_in_person(who)
        role = "admin" if first else _role(new.role)
        note = await self._persons.link(new.unix_user, role) if new.unix_user else None
        account = Account(
            name=checked_name(new.name, "name"),
            role=role,
            group=checked_name(new.group, "group"),
            password_hash=await self._passwords.hash(new.password, uid) if new.password is not None else None,
            unix_user=new.unix_user,
            disabled=False,
            created_at=self._clock.now(),
            one_time=new.one_time,
            manager=new.manager,
        )
        entry = audited(
            self._clock,
            who,
            "account.add",
            new.name,
            owner=new.name,
            before={},
            after=told_account(account),
            new_group=account.group not in self._register.groups,
        )
        if who is None:
            entry = replace(entry, via="peer", uid=uid)
        await self._do(self._store.accounts.add(account, only_first=first, entry=entry))
        return account_view(self._register.accounts[account.name], note)

    async def accounts(self, who: Identity) -> list[AccountView]:
        """All accounts for admins, the own one for others."""
        shown = (
            a for a in self._register.accounts.values() if may(who, Action.SEE_ALL_PEOPLE) or a.name == who.account
        )
        return [account_view(account) for account in shown]

    async def change_account(self, who: Identity, name: str, change: AccountChange) -> AccountView:
        """Change an account (admins). NOT_FOUND."""
        require(who, Action.CHANGE_PEOPLE)
        before = self._register.accounts.get(name)
        if before is None:
            raise Refused("NOT_FOUND", f"There is no account {name}. See: rcq account list.")
        if _opens_a_way_in(change):
            only_in_person(who)
        values = changes_of(change)
        if change.role is not None:
            _role(change.role)
        if change.quota is not None:
            values["quota"] = quota_of(change.quota)
        if change.password is not None:
            values["password_hash"] = await self._passwords.hash(change.password, _uid(who))
            values["one_time"] = change.one_time
        after = replace(before, **values)
        is_linked_anew = (after.unix_user, after.role) != (before.unix_user, before.role)
        note = await self._persons.link(after.unix_user, after.role) if after.unix_user and is_linked_anew else None
        entry = audited(
            self._clock,
            who,
            "account.change",
            name,
            owner=name,
            before=told_account(before),
            after=told_account(after),
            new_password=change.password is not None,
        )
        ends = bool(change.disabled) or change.password is not None
        try:
            async with self._admins:
                self._keep_an_admin(self._register.accounts[name], after)
                await self._do(
                    self._store.accounts.change(name, lambda a: replace(a, **values), entry=entry, ends_sessions=ends)
                )
        finally:
            self._logins.forget()
        return account_view(self._register.accounts[name], note)

    async def groups(self, who: Identity) -> list[GroupView]:
        """All groups for admins, the own one for others."""
        return [
            self._group(g.name)
            for g in self._register.groups.values()
            if may(who, Action.SEE_ALL_PEOPLE) or g.name == who.group
        ]

    async def add_group(self, who: Identity, name: str, change: GroupChange) -> GroupView:
        """Make a group (admins). INVALID_STATE if it exists."""
        require(who, Action.CHANGE_PEOPLE)
        checked_name(name, "name")
        group = changed_group(Group(name=name), change)
        entry = audited(self._clock, who, "group.add", name, before={}, after=told_group(group))
        async with self._guarantees:
            check_guarantee(group, self._register.groups.values(), self._cards())
            await self._do(self._store.groups.add(group, entry=entry))
        return self._group(name)

    async def change_group(self, who: Identity, name: str, change: GroupChange) -> GroupView:
        """Change a group (admins). NOT_FOUND."""
        require(who, Action.CHANGE_PEOPLE)
        async with self._guarantees:
            before = self._register.groups.get(name)
            if before is None:
                raise Refused("NOT_FOUND", f"There is no group {name}. See: rcq group list.")
            if change.guarantee_gpus is not None or change.quota is not None:
                check_guarantee(changed_group(before, change), self._register.groups.values(), self._cards())
            was, now = told_group(before), told_group(changed_group(before, change))
            entry = audited(self._clock, who, "group.change", name, before=was, after=now)
            await self._do(self._store.groups.change(name, lambda group: changed_group(group, change), entry=entry))
        return self._group(name)

    async def remove_group(self, who: Identity, name: str) -> None:
        """Remove a group that has no accounts (admins). NOT_FOUND, INVALID_STATE."""
        require(who, Action.CHANGE_PEOPLE)
        was = told_group(self._register.groups.get(name))
        entry = audited(self._clock, who, "group.remove", name, before=was, after={})
        await self._do(self._store.groups.remove(name, entry=entry))

    async def services(self, who: Identity) -> list[ServiceView]:
        """All services."""
        return [service_view(service) for service in self._register.services.values()]

    async def set_service(self, who: Identity, service: ServiceView) -> ServiceView:
        """Make or change a service (admins)."""
        require(who, Action.CHANGE_PEOPLE)
        checked_name(service.name, "name")
        if service.jobs_per_account is not None and service.jobs_per_account < 0:
            raise _invalid("jobs_per_account", "must be 0 or more")
        before = self._register.services.get(service.name)
        new = Service(name=service.name, jobs_per_account=service.jobs_per_account, quota=quota_of(service.quota))
        was, now = told_service(before), told_service(new)
        entry = audited(self._clock, who, "service.set", service.name, before=was, after=now)
        await self._do(self._store.services.set(new, entry=entry))
        return service_view(self._register.services[service.name])

    def _group(self, name: str) -> GroupView:
        return group_view(self._register.groups[name], self._usage, self._clock.now())

    def _keep_an_admin(self, before: Account, after: Account) -> None:
        """Nobody could undo it: the last admin stays one."""
        if before.role != "admin" or before.disabled or (after.role == "admin" and not after.disabled):
            return
        others = (a for a in self._register.accounts.values() if a.name != before.name)
        if not any(other.role == "admin" and not other.disabled for other in others):
            raise Refused("INVALID_STATE", f"{before.name} is the last admin. Make another account an admin first.")

    async def _do(self, change: Awaitable[object]) -> None:
        """Make a change and put it in force."""
        try:
            await change
        except Missing as error:
            raise Refused("NOT_FOUND", str(error)) from error
        except (Exists, InUse) as error:
            raise Refused("INVALID_STATE", str(error)) from error
        except StoreError as error:
            raise not_ready(error) from error
        await self._register.load()
        self._changed()


def _opens_a_way_in(change: AccountChange) -> bool:
    return any(value is not None for value in (change.password, change.unix_user, change.role)) or (
        change.disabled is False
    )


def _uid(who: Identity) -> int | None:
    return who.origin.uid if who.origin else None


def _role(role: str) -> str:
    if role not in ROLES:
        raise _invalid("role", f"must be one of {', '.join(ROLES)}")
    return role


def _invalid(field: str, message: str) -> Refused:
    return Refused("VALIDATION_ERROR", f"{field} {message}.", [{"field": field, "message": message}])
