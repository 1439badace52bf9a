"""Notifications in the books: what each account chose, and the outbox of messages that are to be sent.

The secret of a webhook has to be kept as it is: it signs. Must not know how a message is made or sent.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlite_utils import Database

from engine.core.lifecycle import JobState
from engine.store.audit import Entry, log
from engine.store.readers import Readers
from engine.store.writer import Writer

_COUNTS = """
SELECT state, count(*), min(started_at), max(ended_at) FROM jobs
WHERE id >= ? AND id < ? AND array_parent = ? GROUP BY state
"""


@dataclass(slots=True, frozen=True, kw_only=True)
class Choice:
    """What an account chose to be told, and how. on: of the protocol's `EVENTS`; the rest as `NotifyView` has it."""

    account: str
    on: tuple[str, ...] = ()
    mail: str | None = None
    webhook: str | None = None
    secret: str | None = None
    command: bool = False
    terminal: str = "off"
    min_run_s: float = 0.0


@dataclass(slots=True, frozen=True, kw_only=True)
class Parcel:
    """A message in the outbox. message: JSON. made_at, due_at: Unix seconds; due_at is the time of the next try.

    id: given by the engine, never twice while the row is there.
    """

    id: int
    account: str
    channel: str
    message: str
    made_at: float
    due_at: float
    tries: int = 0


@dataclass(slots=True, frozen=True, kw_only=True)
class ArrayStanding:
    """How the elements of a job array stand. states: how many are in each; times: of the first start, the last end."""

    states: dict[JobState, int]
    started_at: float | None
    ended_at: float | None


class Notifications:
    """Choices and outbox. `entry` goes to the audit log in the same transaction."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def choices(self) -> list[Choice]:
        """Of every account that ever chose."""
        return await self._readers.read(lambda db: [_choice(row) for row in db.table("notify").rows])

    async def choose(self, choice: Choice, *, entry: Entry | None = None) -> None:
        """Write what an account chose down, in place of what it chose before."""

        def work(db: Database) -> None:
            db.table("notify").upsert(_row(choice), pk="account")
            log(db, entry)

        await self._writer.write(work)

    async def parcels(self) -> list[Parcel]:
        """Everything that is to be sent, the oldest first."""
        return await self._readers.read(
            lambda db: [Parcel(**row) for row in db.table("outbox").rows_where(order_by="id")]
        )

    async def keep(self, parcels: Sequence[Parcel]) -> None:
        """Write messages down, or their next tries."""

        def work(db: Database) -> None:
            db.table("outbox").upsert_all([asdict(parcel) for parcel in parcels], pk="id")

        await self._writer.write(work)

    async def drop(self, numbers: Sequence[int]) -> None:
        """These are sent or given up."""

        def work(db: Database) -> None:
            db.conn.execute("DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(numbers),))

        await self._writer.write(work)

    async def array(self, parent: int, size: int) -> ArrayStanding:
        """How the elements of the array of so many stand whose first one has this id."""

        def work(db: Database) -> ArrayStanding:
            rows = db.conn.execute(_COUNTS, (parent, parent + size, parent)).fetchall()
            return ArrayStanding(
                states={JobState(state): count for state, count, _, _ in rows},
                started_at=min((began for _, _, began, _ in rows if began is not None), default=None),
                ended_at=max((ended for _, _, _, ended in rows if ended is not None), default=None),
            )

        return await self._readers.read(work)


def _row(choice: Choice) -> dict[str, Any]:
    row = asdict(choice)
    return {"events": json.dumps(row.pop("on")), **row, "command": int(choice.command)}


def _choice(row: dict[str, Any]) -> Choice:
    known = dict(row)
    on = tuple(json.loads(known.pop("events")))
    return Choice(**{**known, "on": on, "command": bool(row["command"])})
