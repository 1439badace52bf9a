"""The API on its Unix socket: claiming the path, running uvicorn inside the engine's own event loop, ending cleanly.

Must not know any route or the backend. Signals are the daemon's: none is touched here.
"""

import asyncio
import contextlib
import math
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from engine.api.acceptor import Acceptor
from engine.api.bounds import Bounds
from engine.api.connections import Connections
from engine.api.parting import Parting
from engine.api.peer import PeerProtocol, credentials, written
from engine.protocol.errors import RcqError, Refused

BACKLOG = 4096
"""Connections that the kernel keeps until they are taken. A client that finds no room there is refused at once."""
GRACE_S = 3
MAX_PATH_BYTES = 107


TOO_MANY = Refused(
    "RATE_LIMITED", "Too many connections of yours (or of all) have a request under way; try again.", retry_after_s=1.0
)


class SocketTaken(RcqError):
    """The socket's path cannot be had; the message says why and what to do."""


async def serve(
    app: FastAPI,
    socket_path: Path,
    on_ready: Callable[[], None],
    *,
    mode: int = 0o600,
    stop: asyncio.Event | None = None,
) -> None:
    """Answer on `socket_path` until `stop` is set or this task is cancelled; then end streams and answers under way.

    on_ready: called once connections are accepted. mode: of the socket; on the appliance everybody may connect
    (0o666), as the kernel or a token tells who it is. Answers under way get `GRACE_S` seconds. Raises SocketTaken.
    """
    listener = claim(socket_path, mode)
    mine = _inode(socket_path)
    try:
        await serve_on(app, listener, on_ready, stop or asyncio.Event())
    finally:
        _release(listener, socket_path, mine)


async def serve_on(app: FastAPI, listener: socket.socket, on_ready: Callable[[], None], stop: asyncio.Event) -> None:
    """The same on a listening, non-blocking socket, which stays the caller's."""
    server = _Server(app, stop, on_ready)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    finally:
        server.leave()
        await serving


def claim(path: Path, mode: int, setting: str = "engine.socket") -> socket.socket:
    """A bound, listening socket at `path` that nobody could connect to under other permissions.

    A socket left behind by a dead engine is replaced. setting: what names the path, for who has to change it.
    SocketTaken if a living one answers, or the path is no socket.
    """
    if len(str(path).encode()) > MAX_PATH_BYTES:
        raise SocketTaken(f"{path} is longer than the kernel's {MAX_PATH_BYTES} bytes; set {setting} to a shorter one.")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _clear(path, setting)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(mode)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SocketTaken(f"Cannot listen on {path}: {error.strerror}. Set {setting} to another path.") from error
    listener.setblocking(False)
    return listener


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers and its ten wake-ups a second."""

    def __init__(self, app: FastAPI, stop: asyncio.Event, on_ready: Callable[[], None]) -> None:
        super().__init__(_config(app))
        self._app = app
        self._bounds: Bounds = app.state.bounds
        self._leave = stop
        self._on_ready = on_ready

    def leave(self) -> None:
        self._leave.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        bounds = self._bounds
        self._book = Connections(bounds.connections, bounds.connections_per_user, loop.time)
        self._acceptors = [Acceptor(listener, self._welcome) for listener in sockets or []]
        self._opening: set[asyncio.Task[None]] = set()
        self.servers = []
        for acceptor in self._acceptors:
            acceptor.open()
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for acceptor in self._acceptors:
            acceptor.close()
        await super().shutdown(sockets)

    def _welcome(self, connection: socket.socket) -> None:
        """A connection came: count it in, or say at once that there is no room for it."""
        protocol = PeerProtocol(self.config, self.server_state, {}, asyncio.get_running_loop())
        protocol.bounds = self._bounds
        protocol.peer = credentials(connection)
        protocol.uid = protocol.peer.uid if protocol.peer else -1
        if not self._book.admit(protocol):
            with connection, contextlib.suppress(OSError):
                connection.send(written(TOO_MANY))
            return
        protocol.book = self._book
        opening = asyncio.create_task(self._open(protocol, connection))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _open(self, protocol: PeerProtocol, connection: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, connection)
        except OSError:  # it went again
            connection.close()
            self._book.gone(protocol)

    async def main_loop(self) -> None:
        self._on_ready()
        await self._leave.wait()
        self._app.state.closing.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: FastAPI) -> uvicorn.Config:
    bounds: Bounds = app.state.bounds
    return uvicorn.Config(
        Parting(app),
        http=PeerProtocol,
        timeout_keep_alive=math.ceil(bounds.head_timeout_s),
        ws="none",
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )


def _clear(path: Path, setting: str) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise SocketTaken(f"{path} exists and is no socket; move it away or set {setting} to another path.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise SocketTaken(f"Cannot tell who is on {path}: {error}. Stop it, or set {setting}.") from error
    raise SocketTaken(f"An engine already answers on {path}. Stop it first, or set {setting} to another path.")


def _inode(path: Path) -> int:
    return path.lstat().st_ino


def _release(listener: socket.socket, path: Path, mine: int) -> None:
    listener.close()
    with contextlib.suppress(OSError):
        if _inode(path) == mine:  # somebody may have put another one there
            path.unlink()
