"""Reading the audit log: the API's `AuditLog`. Admins see all of it, others what they did and what is about them.

Must not know HTTP, nor what any action means.
"""

import asyncio
import pwd
from collections.abc import Iterable, Mapping

from engine.api.asks import AuditQuery, Identity
from engine.daemon.access import Action, may, require
from engine.daemon.answers import not_ready
from engine.daemon.cursors import bad_cursor, decode, encode
from engine.protocol.audit import AuditChain, AuditEntry, AuditPage
from engine.store.audit import Audit, Filters, StoredEntry
from engine.store.errors import StoreError

FOR_ADMINS = frozenset({"by"})
"""Details that name what belongs to others, such as the job that one was preempted for."""


class AuditService:
    """Fulfils `engine.api.auditsource.AuditLog`."""

    def __init__(self, store: Audit) -> None:
        self._store = store
        self._verifying = asyncio.Lock()  # one walk through a long log at a time is enough

    async def entries(self, who: Identity, query: AuditQuery) -> AuditPage:
        """A page, newest first. VALIDATION_ERROR for a cursor that is none."""
        require(who, Action.READ_AUDIT)
        sees_all = may(who, Action.READ_ALL_AUDIT)
        filters = Filters(
            account=query.account,
            action=query.action,
            target=query.target,
            since=query.since,
            until=query.until,
            seen_by=None if sees_all else who.account,
        )
        before = _place(query.cursor) if query.cursor is not None else None
        try:
            found = await self._store.page(limit=query.limit + 1, before=before, filters=filters)
        except StoreError as error:
            raise not_ready(error) from error
        shown = found[: query.limit]
        names = await asyncio.to_thread(_names, {one.entry.uid for one in shown})
        cursor = encode(shown[-1].id) if len(found) > len(shown) else None
        return AuditPage(items=[_view(one, names, whole=sees_all) for one in shown], cursor=cursor)

    async def chain(self, who: Identity) -> AuditChain:
        """Whether each entry is what was written (admins)."""
        require(who, Action.READ_ALL_AUDIT)
        async with self._verifying:
            try:
                found = await self._store.verify()
            except StoreError as error:
                raise not_ready(error) from error
        return AuditChain(entries=found.entries, last_id=found.last, head=found.head, broken=found.broken)


def _place(cursor: str) -> int:
    parts = decode(cursor)
    if len(parts) != 1 or type(parts[0]) is not int or parts[0] < 0:
        raise bad_cursor()
    return int(parts[0])


def _names(uids: Iterable[int | None]) -> dict[int, str]:
    """The names of these Unix users, as far as there are some. Blocks: the user database may wait for a server."""
    found = {}
    for uid in uids:
        if uid is not None:
            try:
                found[uid] = pwd.getpwuid(uid).pw_name
            except (KeyError, OverflowError):
                continue
    return found


def _view(stored: StoredEntry, names: Mapping[int, str], *, whole: bool) -> AuditEntry:
    entry, detail = stored.entry, dict(stored.entry.detail)
    before, after = (values if isinstance(values := detail.pop(side, {}), dict) else {"": values} for side in _SIDES)
    return AuditEntry(
        id=stored.id,
        at=entry.at,
        account=entry.account,
        via=entry.via,
        uid=entry.uid,
        pid=entry.pid,
        user=names.get(entry.uid) if entry.uid is not None else None,
        action=entry.action,
        target=entry.target,
        owner=entry.owner,
        sha256=stored.sha256,
        before=before,
        after=after,
        detail={name: value for name, value in detail.items() if whole or name not in FOR_ADMINS},
    )


_SIDES = ("before", "after")
