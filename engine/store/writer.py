"""THE one writer: a thread that owns the writing connection and lets concurrent writes share a commit.

Must not know what is written.
"""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlite_utils import Database

from engine.store.committimes import CommitTimes
from engine.store.errors import StoreClosed, WriteFailed

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class _Call:
    work: Callable[[Database], Any]
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Any]"
    result: Any = None
    error: Exception | None = None


class Writer:
    """Runs writes one after the other and answers each once it is on disk.

    Everything that waits when the thread gets to it goes into one transaction, each call in a savepoint of its own:
    a call that fails is undone alone. commits: transactions committed so far; times: how long they took. trouble: what
    is wrong with the file or its disk, by the last that was tried; `None` if that went well.
    """

    def __init__(self, path: Path, db: Database) -> None:
        self.commits = 0
        self.times = CommitTimes()
        self.trouble: str | None = None
        self._path = path
        self._db = db
        self._connection: sqlite3.Connection = db.conn
        self._waiting: list[_Call] = []
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="rcq-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[Database], T]) -> T:
        """Run `work` in the writer's thread; its result once it is on disk.

        `work` must neither commit nor roll back, and may be run again after disk trouble. What it raises is raised
        here, and then nothing of it was written. A caller that stops waiting does not stop the write.
        Raises WriteFailed, StoreClosed.
        """
        loop = asyncio.get_running_loop()
        call = _Call(work=work, loop=loop, answer=loop.create_future())
        with self._changed:
            if self._closing:
                raise StoreClosed("The store is closed: the engine is stopping.")
            self._waiting.append(call)
            self._changed.notify()
        result: T = await call.answer
        return result

    async def close(self) -> None:
        """Write what waits, then close the connection. Twice is the same as once."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while calls := self._take():
            began = time.monotonic()
            self._commit(calls)
            self.times.note(ended := time.monotonic(), ended - began)
            self.trouble = next((str(call.error) for call in calls if isinstance(call.error, WriteFailed)), None)
            _tell(calls)
        self._db.close()

    def _take(self) -> list[_Call]:
        """Everything that waits; nothing at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            calls, self._waiting = self._waiting, []
        return calls

    def _commit(self, calls: Sequence[_Call]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for call in calls:
                self._try(call)
            if _is_read_only(self._path.parent):
                raise sqlite3.OperationalError("its file system is read-only")
            self._connection.execute("COMMIT")
            self.commits += 1
        except sqlite3.Error as error:
            self._roll_back()
            if len(calls) == 1:
                calls[0].error = calls[0].error or self._failed(error)
                return
            for call in calls:  # each by itself: one that asks too much of the disk must not take the others with it
                self._commit([call])

    def _try(self, call: _Call) -> None:
        """One call in its savepoint. Raises sqlite3.Error when the whole transaction is lost."""
        call.error = None
        self._connection.execute("SAVEPOINT call")
        try:
            call.result = call.work(self._db)
        except Exception as error:  # whatever a call raises is its caller's, and must not end the thread
            call.error = self._failed(error) if _is_trouble(error) else error
            if not self._connection.in_transaction:  # SQLite itself rolls back after some disk errors
                raise sqlite3.OperationalError(str(error)) from error
            self._connection.execute("ROLLBACK TO call")
        self._connection.execute("RELEASE call")

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):  # the error that brought us here is the one worth telling
                self._connection.execute("ROLLBACK")

    def _failed(self, error: Exception) -> WriteFailed:
        return WriteFailed(
            f"Writing to {self._path} failed: {error}. This change was not made. Free some space on its disk "
            "(or look for disk errors in the system log) and try again."
        )


def _is_read_only(place: Path) -> bool:
    """A file that was opened before still takes writes, and its flush tells no error, but nothing reaches the disk."""
    try:
        return bool(os.statvfs(place).f_flag & os.ST_RDONLY)
    except OSError:  # whatever that is, the commit tells
        return False


def _is_trouble(error: Exception) -> bool:
    """Whether the file or its disk is at fault, rather than the statement."""
    return (
        isinstance(error, sqlite3.DatabaseError)
        and not isinstance(error, sqlite3.IntegrityError)
        and getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) != sqlite3.SQLITE_ERROR
    )


def _tell(calls: Sequence[_Call]) -> None:
    """Answer all calls of one loop with one wake-up of it."""
    for loop in {call.loop for call in calls}:
        with suppress(RuntimeError):  # the loop was closed: nobody is left to hear the answer
            loop.call_soon_threadsafe(_answer, [call for call in calls if call.loop is loop])


def _answer(calls: Sequence[_Call]) -> None:
    for call in calls:
        if call.answer.done():  # its caller was cancelled meanwhile
            continue
        if call.error is not None:
            call.answer.set_exception(call.error)
        else:
            call.answer.set_result(call.result)
