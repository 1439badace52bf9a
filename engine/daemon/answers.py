"""What a request is answered with when the store fails, and what the audit log gets to hear of it.

Must not know any one request.
"""

import logging
from collections.abc import Mapping
from typing import Any

from engine.api.asks import Identity, Origin
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.store.audit import Audit, Entry
from engine.store.errors import StoreError

log = logging.getLogger(__name__)

BY_ENGINE = "engine"
BY_PASSWORD = "password"  # noqa: S105 - how somebody says who they are


def not_ready(error: StoreError) -> Refused:
    """SERVICE_NOT_READY: nothing was changed, and the store says why."""
    return Refused("SERVICE_NOT_READY", f"Nothing was changed: {error} Try again once that is mended.")


def audited(
    clock: Clock,
    who: Identity | None,
    action: str,
    target: str,
    *,
    owner: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    **detail: Any,
) -> Entry:
    """An audit entry for what `who` does now; `None` is somebody who is not logged in.

    owner: the account that it is about; its person may read the entry. before, after: by name, JSON values; what is
    the same in both is left out. detail: what else is worth knowing, JSON values. Never a secret.
    """
    origin = who.origin if who else None
    return Entry(
        at=clock.now(),
        account=who.account if who else None,
        action=action,
        target=target,
        owner=owner,
        via=via_of(who) if who else None,
        uid=origin.uid if origin else None,
        pid=origin.pid if origin else None,
        detail=_changes(before, after) | detail,
    )


def by_engine(
    clock: Clock,
    action: str,
    target: str | None,
    *,
    owner: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    **detail: Any,
) -> Entry:
    """An audit entry for what the engine does by its own rules; the rest as of `audited`."""
    told = _changes(before, after) | detail
    return Entry(at=clock.now(), account=None, action=action, target=target, owner=owner, via=BY_ENGINE, detail=told)


def at_login(
    clock: Clock, action: str, name: str | None, origin: Origin | None, *, account: str | None = None, **detail: Any
) -> Entry:
    """An audit entry about a try to log in by password. name: whose account; account: if it went well."""
    return Entry(
        at=clock.now(),
        account=account,
        action=action,
        target=name,
        owner=name,
        via=BY_PASSWORD,
        uid=origin.uid if origin else None,
        pid=origin.pid if origin else None,
        detail=detail,
    )


def via_of(who: Identity) -> str:
    """How it is known who that is: `peer`, `session`, `token:NAME`, or `cron` for a recurring job's turn."""
    if who.via != "token":
        return who.via
    return "session" if who.token_name is None else f"token:{who.token_name}"


def _changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> dict[str, Any]:
    """Only what differs, and neither where there is nothing to tell of it."""
    was, now = before or {}, after or {}
    names = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    told = {
        "before": {name: was[name] for name in names if name in was},
        "after": {name: now[name] for name in names if name in now},
    }
    return {side: values for side, values in told.items() if values}


async def note_done(audit: Audit, entry: Entry) -> None:
    """Note what is done: it stays done even if the audit log cannot be written; then the engine's log has it."""
    try:
        await audit.append(entry)
    except StoreError as error:
        log.error("Not in the audit log: %s: %s", entry, error)
