"""Starting a command in the foreground: a terminal of its own or somebody's descriptors, a session, a clean slate.

Standard library only. Must not know sockets, nor what is relayed.
"""

import errno
import fcntl
import os
import signal
import struct
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from engine.executor.spawn import MEANINGS, RESET, LaunchError

NOT_FOUND = 127
"""The exit code of a command that could not be begun, as shells have it."""
WINDOW = struct.Struct("HHHH")


class Terminal(NamedTuple):
    """A pseudo-terminal. master: the side that plays the person; slave: what the command sees."""

    master: int
    slave: int


def opened(told: Mapping[str, Any]) -> Terminal:
    """A terminal that is like the submitter's. told: its `rows`, `columns` and `attributes`. Raises OSError."""
    terminal = Terminal(*os.openpty())
    resize(terminal.master, [told["rows"], told["columns"]])
    with suppress(termios.error, TypeError, ValueError):  # of another system's kind: this one's own will do
        termios.tcsetattr(terminal.slave, termios.TCSANOW, list(told["attributes"]))
    os.set_blocking(terminal.master, False)
    return terminal


def resize(terminal: int, size: Sequence[Any]) -> None:
    """Rows and columns; who runs in it is told by the kernel. Odd numbers are left alone."""
    with suppress(struct.error, TypeError, ValueError):
        rows, columns = size
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, WINDOW.pack(rows, columns, 0, 0))


def begin(
    program: str, argv: Sequence[str], environment: Mapping[str, str], slave: int | None, files: Sequence[int]
) -> int:
    """Start it as leader of a session of its own; its pid. slave: its terminal; else `files` are its first three.

    At a terminal `files` may be one, for its errors. Raises LaunchError.
    """
    heard, tells = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            _enter(slave, files)
            os.execve(program, list(argv), dict(environment))  # noqa: S606 (it is a command, not a line for a shell)
        except OSError as problem:
            os.write(tells, str(problem.errno or 0).encode())
        except ValueError:
            os.write(tells, str(errno.EINVAL).encode())
        finally:
            os._exit(NOT_FOUND)
    os.close(tells)
    try:
        failed = os.read(heard, 16)
    finally:
        os.close(heard)
    if failed:
        os.waitpid(pid, 0)
        number = int(failed)
        raise LaunchError(f"{argv[0]} {MEANINGS.get(number) or f'cannot be run: {os.strerror(number)}'}")
    return pid


def _enter(slave: int | None, files: Sequence[int]) -> None:
    if slave is not None:
        os.login_tty(slave)
    else:
        os.setsid()
    for number, handle in enumerate(files, 0 if slave is None else 2):
        os.dup2(handle, number)
    for number in RESET:
        with suppress(OSError):  # the C library keeps two for itself
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
