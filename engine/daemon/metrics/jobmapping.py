"""Which jobs are on which card, in files as dcgm-exporter reads them (`--hpc-job-mapping-dir`).

A file for each card, named as the driver counts it (`2`), or for each MIG instance by its GPU instance (`2.5`), has
the ids of the jobs on it, one a line; it is empty where there is none. Each is replaced as a whole, and none ever goes:
the reader gives up on all where one vanishes between its look and its reading. Must not know how cards are read.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from pathlib import Path

from engine.core.lifecycle import JobState
from engine.daemon.books import Books
from engine.readings import GpuReading

log = logging.getLogger(__name__)

TRY_AGAIN_S = 30.0
READABLE_DIR, READABLE = 0o755, 0o644
"""dcgm-exporter runs as whoever it likes."""
_OURS = re.compile(r"\d+(\.\d+)?")
_NEW = ".new-"
"""What a file is called while it is being written: nothing that the reader takes for a card's."""


class JobMapping:
    """Keeps the files of `directory` as the books are."""

    def __init__(self, books: Books, directory: Path) -> None:
        self._books = books
        self._directory = directory
        self._due = asyncio.Event()
        self._due.set()
        self._written: dict[str, str] | None = None
        self._trouble = ""

    def changed(self, *_what: object) -> None:
        """Something may have started, ended or been read: look soon, not now."""
        self._due.set()

    async def run(self) -> None:
        """Write what changed, until this is cancelled. Trouble with the disk holds nobody else up."""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                self._written = await asyncio.to_thread(write, self._directory, texts(self._books), self._written)
                self._trouble = ""
            except OSError as error:
                self._written = None
                self._tell(f"{self._directory}: {error.strerror or error}")
                await asyncio.sleep(TRY_AGAIN_S)
                self._due.set()

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.error("Which jobs are on which card is not written for dcgm-exporter now: %s", trouble)
        self._trouble = trouble


def texts(books: Books) -> dict[str, str]:
    """What each card's file is to say."""
    users = books.users()
    jobs: dict[str, set[int]] = {}
    for card in books.cards.here():
        running = (live for live in users.get(card.reading.uuid, ()) if live.state is JobState.RUNNING)
        jobs.setdefault(file_of(card.reading), set()).update(int(live.job) for live in running)
    return {name: "".join(f"{job}\n" for job in sorted(found)) for name, found in jobs.items()}


def file_of(reading: GpuReading) -> str:
    """The file's name; compute instances of one GPU instance share it."""
    card = str(reading.index if reading.position is None else reading.position)
    return card if reading.gpu_instance is None else f"{card}.{reading.gpu_instance}"


def write(directory: Path, wanted: Mapping[str, str], before: Mapping[str, str] | None) -> dict[str, str]:
    """Make the files so; what is there now. before: what was there; `None`: nobody knows.

    Those that somebody took away come again. Raises OSError, once all that can be written is.
    """
    if not directory.is_dir():
        directory.mkdir()
        directory.chmod(READABLE_DIR)
    there = {file.name for file in directory.iterdir() if _OURS.fullmatch(file.name)}
    if before is None:
        wanted = dict.fromkeys(there, "") | dict(wanted)  # an earlier engine's, of cards that are gone
        before = {}
    troubles = []
    for name, text in {**dict.fromkeys(before.keys() & there, ""), **wanted}.items():
        if name not in there or before.get(name) != text:
            try:
                _replace(directory, name, text)
            except OSError as trouble:
                troubles.append(trouble)
    if troubles:
        raise troubles[0]
    return dict(wanted)


def _replace(directory: Path, name: str, text: str) -> None:
    new = directory / f"{_NEW}{name}"
    new.unlink(missing_ok=True)
    with new.open("x", encoding="ascii") as opened:
        opened.write(text)
    new.chmod(READABLE)
    new.replace(directory / name)
