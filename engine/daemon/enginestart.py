"""The engine's start in the audit log: its version, and which settings are others than at its last start.

Must not know what a setting does. No setting is a secret, where one is needed they name its file; but the arguments of
a program may hold one.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

from config.settings import Settings
from engine.daemon.answers import by_engine
from engine.ports import Clock
from engine.store.audit import Entry
from engine.store.errors import StoreError
from engine.store.store import Store

log = logging.getLogger(__name__)

UNTOLD = frozenset({"notify.command"})
"""Settings of which is told that they are others, and no value."""


async def note_start(store: Store, settings: Settings, version: str, clock: Clock) -> None:
    """Write it down; at the first start, what differs from the defaults.

    The system's log gets the end of the chain: there, who forges the log cannot reach it.

    An engine starts on a disk that is full, too: then its next start tells what both of them changed.
    """
    plain, now = _values(Settings()), {"version": version, **_values(settings)}

    def entry(last: Mapping[str, Any] | None) -> Entry:
        before, after = dict(plain if last is None else last), dict(now)
        for name in UNTOLD:
            if before.get(name) != after[name]:
                before[name], after[name] = "(not shown)", "(another)"
        return by_engine(clock, "engine.start", version, before=before, after=after)

    try:
        await store.starts.begin(now, entry)
        log.info("The audit log ends with entry %d, %s.", *await store.audit.head())
    except StoreError as error:
        log.error("The start is not in the audit log: %s", error)


def _values(settings: Settings) -> dict[str, Any]:
    """Every setting as `group.key`, JSON values; of what is not told, the SHA-256."""
    groups: dict[str, dict[str, Any]] = settings.model_dump(mode="json")
    values = {f"{group}.{name}": value for group, of in groups.items() for name, value in of.items()}
    for name in UNTOLD:
        values[name] = hashlib.sha256(json.dumps(values[name]).encode()).hexdigest()
    return values
