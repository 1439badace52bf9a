"""What a request is answered with when the store fails, and what the audit log gets to hear of it.

Must not know any one request.
"""

import logging
from typing import Any

from engine.api.asks import Identity
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.store.audit import Audit, Entry
from engine.store.errors import StoreError

log = logging.getLogger(__name__)


def not_ready(error: StoreError) -> Refused:
    """SERVICE_NOT_READY: nothing was changed, and the store says why."""
    return Refused("SERVICE_NOT_READY", f"Nothing was changed: {error} Try again once that is mended.")


def audited(clock: Clock, who: Identity | None, action: str, target: str, **detail: Any) -> Entry:
    """An audit entry for what `who` does now; `None` is somebody who is not logged in."""
    return Entry(at=clock.now(), account=who.account if who else None, action=action, target=target, detail=detail)


async def note_done(audit: Audit, entry: Entry) -> None:
    """Note what is done: it stays done even if the audit log cannot be written; then the engine's log has it."""
    try:
        await audit.append(entry)
    except StoreError as error:
        log.error("Not in the audit log: %s: %s", entry, error)
