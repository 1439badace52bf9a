"""Which engine a command talks to: `$RCQ_SOCKET`, else the machine's, else a personal one.

Must not know requests or commands.
"""

import os
import socket

from config.homes import SYSTEM_SOCKET
from engine.protocol.errors import Unreachable

_NO_PATIENCE_S = 5.0


def find_socket(*, start: bool = True) -> str:
    """The socket's path; a personal engine is started on demand, if start. Raises Unreachable when that fails.

    Where the machine has an engine of its own a personal one would fight with it for the GPUs: none is started there,
    not even while the machine's is down.
    """
    given = os.environ.get("RCQ_SOCKET")
    if given:
        return given
    if os.path.exists(SYSTEM_SOCKET):  # noqa: PTH110  every command comes by, and pathlib is slow to load
        return SYSTEM_SOCKET
    if os.path.exists(os.path.dirname(SYSTEM_SOCKET)):  # noqa: PTH110, PTH120
        raise Unreachable(
            f"this machine's engine is down: there is no {SYSTEM_SOCKET}. "
            "An admin finds the cause with: systemctl status rcq-engine"
        )
    from rcq_tui.client import personal  # noqa: PLC0415  only those without a machine's engine pay for it

    return personal.running_socket() if start else str(personal.places().socket)


def answers(path: str) -> bool:
    """Whether something listens on the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(_NO_PATIENCE_S)
        try:
            sock.connect(path)
        except OSError:
            return False
        return True
