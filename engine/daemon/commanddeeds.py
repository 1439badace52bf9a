"""Deeds of commands that work on the engine's files beside it (`rcq backup`, `rcq restore`), for its audit log.

They lie in a file beside the database until an engine takes them up: who restores a backup has no engine, and no place
in the database that goes away. Must not know what the commands do.
"""

import asyncio
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

from engine.store.audit import Audit, Entry
from engine.store.errors import StoreError

log = logging.getLogger(__name__)

FILE, TAKEN = "commands.ndjson", "commands-taken.ndjson"
VIA = "command"


def leave(state_dir: Path, action: str, target: str, uid: int) -> None:
    """Note what was done, for the engine's next look. uid: of who called the command. Raises OSError."""
    deed = {"at": time.time(), "action": action, "target": target, "uid": uid, "pid": os.getpid()}
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(state_dir / FILE, flags, 0o600), "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(json.dumps(deed) + "\n")


async def take_up(state_dir: Path, audit: Audit) -> None:
    """Write into the audit log what was left. Trouble is logged; the next call tries again."""
    try:
        entries = await asyncio.to_thread(_read, state_dir)
        for entry in entries:
            await audit.append(entry)
        if entries:
            await asyncio.to_thread((state_dir / TAKEN).unlink)
    except (OSError, StoreError) as error:
        log.error("What commands did beside the engine is not in the audit log yet: %s", error)


def _read(state_dir: Path) -> list[Entry]:
    """What is left, put aside first, as a command may write meanwhile; or what an engine that died had put aside."""
    taken = state_dir / TAKEN
    if not taken.exists():
        try:
            (state_dir / FILE).rename(taken)
        except FileNotFoundError:
            return []
    return [entry for line in taken.read_text(encoding="utf-8").splitlines() if (entry := _entry(line)) is not None]


def _entry(line: str) -> Entry | None:
    try:
        deed: dict[str, Any] = json.loads(line)
        return Entry(
            at=float(deed["at"]),
            account=None,
            action=str(deed["action"]),
            target=str(deed["target"]),
            via=VIA,
            uid=int(deed["uid"]),
            pid=int(deed["pid"]),
        )
    except (ValueError, KeyError, TypeError):
        log.error("A line of %s is none and is left out: %.200r", FILE, line)
        return None
