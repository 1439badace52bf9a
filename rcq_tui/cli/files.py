"""`--file` of `rcq submit`: the person's own files, sent to the engine as that person, and taken back if nothing came
of the submission.

What the person may not read is not sent: the files are opened here. Must not know what a job does with them.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NamedTuple

from engine.protocol.errors import Refused, Unreachable
from engine.protocol.stagednames import unfit
from rcq_tui.cli.failures import Failed, UsageError
from rcq_tui.cli.progress import Progress
from rcq_tui.client.source import BrokenSource
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.formats import memory
from rcq_tui.viewmodel.text import clean

TYPE = "application/octet-stream"
MIB = 1024 * 1024
TIMEOUT_S = 600.0
"""The engine answers once a file is on its disk, which takes a while where that is large and the disk slow."""


class Source(NamedTuple):
    """A file to be sent: an open descriptor, which file it is, its size in bytes, whether it is a program."""

    handle: int
    path: str
    identity: tuple[int, int]
    size: int
    executable: bool


class Sending(Progress):
    """The bar of one file. path: shown beside it."""

    def __init__(self, path: str, size: int) -> None:
        super().__init__(size)
        self._path = path

    def line(self, elapsed_s: float) -> str:
        """The bar after so many seconds."""
        rate = self._bytes / MIB / elapsed_s if elapsed_s > 0 else 0.0
        sizes = f"{memory(self._bytes / MIB)} of {memory(self._size / MIB)}"
        return f"{self.gauge()}{sizes}, {rate:.0f}M/s{self.left(elapsed_s)}  {clean(self._path)}"


@contextmanager
def opened(files: Mapping[str, str]) -> Iterator[dict[str, Source]]:
    """All of them, before any is sent. Raises UsageError."""
    with ExitStack() as stack:
        sources = {}
        for name, path in files.items():
            sources[name] = _open(path)
            stack.callback(os.close, sources[name].handle)
            if (why := unfit(name)) is not None:
                raise UsageError(f"{path} cannot be {name!r} there: it {why}. Write --file NAME={path}")
        yield sources


@contextmanager
def staged(wire: Wire, sources: Mapping[str, Source]) -> Iterator[list[dict[str, Any]]]:
    """Send them, each file once: the job's field `files`. What is raised inside takes them back.

    Raises Refused, Unreachable.
    """
    sent: dict[tuple[int, int], str] = {}
    try:
        for source in sources.values():
            if source.identity not in sent:
                sent[source.identity] = _send(wire, source)
        yield [_field(name, source, sent[source.identity]) for name, source in sources.items()]
    except BaseException:
        for number in sent.values():
            with suppress(Refused, Unreachable):  # a job may have been taken in although nobody heard so: then it stays
                wire.request("DELETE", f"/v1/uploads/{number}")
        raise


def _field(name: str, source: Source, number: str) -> dict[str, Any]:
    return {"name": name, "upload": number} | ({"executable": True} if source.executable else {})


def _send(wire: Wire, source: Source) -> str:
    progress = Sending(source.path, source.size)
    try:
        for answer in wire.upload("/v1/uploads", None, source.handle, TYPE, progress.sent):
            return str(answer["upload"])
    except BrokenSource as error:
        raise Failed(f"{source.path} {error}. The job was not submitted.") from error
    finally:
        progress.end()
    raise Unreachable(f"the engine did not say what became of {source.path}. Try again.")


def _open(path: str) -> Source:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # of a FIFO it would wait for a writer
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}. Nothing was sent.") from error
    facts = os.fstat(handle)
    if stat.S_ISREG(facts.st_mode):
        identity = (facts.st_dev, facts.st_ino)
        return Source(handle, path, identity, facts.st_size, bool(facts.st_mode & stat.S_IXUSR))
    os.close(handle)
    if stat.S_ISDIR(facts.st_mode):
        raise UsageError(f"{path} is a directory; pack it first: tar -czf packed.tar.gz {path}")
    raise UsageError(f"{path} is no plain file; copy what it gives into one first")
