"""What the engine's settings were when it last started. Must not know any setting."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from sqlite_utils import Database

from engine.store.audit import Entry, log
from engine.store.writer import Writer

Told = Mapping[str, Any]


class Starts:
    """Keeps the settings of the last start, to tell what the next one changes."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def begin(self, settings: Told, entry: Callable[[Told | None], Entry]) -> None:
        """Keep these (JSON values) in the place of the last ones, with the audit entry made of those (`None`: none)."""
        told = json.dumps(dict(settings), sort_keys=True)

        def work(db: Database) -> None:
            row = db.conn.execute("SELECT told FROM last_settings").fetchone()
            if row is None or row[0] != told:
                db.conn.execute("INSERT OR REPLACE INTO last_settings (one, told) VALUES (1, ?)", (told,))
            log(db, entry(json.loads(row[0]) if row is not None else None))

        await self._writer.write(work)
