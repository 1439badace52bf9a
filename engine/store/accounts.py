"""Accounts: people's log-ins with their role, group, password hash and quota.

Must not know how a password is hashed or checked.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlite_utils import Database

from engine.core.quota import Quota
from engine.store.audit import Entry, log
from engine.store.errors import Exists, Missing
from engine.store.groups import Group, insert_if_new
from engine.store.quota import quota_of, quota_text
from engine.store.readers import Readers
from engine.store.writer import Writer


@dataclass(slots=True, frozen=True, kw_only=True)
class Account:
    """A person's log-in. role: `user` or `admin`. password_hash: `None` for none. created_at: Unix seconds.

    unix_user: the Unix user it is linked to; no two accounts share one. one_time: its password is good for one log-in,
    to set another. manager: of its group's jobs, where the settings let there be any.
    """

    name: str
    role: str
    group: str
    password_hash: str | None
    unix_user: str | None
    disabled: bool
    created_at: float
    quota: Quota = field(default_factory=Quota)
    one_time: bool = False
    manager: bool = False


class Accounts:
    """All accounts. `entry` goes to the audit log in the same transaction."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def add(self, account: Account, *, only_first: bool = False, entry: Entry | None = None) -> None:
        """Make an account, and its group where there is none of that name.

        only_first: only if there is no account at all. Raises Exists.
        """
        await self._writer.write(lambda db: _add(db, account, only_first, entry))

    async def change(
        self,
        name: str,
        change: Callable[[Account], Account],
        *,
        entry: Entry | None = None,
        ends_sessions: bool = False,
        but: str | None = None,
    ) -> Account:
        """Replace an account by what `change` makes of it; nothing comes in between. Its name stays.

        ends_sessions: its sessions and API tokens end with it, all `but` the one of this SHA-256. `change` runs in the
        writer's thread. Raises Missing (no such account, no such group), Exists (Unix user taken).
        """

        def work(db: Database) -> Account:
            after = _change(db, name, change, entry)
            if ends_sessions:
                db.table("sessions").delete_where("account = ? AND sha256 IS NOT ?", [name, but])
            return after

        return await self._writer.write(work)

    async def find(self, name: str) -> Account | None:
        """The account of that name."""
        return await self._readers.read(lambda db: _one(db, "name = ?", name))

    async def by_unix_user(self, unix_user: str) -> Account | None:
        """The account linked to that Unix user."""
        return await self._readers.read(lambda db: _one(db, "unix_user = ?", unix_user))

    async def all(self) -> list[Account]:
        """Every account, by name."""
        return await self._readers.read(_all)

    async def any(self) -> bool:
        """Whether there is any account."""
        return await self._readers.read(lambda db: bool(db.table("accounts").count))


def _add(db: Database, account: Account, only_first: bool, entry: Entry | None) -> None:
    if only_first and db.table("accounts").count:
        raise Exists("There are accounts already: log in as an admin to make another one.")
    if _one(db, "name = ?", account.name) is not None:
        raise Exists(f"There is an account {account.name} already: choose another name, or change that account.")
    insert_if_new(db, Group(name=account.group))
    _refuse_second_link(db, account)
    db.table("accounts").insert(_row(account))
    log(db, entry)


def _change(db: Database, name: str, change: Callable[[Account], Account], entry: Entry | None) -> Account:
    before = _one(db, "name = ?", name)
    if before is None:
        raise Missing(f"There is no account {name}.")
    after = replace(change(before), name=name)
    if not db.table("groups").count_where("name = ?", [after.group]):
        raise Missing(f"There is no group {after.group}: make it first.")
    _refuse_second_link(db, after)
    db.table("accounts").update(name, _row(after))
    log(db, entry)
    return after


def _refuse_second_link(db: Database, account: Account) -> None:
    other = _one(db, "unix_user = ?", account.unix_user) if account.unix_user is not None else None
    if other is not None and other.name != account.name:
        raise Exists(f"The Unix user {account.unix_user} is linked to account {other.name}: unlink it there first.")


def _one(db: Database, where: str, value: str) -> Account | None:
    return next((_account(row) for row in db.table("accounts").rows_where(where, [value])), None)


def _all(db: Database) -> list[Account]:
    return [_account(row) for row in db.table("accounts").rows_where(order_by="name")]


def _row(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "role": account.role,
        "grp": account.group,
        "password_hash": account.password_hash,
        "unix_user": account.unix_user,
        "disabled": int(account.disabled),
        "created_at": account.created_at,
        "quota": quota_text(account.quota),
        "one_time": int(account.one_time),
        "manager": int(account.manager),
    }


def _account(row: dict[str, Any]) -> Account:
    return Account(
        name=row["name"],
        role=row["role"],
        group=row["grp"],
        password_hash=row["password_hash"],
        unix_user=row["unix_user"],
        disabled=bool(row["disabled"]),
        created_at=row["created_at"],
        quota=quota_of(row["quota"]),
        one_time=bool(row["one_time"]),
        manager=bool(row["manager"]),
    )
