"""Sessions and API tokens: known by the SHA-256 of a token that is never stored.

Must not know how a token is made or shown.
"""

from dataclasses import asdict, dataclass
from typing import Any

from sqlite_utils import Database

from engine.store.audit import Entry, log
from engine.store.errors import Missing
from engine.store.readers import Readers
from engine.store.writer import Writer

_EXCESS = """
SELECT sha256 FROM sessions WHERE account = ? AND kind = ? AND sha256 != ?
ORDER BY created_at DESC, sha256 LIMIT -1 OFFSET ?
"""


@dataclass(slots=True, frozen=True, kw_only=True)
class StoredSession:
    """A log-in (`session`) or an API token (`token`). sha256: of the token, hex. Times are Unix seconds."""

    sha256: str
    account: str
    created_at: float
    expires_at: float
    kind: str = "session"
    name: str | None = None


class Sessions:
    """All open sessions. `entry` goes to the audit log in the same transaction."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def open(self, session: StoredSession, keep: int, *, entry: Entry | None = None) -> list[str]:
        """Write a new session down; the account's oldest of that kind beyond `keep` end with it.

        Returns the SHA-256 of those that ended. Raises Missing if there is no such account.
        """
        return await self._writer.write(lambda db: _open(db, session, keep, entry))

    async def find(self, sha256: str, now: float) -> StoredSession | None:
        """The session of that token, unless it has expired by `now`."""
        return await self._readers.read(lambda db: _find(db, sha256, now))

    async def of(self, account: str, now: float) -> list[StoredSession]:
        """An account's sessions and tokens that have not expired by `now`, newest first."""
        return await self._readers.read(lambda db: _of(db, account, now))

    async def close(self, sha256: str, *, entry: Entry | None = None) -> bool:
        """End one session; whether there was one."""
        return bool(await self._writer.write(lambda db: _delete(db, "sha256 = ?", sha256, entry)))

    async def close_all(self, account: str, *, entry: Entry | None = None) -> int:
        """End all sessions and tokens of an account; how many there were."""
        return await self._writer.write(lambda db: _delete(db, "account = ?", account, entry))

    async def close_others(self, account: str, sha256: str | None) -> int:
        """End all sessions and tokens of an account but this one; how many there were."""
        where = "account = :account AND sha256 IS NOT :but"
        return await self._writer.write(lambda db: _delete(db, where, {"account": account, "but": sha256}, None))

    async def purge(self, now: float) -> int:
        """Forget those that have expired by `now`; how many there were."""
        return await self._writer.write(lambda db: _delete(db, "expires_at <= ?", now, None))


def _open(db: Database, session: StoredSession, keep: int, entry: Entry | None) -> list[str]:
    if not db.table("accounts").count_where("name = ?", [session.account]):
        raise Missing(f"There is no account {session.account}.")
    db.table("sessions").insert(asdict(session))
    others = (session.account, session.kind, session.sha256, max(0, keep - 1))
    ended = [sha256 for (sha256,) in db.execute(_EXCESS, others).fetchall()]
    for sha256 in ended:
        db.table("sessions").delete(sha256)
    log(db, entry)
    return ended


def _find(db: Database, sha256: str, now: float) -> StoredSession | None:
    rows = db.table("sessions").rows_where("sha256 = ? AND expires_at > ?", [sha256, now])
    return next((StoredSession(**row) for row in rows), None)


def _of(db: Database, account: str, now: float) -> list[StoredSession]:
    rows = db.table("sessions").rows_where(
        "account = ? AND expires_at > ?", [account, now], order_by="created_at DESC, sha256"
    )
    return [StoredSession(**row) for row in rows]


def _delete(db: Database, where: str, value: str | float | dict[str, Any], entry: Entry | None) -> int:
    values = value if isinstance(value, dict) else [value]
    count = db.table("sessions").count_where(where, values)
    db.table("sessions").delete_where(where, values)
    log(db, entry)
    return count
