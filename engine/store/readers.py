"""A small pool of read-only connections, used from threads so that the event loop never waits for the disk.

Must not know what is read.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from engine.store.database import connect_reader
from engine.store.errors import StoreClosed

T = TypeVar("T")


class Readers:
    """As many connections as threads; each read sees one instant of the database."""

    def __init__(self, path: Path, size: int = 2) -> None:
        self.path = path
        self._idle = [connect_reader(path) for _ in range(size)]
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="rcq-reader")
        self._closed = False

    async def read(self, work: Callable[[Database], T]) -> T:
        """Run `work` on one snapshot, in a thread; it sees every write that was answered before. Raises StoreClosed."""
        if self._closed:
            raise StoreClosed("The store is closed: the engine is stopping.")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, work)

    async def close(self) -> None:
        """Wait for reads under way, then close the connections. Twice is the same as once."""
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        while self._idle:
            self._idle.pop().close()

    def _run(self, work: Callable[[Database], T]) -> T:
        db = self._idle.pop()  # never empty: there are as many connections as threads
        connection: sqlite3.Connection = db.conn
        try:
            connection.execute("BEGIN")
            try:
                return work(db)
            finally:
                connection.execute("ROLLBACK")
        finally:
            self._idle.append(db)
