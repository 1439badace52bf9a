"""The submitters' own keys: which job, or which job array, an account has under a key.

Must not know why anybody asks.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from engine.protocol.fields import JobFields
from engine.store.readers import Readers
from engine.store.request import FIELD_COLUMNS, fields_of

_KNOWN = """
SELECT asked.value, coalesce(
    (SELECT parent FROM arrays WHERE account = :account AND job_id = asked.value),
    (SELECT id FROM jobs WHERE account = :account AND job_id = asked.value)
) AS number FROM json_each(:keys) AS asked WHERE number IS NOT NULL
"""
_ELEMENT = """
SELECT min(jobs.id) FROM json_each(:indices) AS element
JOIN jobs ON jobs.account = :account AND jobs.job_id = :key || '[' || element.value || ']'
"""
_REQUESTS = (
    f"SELECT id, oom_retries, {FIELD_COLUMNS} FROM jobs "  # noqa: S608 - columns named there
    "WHERE account = ? AND id IN (SELECT value FROM json_each(?))"
)


@dataclass(slots=True, frozen=True, kw_only=True)
class Asked:
    """What a job was asked for. oom_retries: attempts for which the engine changed the GPU memory that it asks for."""

    fields: JobFields
    oom_retries: int


class Keys:
    """Looks keys up."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def known(self, account: str, keys: Collection[str]) -> dict[str, int]:
        """Key to id, for those of `keys` that the account has used: of an array, its first element's."""
        if not keys:
            return {}
        asked = {"account": account, "keys": json.dumps(list(keys))}
        return await self._readers.read(lambda db: dict(db.conn.execute(_KNOWN, asked).fetchall()))

    async def requests(self, account: str, numbers: Collection[int]) -> dict[int, Asked]:
        """What the account's jobs of these ids were asked for."""

        def work(db: Database) -> dict[int, Asked]:
            rows = db.conn.execute(_REQUESTS, (account, json.dumps(list(numbers))))
            return {row[0]: Asked(fields=fields_of(row[2:]), oom_retries=row[1]) for row in rows}

        return await self._readers.read(work)

    async def in_the_way(self, account: str, key: str, indices: Sequence[int]) -> int | None:
        """The job because of which the key was not to be had; indices: of the array that was to be made of it."""
        asked = {"account": account, "key": key, "indices": json.dumps(list(indices))}

        def work(db: Database) -> int | None:
            [(number,)] = db.conn.execute(_ELEMENT, asked)
            return None if number is None else int(number)

        return (await self.known(account, [key])).get(key) or await self._readers.read(work)
