"""Reading jobs' directories with the rights of their owner: the program that does it, and how it is told what to read.

Must not know what is made of what it says, nor who asked.
"""

import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.executor import jobreader, records
from engine.executor.archive import Bounds

OWN_RECORDS = r"(?:claim|stop|pause|paused|warned|unbegun)-[0-9]+|(?:run|logs)-[0-9]+\.json|\..*\.new"
"""What the engine keeps in a job's directory for itself."""

ReadsAs = Callable[[str, Sequence[str], int], Awaitable[None]]
"""Runs a program as that Unix user, its output to a descriptor; returns when it has ended, or sooner.

Raises RcqError, OSError.
"""


@dataclass(slots=True, frozen=True, kw_only=True)
class Place:
    """A job's directory, and what the names of all in it begin with in the archive."""

    directory: Path
    prefix: str = ""


def command(places: Iterable[Place], bounds: Bounds, skip: Iterable[str] = ()) -> list[str]:
    """The program with its words. skip: names in each directory that are passed over, besides the engine's records."""
    patterns = [OWN_RECORDS, re.escape(records.EXIT), *map(re.escape, skip)]
    options = {"most_files": bounds.most_files, "most_bytes": bounds.most_bytes, "skip": "|".join(patterns)}
    words = [word for place in places for word in (place.prefix, str(place.directory))]
    return [sys.executable, "-I", "-S", jobreader.__file__, json.dumps(options), *words]


def as_text(record: records.Record) -> bytes:
    """A record as a file that people read."""
    return json.dumps(record, indent=2).encode() + b"\n"


async def read_as_oneself(user: str, argv: Sequence[str], out: int) -> None:
    """As the engine's own user, who is the owner of all jobs of a personal engine. Raises OSError."""
    running = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=out,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        await running.wait()
    finally:
        if running.returncode is None:
            running.kill()
