"""`rcq results`: what jobs left in their directories, as a ZIP."""

import os
import sys
import time
from collections.abc import Generator
from contextlib import closing
from typing import Any

from engine.protocol.errors import Unreachable
from rcq_tui.cli.call import engine
from rcq_tui.cli.failures import Failed, UsageError
from rcq_tui.cli.ids import job_id
from rcq_tui.cli.options import parser
from rcq_tui.cli.targets import array_target, ids_of
from rcq_tui.client.download import END_BYTES, Arriving, NotWhole, is_end
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.formats import memory
from rcq_tui.viewmodel.text import clean

TIMEOUT_S = 120.0
"""A large directory is counted before anything is sent."""
_EVERY_S = 0.1
_MIB = 1 << 20
Pieces = Generator[bytes, None, None]


def run(argv: list[str]) -> int:
    """Fetch the results of a job, or of elements of a job array."""
    options = parser(
        "results",
        "Fetch what a job left in its directory, as a ZIP: script, logs, how it ended, all its files.\n"
        "RCQ-LEFT-OUT.txt in it names what could not go in.",
        "rcq results 12\nrcq results 12 -o run12.zip --force\nrcq results '7[3-5]'\nrcq results 12 -o - | bsdtar -xf -",
    )
    options.add_argument("id", metavar="ID", help="an id, or elements of a job array: '7[3-5,9]', '7[]'")
    options.add_argument("-o", "--output", metavar="FILE", help="where to (a directory, too); -: standard output")
    options.add_argument("--force", action="store_true", help="replace a file that is there")
    options.add_argument("--code", action="store_true", help="with the code that was captured at submission")
    chosen = options.parse_args(argv)
    if chosen.output == "-" and sys.stdout.isatty():
        raise UsageError("a ZIP is nothing for a terminal; write -o FILE, or send it into a file or pipe")
    wire = engine(TIMEOUT_S)
    path, query, name = _asked(wire, chosen.id)
    pieces = wire.download(path, {**query, "code": 1 if chosen.code else None})
    progress = Received()
    with closing(pieces), closing(progress):
        if chosen.output == "-":
            _to_output(pieces, progress)
        else:
            _to_file(pieces, _target(chosen.output, name), progress, replace=chosen.force)
    return 0


def _asked(wire: Wire, word: str) -> tuple[str, dict[str, Any], str]:
    """The path and query of the request, and what to call the file. Raises UsageError, Refused."""
    if "[" not in word:
        return f"/v1/jobs/{job_id(word)}/results", {}, f"job-{job_id(word)}.zip"
    target = array_target(word)
    if str(target.elements).isdigit():
        (number,) = ids_of(wire, target, 1)
        return f"/v1/jobs/{number}/results", {}, f"job-{number}.zip"
    return f"/v1/jobs/{target.number}/results", {"elements": target.elements}, f"array-{target.number}.zip"


def _target(output: str | None, name: str) -> str:
    if output is None:
        return name
    return os.path.join(output, name) if os.path.isdir(output) else output  # noqa: PTH112, PTH118


def _to_file(pieces: Pieces, target: str, progress: "Received", *, replace: bool) -> None:
    shown = clean(target)
    try:
        with Arriving(target, replace=replace) as file:
            try:
                for piece in pieces:
                    file.write(piece)
                    progress.more(len(piece))
                file.keep()
            except (Unreachable, NotWhole) as broken:
                raise _broken_off(broken, file.size, f"; {shown} was not written") from broken
            progress.close()
            print(f"{shown}: {_told(file.size)}")
    except FileExistsError as error:
        raise Failed(f"{shown} is there already: name another with -o FILE, or add --force") from error
    except OSError as error:
        raise Failed(f"{shown} cannot be written: {error.strerror}; nothing was kept") from error


def _to_output(pieces: Pieces, progress: "Received") -> None:
    size, tail = 0, b""
    try:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
            size, tail = size + len(piece), (tail + piece[-END_BYTES:])[-END_BYTES:]
            progress.more(len(piece))
        if not is_end(tail):
            raise NotWhole
    except (Unreachable, NotWhole) as broken:
        raise _broken_off(broken, size, "; what was written is not whole") from broken
    sys.stdout.buffer.flush()


def _broken_off(why: Exception, size: int, so: str) -> Unreachable:
    if not size and isinstance(why, Unreachable):
        return why
    return Unreachable(f"the download broke off after {size} bytes{so}. Try again; the engine's log may say why.")


def _told(size: float) -> str:
    return f"{size:.0f} bytes" if size < _MIB else memory(size / _MIB)


class Received:
    """How much has come, on standard error and only on a terminal: nobody knows how much will."""

    def __init__(self) -> None:
        self._size = 0
        self._began = self._drawn_at = time.monotonic()
        self._visible = sys.stderr.isatty()
        self._is_drawn = False

    def more(self, size: int) -> None:
        """So many more bytes came."""
        self._size += size
        now = time.monotonic()
        if self._visible and now - self._drawn_at >= _EVERY_S:
            self._drawn_at, self._is_drawn = now, True
            rate = self._size / (now - self._began)
            sys.stderr.write(f"\r{_told(self._size)}, {_told(rate)}/s\x1b[K")
            sys.stderr.flush()

    def close(self) -> None:
        """Take it away."""
        if self._is_drawn:
            self._is_drawn = False
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
