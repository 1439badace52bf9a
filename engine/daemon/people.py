"""Accounts, groups, services and log-in: the API's `People`. Every change is audited and in force at once.

Must not know HTTP, how a password is checked or how a quota is enforced.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace

from engine.api.asks import AccountChange, GroupChange, Identity, NewAccount
from engine.daemon.answers import audited, not_ready
from engine.daemon.groupterms import changed_group, check_guarantee
from engine.daemon.logins import Logins
from engine.daemon.passwords import Passwords
from engine.daemon.peopleviews import (
    account_view,
    changes_of,
    checked_name,
    group_view,
    groups_changes,
    only_admins,
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

    async def by_token(self, token: str) -> Identity | None:
        """Whose unexpired session or API token this is."""
        return await self._logins.by_token(token)

    async def by_peer(self, uid: int) -> Identity | None:
        """The enabled account linked to that Unix user, when `auth.peer` is on."""
        return await self._logins.by_peer(uid)

    async def login(self, name: str, password: str) -> Session:
        """A new session."""
        return await self._logins.login(name, password)

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
            only_admins(who)
        role = "admin" if first else _role(new.role)
        note = await self._persons.link(new.unix_user, role) if new.unix_user else None
        account = Account(
            name=checked_name(new.name, "name"),
            role=role,
            group=checked_name(new.group, "group"),
            password_hash=await self._passwords.hash(new.password) if new.password is not None else None,
            unix_user=new.unix_user,
            disabled=False,
            created_at=self._clock.now(),
            one_time=new.one_time,
        )
        entry = audited(self._clock, who, "account.add", new.name, role=role, group=new.group, one_time=new.one_time)
        await self._do(self._store.accounts.add(account, only_first=first, entry=entry))
        return account_view(self._register.accounts[account.name], note)

    async def accounts(self, who: Identity) -> list[AccountView]:
        """All accounts for admins, the own one for others."""
        shown = (a for a in self._register.accounts.values() if who.is_admin or a.name == who.account)
        return [account_view(account) for account in shown]

    async def change_account(self, who: Identity, name: str, change: AccountChange) -> AccountView:
        """Change an account (admins). NOT_FOUND."""
        only_admins(who)
        before = self._register.accounts.get(name)
        if before is None:
            raise Refused("NOT_FOUND", f"There is no account {name}. See: rcq account list.")
        values = changes_of(change)
        if change.role is not None:
            _role(change.role)
        if change.quota is not None:
            values["quota"] = quota_of(change.quota)
        if change.password is not None:
            values["password_hash"] = await self._passwords.hash(change.password)
            values["one_time"] = change.one_time
        after = replace(before, **values)
        self._keep_an_admin(before, after)
        is_linked_anew = (after.unix_user, after.role) != (before.unix_user, before.role)
        note = await self._persons.link(after.unix_user, after.role) if after.unix_user and is_linked_anew else None
        told = {key: str(value) for key, value in values.items() if key != "password_hash"}
        was = {key: str(getattr(before, key)) for key in told}
        entry = audited(
            self._clock, who, "account.change", name, before=was, after=told, password=change.password is not None
        )
        await self._do(self._store.accounts.change(name, lambda a: replace(a, **values), entry=entry))
        if change.disabled or change.password is not None:
            await self._do(self._logins.end_sessions(name))
        return account_view(self._register.accounts[name], note)

    async def groups(self, who: Identity) -> list[GroupView]:
        """All groups for admins, the own one for others."""
        return [self._group(g.name) for g in self._register.groups.values() if who.is_admin or g.name == who.group]

    async def add_group(self, who: Identity, name: str, change: GroupChange) -> GroupView:
        """Make a group (admins). INVALID_STATE if it exists."""
        only_admins(who)
        checked_name(name, "name")
        group = changed_group(Group(name=name), change)
        entry = audited(self._clock, who, "group.add", name, after=groups_changes(change))
        async with self._guarantees:
            check_guarantee(group, self._register.groups.values(), self._cards())
            await self._do(self._store.groups.add(group, entry=entry))
        return self._group(name)

    async def change_group(self, who: Identity, name: str, change: GroupChange) -> GroupView:
        """Change a group (admins). NOT_FOUND."""
        only_admins(who)
        async with self._guarantees:
            before = self._register.groups.get(name)
            if before is None:
                raise Refused("NOT_FOUND", f"There is no group {name}. See: rcq group list.")
            if change.guarantee_gpus is not None or change.quota is not None:
                check_guarantee(changed_group(before, change), self._register.groups.values(), self._cards())
            changed_group(before, change)
            entry = audited(self._clock, who, "group.change", name, before=str(before), after=groups_changes(change))
            await self._do(self._store.groups.change(name, lambda group: changed_group(group, change), entry=entry))
        return self._group(name)

    async def remove_group(self, who: Identity, name: str) -> None:
        """Remove a group that has no accounts (admins). NOT_FOUND, INVALID_STATE."""
        only_admins(who)
        entry = audited(self._clock, who, "group.remove", name, before=str(self._register.groups.get(name)))
        await self._do(self._store.groups.remove(name, entry=entry))

    async def services(self, who: Identity) -> list[ServiceView]:
        """All services."""
        return [service_view(service) for service in self._register.services.values()]

    async def set_service(self, who: Identity, service: ServiceView) -> ServiceView:
        """Make or change a service (admins)."""
        only_admins(who)
        checked_name(service.name, "name")
        if service.jobs_per_account is not None and service.jobs_per_account < 0:
            raise _invalid("jobs_per_account", "must be 0 or more")
        before = str(self._register.services.get(service.name))
        new = Service(name=service.name, jobs_per_account=service.jobs_per_account, quota=quota_of(service.quota))
        entry = audited(self._clock, who, "service.set", service.name, before=before, after=str(new))
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


def _role(role: str) -> str:
    if role not in ROLES:
        raise _invalid("role", f"must be one of {', '.join(ROLES)}")
    return role


def _invalid(field: str, message: str) -> Refused:
    return Refused("VALIDATION_ERROR", f"{field} {message}.", [{"field": field, "message": message}])
