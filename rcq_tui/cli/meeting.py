"""Where a job in the foreground finds who submitted it: a socket in a folder that nobody else can enter.

Must not know what is said once the two have met.
"""

import os
import select
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.protocol.stage import HELLO, PIECE, Broken, Frames, peer_uid
from rcq_tui.cli.failures import Failed

MOST_PATH = 107
"""Bytes in the path of a Unix socket."""
HELLO_S = 5.0


class Meeting:
    """A socket where a job is awaited. path: where it is."""

    def __init__(self, listener: socket.socket, path: Path) -> None:
        self._listener = listener
        self.path = path

    def met(self, job: int, timeout_s: float) -> tuple[socket.socket, Frames] | None:
        """The connection of that job and what reads it, if it comes in that time; anybody else is sent away."""
        if not select.select([self._listener], [], [], timeout_s)[0]:
            return None
        connection, _ = self._listener.accept()
        try:
            connection.settimeout(HELLO_S)
            frames = Frames()
            if peer_uid(connection) == os.getuid() and _said_hello(connection, frames) == str(job):
                return connection, frames
        except (OSError, Broken, KeyError, TypeError):
            pass
        connection.close()
        return None

    def close(self) -> None:
        """Nobody is awaited any more; nothing is left of it."""
        self._listener.close()
        _remove(self.path.parent)


@contextmanager
def meeting() -> Iterator[Meeting]:
    """A place in a fresh folder, closed at the end. Raises Failed."""
    place = _found()
    try:
        yield place
    finally:
        place.close()


def _found() -> Meeting:
    for parent in (os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp"):  # noqa: S108 (a fresh folder there, of mode 0700)
        with suppress(OSError):
            if _is_fit(parent):
                return _opened(parent)
    raise Failed("no folder for a socket could be made in $XDG_RUNTIME_DIR or /tmp; make room in one of them")


def _is_fit(parent: str) -> bool:
    """Whether a path in there can be sent to the engine, and connected to from anywhere."""
    has_room = len(os.fsencode(parent)) <= MOST_PATH - len("/rcq-run-12345678/s")
    return parent.startswith("/") and parent.isprintable() and has_room


def _opened(parent: str) -> Meeting:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder: Path | None = None
    try:
        folder = Path(tempfile.mkdtemp(prefix="rcq-run-", dir=parent))
        listener.bind(os.fspath(folder / "s"))
        listener.listen()
    except OSError:
        listener.close()
        if folder is not None:
            _remove(folder)
        raise
    return Meeting(listener, folder / "s")


def _remove(folder: Path) -> None:
    """Without opening anything: it may be that nothing can be opened any more."""
    with suppress(OSError):
        (folder / "s").unlink(missing_ok=True)
        folder.rmdir()


def _said_hello(connection: socket.socket, frames: Frames) -> str | None:
    """The job that it says it is."""
    while piece := connection.recv(PIECE):
        if found := frames.feed(piece):
            return str(found[0].value["job"]) if found[0].kind == HELLO else None
    return None
