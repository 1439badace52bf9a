"""Accounts, groups and services in memory, as they are on disk, and what they mean for the books.

The engine is the only one that changes them, so the copy is never old. Must not know passwords or who may change what.
"""

from engine.core.model import AccountName, GroupName, ServiceName
from engine.core.quota import Quota
from engine.core.snapshot import Quotas
from engine.daemon.books import Books
from engine.store.accounts import Account
from engine.store.groups import Group
from engine.store.services import Service
from engine.store.store import Store


class Register:
    """Everybody, by name. version: counts the changes, for whoever keeps conclusions.

    defaults: the quota of accounts that have none of their own.
    """

    def __init__(self, *, store: Store, books: Books, defaults: Quota) -> None:
        self._store = store
        self._books = books
        self._defaults = defaults
        self.version = 0
        self.accounts: dict[str, Account] = {}
        self.groups: dict[str, Group] = {}
        self.services: dict[str, Service] = {}

    async def load(self) -> None:
        """Read everything anew, after a change and at start, and hand terms and quotas to the books."""
        accounts = await self._store.accounts.all()
        groups = await self._store.groups.all()
        services = await self._store.services.all()
        self.accounts = {account.name: account for account in accounts}
        self.groups = {group.name: group for group in groups}
        self.services = {service.name: service for service in services}
        self.version += 1
        self._books.groups = {GroupName(group.name): group.terms for group in groups}
        self._books.quotas = Quotas(
            accounts={AccountName(a.name): quota for a in accounts if (quota := self.quota_of(a)) != Quota()},
            groups={GroupName(g.name): g.quota for g in groups if g.quota != Quota()},
            services={ServiceName(s.name): s.jobs_per_account for s in services if s.jobs_per_account is not None},
            service_totals={ServiceName(s.name): s.quota for s in services if s.quota != Quota()},
        )

    def quota_of(self, account: Account) -> Quota:
        """The limits in force for an account: its own, or the defaults if it has none at all."""
        return account.quota if account.quota != Quota() else self._defaults

    def by_unix_users(self) -> dict[str, AccountName]:
        """The accounts that are linked to Unix users, by those."""
        linked = ((account.unix_user, account.name) for account in self.accounts.values())
        return {user: AccountName(name) for user, name in linked if user is not None}

    def by_unix_user(self, unix_user: str) -> Account | None:
        """The account linked to that Unix user."""
        return next((account for account in self.accounts.values() if account.unix_user == unix_user), None)
