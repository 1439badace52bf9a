"""Sessions and API tokens: known by the SHA-256 of a token that is never stored.

Must not know how a token is made or shown.
"""

from dataclasses import asdict, dataclass
from typing import Any

from sqlite_utils import Database

from engine.store.audit import Entry, log
from engine.store.errors import Exists, Missing
from engine.store.readers import Readers
from engine.store.writer import Writer

ID_DIGITS = 16
"""Hex digits of the SHA-256 that name a session: 64 bits, so that no two meet."""

_EXCESS = """
SELECT sha256 FROM sessions WHERE account = ? AND kind = ? AND sha256 != ?
ORDER BY created_at DESC, sha256 LIMIT -1 OFFSET ?
"""


@dataclass(slots=True, frozen=True, kw_only=True)
class StoredSession:
    """A log-in (`session`) or an API token (`token`). sha256: of the token, hex. Times are Unix seconds.

    name: of an API token, unique among its account's. scope: `all`, or `read` for one that changes nothing.
    """

    sha256: str
    account: str
    created_at: float
    expires_at: float
    kind: str = "session"
    name: str | None = None
    scope: str = "all"

    @property
    def id(self) -> str:
        """The public name of it: nobody finds the token by a part of its hash."""
        return self.sha256[:ID_DIGITS]


class Sessions:
    """All open sessions. `entry` goes to the audit log in the same transaction."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def open(
        self, session: StoredSession, keep: int, *, password_hash: str | None = None, entry: Entry | None = None
    ) -> list[str]:
        """Write a new session down; the account's oldest of that kind beyond `keep` end with it.

        password_hash: only if the account still has this one and is not disabled, as both may change while a password
        is checked. Returns the SHA-256 of those that ended. Raises Missing if there is no such account.
        """
        return await self._writer.write(lambda db: _open(db, session, keep, password_hash, entry))

    async def add_token(
        self, token: StoredSession, most: int, *, by: str | None = None, entry: Entry | None = None
    ) -> bool:
        """Write a new API token down; false, and nothing is written, if its account has `most` already.

        by: the SHA-256 of the session that asks for it, which must not have ended meanwhile. Raises Exists (an
        unexpired one of that account has the name), Missing (no such account, or `by` has ended).
        """
        return await self._writer.write(lambda db: _add_token(db, token, most, by, entry))

    async def find(self, sha256: str, now: float) -> StoredSession | None:
        """The session of that token, unless it has expired by `now`."""
        return await self._readers.read(lambda db: _find(db, sha256, now))

    async def of(self, account: str, now: float) -> list[StoredSession]:
        """An account's sessions and tokens that have not expired by `now`, newest first."""
        return await self._readers.read(
            lambda db: _listed(db, "account = ? AND expires_at > ?", [account, now], "created_at DESC, sha256")
        )

    async def all(self, now: float) -> list[StoredSession]:
        """Everybody's sessions and tokens that have not expired by `now`, by account, newest first."""
        return await self._readers.read(
            lambda db: _listed(db, "expires_at > ?", [now], "account, created_at DESC, sha256")
        )

    async def by_id(self, id_: str, now: float) -> StoredSession | None:
        """The session or token of that `id`, unless it has expired by `now`."""
        where = "sha256 >= ? AND sha256 < ? || 'g' AND expires_at > ?"  # a range, so that the key's index is used
        found = await self._readers.read(lambda db: _listed(db, where, [id_, id_, now], "sha256"))
        return next((session for session in found if session.id == id_), None)

    async def close(self, sha256: str, *, entry: Entry | None = None) -> bool:
        """End one session; whether there was one."""
        return bool(await self._writer.write(lambda db: _delete(db, "sha256 = ?", sha256, entry)))

    async def purge(self, now: float) -> int:
        """Forget those that have expired by `now`; how many there were."""
        return await self._writer.write(lambda db: _delete(db, "expires_at <= ?", now, None))


def _open(db: Database, session: StoredSession, keep: int, password_hash: str | None, entry: Entry | None) -> list[str]:
    _check_account(db, session.account)
    if password_hash is not None:
        unchanged = "name = ? AND password_hash = ? AND disabled = 0"
        if not db.table("accounts").count_where(unchanged, [session.account, password_hash]):
            raise Missing(f"The password of {session.account} is another one by now.")
    db.table("sessions").insert(asdict(session))
    others = (session.account, session.kind, session.sha256, max(0, keep - 1))
    ended = [sha256 for (sha256,) in db.execute(_EXCESS, others).fetchall()]
    for sha256 in ended:
        db.table("sessions").delete(sha256)
    log(db, entry)
    return ended


def _add_token(db: Database, token: StoredSession, most: int, by: str | None, entry: Entry | None) -> bool:
    _check_account(db, token.account)
    if by is not None and not db.table("sessions").count_where("sha256 = ?", [by]):
        raise Missing("The session that asks for it has ended.")
    mine = [token.account, token.created_at]
    of_account = "account = ? AND kind = 'token' AND expires_at > ?"
    if db.table("sessions").count_where(f"{of_account} AND name = ?", [*mine, token.name]):
        raise Exists(f"There is a token {token.name} already: revoke it first, or choose another name.")
    if db.table("sessions").count_where(of_account, mine) >= most:
        return False
    db.table("sessions").insert(asdict(token))
    log(db, entry)
    return True


def _check_account(db: Database, name: str) -> None:
    if not db.table("accounts").count_where("name = ? AND disabled = 0", [name]):
        raise Missing(f"There is no account {name}, or it is disabled.")


def _find(db: Database, sha256: str, now: float) -> StoredSession | None:
    return next(iter(_listed(db, "sha256 = ? AND expires_at > ?", [sha256, now], "sha256")), None)


def _listed(db: Database, where: str, values: list[Any], order: str) -> list[StoredSession]:
    return [StoredSession(**row) for row in db.table("sessions").rows_where(where, values, order_by=order)]


def _delete(db: Database, where: str, value: str | float, entry: Entry | None) -> int:
    count = db.table("sessions").count_where(where, [value])
    db.table("sessions").delete_where(where, [value])
    log(db, entry if count else None)
    return count
