"""`placer.py` as a job's owner, in a unit beside the job: how it went comes back through a pipe.

The pipe tells when it has ended, however long that takes; and where nobody reads it any more, the placer ends. Must not
know jobs, nor what is placed.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from engine.executor import placer
from engine.executor.launcherlink import LauncherRefused, LauncherUnreachable
from engine.executor.placer import CannotPlace, Step

LOOK_S = 0.5
MOST_BYTES = 64 * 1024
"""Of what it says only the end is of interest; before that come dots."""
IN_THE_WAY = ("already loaded", "already exists", "has a fragment")
"""In systemd's words: an earlier one of the same job, which an engine that was killed left, has not ended yet."""

Begin = Callable[[Sequence[str], int], Awaitable[None]]
"""Has a program run as the owner, its output to a descriptor. Raises LauncherUnreachable, LauncherRefused."""


def command(directory: Path, steps: Sequence[Step]) -> list[str]:
    """The program and its arguments."""
    words = [word for step in steps for word in step]
    return [sys.executable, "-I", "-S", str(placer.__file__), str(directory), *words]


async def place(begin: Begin, directory: Path, steps: Sequence[Step], wanted: Callable[[], bool]) -> bool:
    """Place as the owner; false if that was broken off, as it is not wanted any more.

    Raises CannotPlace, LauncherUnreachable, LauncherRefused.
    """
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    try:
        reader, transport = await _reader(ours)
        try:
            said = asyncio.create_task(_read(reader))
            try:
                try:
                    await begin(command(directory, steps), theirs)
                finally:
                    os.close(theirs)
                    theirs = -1
                while not said.done() and wanted():
                    await asyncio.wait({said}, timeout=LOOK_S)
                return _understood(await said) if said.done() else False
            finally:
                said.cancel()
        finally:
            transport.close()
    except LauncherRefused as refused:
        if any(words in str(refused) for words in IN_THE_WAY):
            raise LauncherUnreachable(f"an earlier placing is in the way: {refused}") from refused
        raise
    finally:
        if theirs >= 0:
            os.close(theirs)


async def _reader(handle: int) -> tuple[asyncio.StreamReader, asyncio.BaseTransport]:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(handle, "rb"))
    return reader, transport


async def _read(reader: asyncio.StreamReader) -> str:
    """The last line."""
    kept = b""
    while piece := await reader.read(MOST_BYTES):
        kept = (kept + piece)[-MOST_BYTES:]
    return kept.decode(errors="replace").strip().rpartition("\n")[2]


def _understood(line: str) -> bool:
    """True if all was placed. Raises CannotPlace."""
    if line == placer.PLACED:
        return True
    number, _, told = line.partition(" ")
    name, _, why = told.partition(": ")
    if why:
        with suppress(ValueError):
            raise CannotPlace(name, why, int(number))
    raise CannotPlace("rcq", "the program that places them ended early; see journalctl -u 'rcq-task-*'")
