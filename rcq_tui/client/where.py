"""Which engine a command talks to: `$RCQ_SOCKET`, else the machine's, else a personal one.

Must not know requests or commands.
"""

import os
import socket

from config.paths import SYSTEM_SOCKET

_NO_PATIENCE_S = 5.0


def find_socket() -> str:
    """The socket's path; a personal engine is started on demand. Raises Unreachable when that fails."""
    given = os.environ.get("RCQ_SOCKET")
    if given:
        return given
    if SYSTEM_SOCKET.exists():
        return str(SYSTEM_SOCKET)
    from rcq_tui.client import personal  # noqa: PLC0415  only those without a machine's engine pay for it

    return personal.running_socket()


def answers(path: str) -> bool:
    """Whether something listens on the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(_NO_PATIENCE_S)
        try:
            sock.connect(path)
        except OSError:
            return False
        return True
