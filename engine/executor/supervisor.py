"""The process that starts jobs for an engine and outlives it: one per state directory, one shepherd per attempt.

Standard library only, and little of it: each shepherd is a fork of this. Must not know what a job is for. It keeps no
books: what it knows is in each job's directory, so it may be killed at any time and another one started.

Lines of JSON on `STATE/supervisor.sock`. It greets with `{"version", "pid"}`. `{"op": "start", "id", "order"}` is
answered, in any order, by `{"id", ...}` with `running`, `claimed`, `error` or `lost`; `{"op": "retire"}` makes room
for a newer supervisor. It leaves by itself when no engine is connected and no shepherd is left.
"""

import contextlib
import fcntl
import gc
import json
import os
import selectors
import signal
import socket
import struct
import sys
from collections.abc import Callable

from engine.executor import shepherd, tree
from engine.executor.adopted import AdoptedAttempt

VERSION = 2
"""Of the lines and records; an engine of another version has this process retire."""
MAX_LINE_BYTES = 16 * 1024 * 1024
SOCKET, LOCK = "supervisor.sock", "supervisor.lock"
FIRST_CLIENT_WITHIN_S = 30.0
SEND_WITHIN_S = 10.0


def socket_path(state: int) -> str:
    """A path to the socket that is short however deep the state directory is. state: its open file descriptor."""
    return f"/proc/self/fd/{state}/{SOCKET}"


class Client:
    """A connected engine and the piece of a line that it has sent so far."""

    __slots__ = ("buffer", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.buffer = bytearray()


class Supervisor:
    """The loop: connections, requests, shepherds."""

    def __init__(self, state: int, lock: int) -> None:
        self.state = state
        self.lock = lock
        self.boot_id = tree.boot_id()
        self.clients: set[Client] = set()
        self.shepherds: dict[int, int] = {}  # pipe that closes when the shepherd ends, to its pid
        self.selector = selectors.DefaultSelector()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(SOCKET, dir_fd=state)  # a dead supervisor's: the lock says that no other lives
        self.listener: socket.socket | None = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        self.listener.bind(socket_path(state))
        os.umask(before)
        self.listener.listen(16)
        self.selector.register(self.listener, selectors.EVENT_READ, self._accept)

    def serve(self) -> None:
        """Until there is nothing left to do."""
        served = False
        while served is False or self.clients or self.shepherds:
            ready = self.selector.select(None if served else FIRST_CLIENT_WITHIN_S)
            served = True
            for key, _ in ready:
                act: Callable[[], None] = key.data
                act()
        self._retire()

    def _retire(self) -> None:
        """Make room for another supervisor; the shepherds there are still get reaped."""
        if self.listener is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(SOCKET, dir_fd=self.state)
            self.selector.unregister(self.listener)
            self.listener.close()
            self.listener = None
            os.close(self.lock)

    # ------------------------------------------------------------ engines

    def _accept(self) -> None:
        if self.listener is None:
            return
        connection, _ = self.listener.accept()
        _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid != os.getuid():
            connection.close()
            return
        connection.settimeout(SEND_WITHIN_S)
        client = Client(connection)
        self.clients.add(client)
        self.selector.register(connection, selectors.EVENT_READ, lambda: self._read(client))
        self._answer(client, {"version": VERSION, "pid": os.getpid()})

    def _read(self, client: Client) -> None:
        try:
            piece = client.socket.recv(1 << 18)
        except OSError:
            piece = b""
        client.buffer += piece
        if not piece or len(client.buffer) > MAX_LINE_BYTES:
            self._drop(client)
            return
        *lines, rest = client.buffer.split(b"\n")
        client.buffer = rest
        for line in lines:
            self._handle(client, bytes(line))

    def _handle(self, client: Client, line: bytes) -> None:
        try:
            request = json.loads(line)
            operation = request["op"]
            order = shepherd.Order(request["order"]) if operation == "start" else None
            number = request.get("id")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
            print(f"a request was not understood: {problem!r}", file=sys.stderr, flush=True)  # noqa: T201 (the log file)
            self._drop(client)
            return
        if order is not None:
            self._start(client, number, order)
        elif operation == "retire":
            self._retire()

    def _answer(self, client: Client, answer: dict[str, object]) -> None:
        try:
            client.socket.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            self._drop(client)

    def _drop(self, client: Client) -> None:
        if client in self.clients:
            self.clients.remove(client)
            self.selector.unregister(client.socket)
            client.socket.close()

    # ------------------------------------------------------------ shepherds

    def _start(self, client: Client, number: object, order: shepherd.Order) -> None:
        reader, writer = os.pipe2(os.O_CLOEXEC)
        try:
            pid = os.fork()
        except OSError as problem:
            os.close(reader)
            os.close(writer)
            self._answer(client, {"id": number, "error": f"no process could be forked for the job: {problem}"})
            return
        if pid == 0:
            become_shepherd(order, self.boot_id, writer)
        os.close(writer)
        self.shepherds[reader] = pid
        self.selector.register(reader, selectors.EVENT_READ, lambda: self._first_word(client, number, reader))

    def _first_word(self, client: Client, number: object, reader: int) -> None:
        """The shepherd's only word, written in one piece that a pipe holds, or its death before that."""
        word = os.read(reader, 1 << 16)
        if client in self.clients:
            answer: dict[str, object] = json.loads(word) if word else {"lost": True}
            self._answer(client, {"id": number, **answer})
        if word:
            self.selector.modify(reader, selectors.EVENT_READ, lambda: self._reap(reader))
        else:
            self._reap(reader)

    def _reap(self, reader: int) -> None:
        self.selector.unregister(reader)
        os.close(reader)
        os.waitpid(self.shepherds.pop(reader), 0)


def become_shepherd(order: shepherd.Order, boot_id: str, writer: int) -> None:
    """In the forked child: let go of the supervisor's files, tend the attempt, never return."""
    status = 70
    try:
        gc.disable()
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 (names are all that is wanted)
            if int(name) > 2 and int(name) != writer:
                with contextlib.suppress(OSError):  # the listing's own is closed already
                    os.close(int(name))
        kind = None if order.adopt is None else AdoptedAttempt
        shepherd.tend(order, boot_id, lambda word: _tell(writer, word), kind)
        status = 0
    finally:
        if status:
            sys.excepthook(*sys.exc_info())
        os._exit(status)


def _tell(writer: int, word: object) -> None:
    with contextlib.suppress(OSError):  # the supervisor is gone; the records say the same
        os.write(writer, json.dumps(word).encode())


def main(state_path: str) -> None:
    """Become the supervisor of that state directory, in the background; return at once where there is one already."""
    state = os.open(state_path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    lock = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=state)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    supervisor = Supervisor(state, lock)
    shepherd.prctl(shepherd.PR_SET_NAME, b"rcq-supervisor")
    if os.fork():
        os._exit(0)  # whoever started this one knows by that: the socket is there
    os.setsid()
    os.chdir("/")
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    gc.freeze()
    supervisor.serve()


if __name__ == "__main__":
    main(sys.argv[1])
