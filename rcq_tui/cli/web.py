"""`rcq web`: the terminal UI in a browser, on this machine's own address."""

import argparse
import errno
import socket
from typing import Any

from engine.protocol.errors import Refused
from rcq_tui.cli.failures import Failed, UsageError
from rcq_tui.cli.options import parser
from rcq_tui.cli.queue import at_least_one
from rcq_tui.client.where import find_socket
from rcq_tui.client.wire import Wire

PORT = 8017
MOST = 8
_LOOPBACK = {"127.0.0.1": socket.AF_INET, "localhost": socket.AF_INET, "::1": socket.AF_INET6}


def run(argv: list[str]) -> int:
    """Serve until ^C."""
    options = parser(
        "web",
        "Serve the terminal UI to browsers on this machine, until ^C. Everybody logs in there with name and password,\n"
        "you too. From another machine, open a tunnel first: ssh -L 8017:127.0.0.1:8017 THIS-MACHINE",
        "rcq web\nrcq web --port 9000",
    )
    options.add_argument("--port", metavar="N", type=_port, default=PORT, help=f"listen there (default: {PORT})")
    options.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="127.0.0.1 (default) or ::1")
    options.add_argument(
        "--sessions",
        metavar="N",
        type=at_least_one,
        default=MOST,
        help=f"browsers at a time, at most (default: {MOST})",
    )
    chosen = options.parse_args(argv)
    if chosen.host not in _LOOPBACK:
        raise UsageError(
            f"rcq web listens on this machine alone (127.0.0.1), not on {chosen.host}: passwords would cross the "
            f"network as they are. From elsewhere: ssh -L {chosen.port}:127.0.0.1:{chosen.port} THIS-MACHINE"
        )
    socket_path = find_socket()
    _ask_for_an_engine(socket_path)
    return _serve(socket_path, _listen(chosen), chosen.sessions)


def _serve(socket_path: str, listener: socket.socket, most: int) -> int:
    host, port = listener.getsockname()[:2]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    print(f"rcq is at http://{address}/ for browsers on this machine; ^C ends it and their sessions.", flush=True)
    print(f"From another machine: ssh -L {port}:{address} THIS-MACHINE, then the same address there.", flush=True)
    print(
        "Everybody logs in with name and password. No password yet? An admin sets one: rcq account passwd NAME",
        flush=True,
    )
    from rcq_tui.web.server import serve
    from rcq_tui.web.session import command

    with listener:
        serve(listener, command(socket_path), most)
    return 0


def _ask_for_an_engine(socket_path: str) -> None:
    """Raises Unreachable where none answers. One that is not well still shows that itself."""
    try:
        Wire(socket_path).request("GET", "/healthz")
    except Refused:
        return


def _listen(chosen: Any) -> socket.socket:
    """Raises Failed where that port is taken or not ours to take."""
    host = "127.0.0.1" if chosen.host == "localhost" else chosen.host
    listener = socket.socket(_LOOPBACK[chosen.host], socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, chosen.port))
        listener.listen()
    except OSError as error:
        listener.close()
        why = "somebody listens there already" if error.errno == errno.EADDRINUSE else error.strerror
        raise Failed(f"port {chosen.port} cannot be had: {why}. Choose another one: rcq web --port N") from error
    return listener


def _port(text: str) -> int:
    """Raises ArgumentTypeError. 0: any that is free."""
    if not (text.isascii() and text.isdecimal() and int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 to 65535, 0 for any that is free")
    return int(text)
