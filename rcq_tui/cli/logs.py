"""`rcq logs`: prints or follows a job's output.

To a terminal its control characters are made harmless; a file or pipe gets the text as the job wrote it.
"""

import sys
import time
from typing import Any

from rcq_tui.cli.call import engine
from rcq_tui.cli.options import parser
from rcq_tui.cli.targets import one_job
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.files import files_removed
from rcq_tui.viewmodel.states import FINISHED
from rcq_tui.viewmodel.text import clean

CHUNK_BYTES = 64 * 1024
_OPENERS = "\x1b\x90\x98\x9b\x9d\x9e\x9f"
_LEFT_OVER = {"\u241b", "\ufffd"}
"""What `clean` makes of an opener whose sequence is not complete."""
_LONGEST_SEQUENCE = 2048
_POLL_FIRST_S, _POLL_MOST_S = 0.1, 1.0


def run(argv: list[str]) -> int:
    """Print a job's output."""
    options = parser("logs", "Print what a job wrote.", "rcq logs 12\nrcq logs 12 -f\nrcq logs 12 --stderr | tail")
    options.add_argument("id", metavar="ID", help="an id, or an element of a job array: '7[3]'")
    options.add_argument("-f", "--follow", action="store_true", help="go on until the job has ended")
    options.add_argument("--stderr", action="store_true", help="standard error instead of standard output")
    chosen = options.parse_args(argv)
    wire = engine()
    number, stream = one_job(wire, chosen.id), "stderr" if chosen.stderr else "stdout"
    if not _copy(wire, number, stream, chosen.follow):
        sys.stderr.write(f"rcq: {_nothing(wire, number, stream)}\n")
    return 0


def _nothing(wire: Wire, number: int, stream: str) -> str:
    """What to say of a job that wrote nothing: an empty answer alone leaves people guessing."""
    job = wire.request("GET", f"/v1/jobs/{number}")
    if removed := files_removed(job):
        return f"the files of job {number} {removed}"
    if job["state"] in FINISHED:
        said = f": {clean(job['message'])}" if job["message"] else f". See: rcq show {number}"
        return f"job {number} ended ({clean(job['state'])}) and wrote nothing to {stream}{said}"
    if job["started_at"] is not None:
        return f"job {number} runs and has written nothing to {stream} yet. Follow it: rcq logs -f {number}"
    return f"job {number} is {clean(job['state'])} and has not started. See: rcq why {number}"


def _copy(wire: Wire, number: int, stream: str, follow: bool) -> int:
    """Write out what there is, or all that will be; how many bytes that was."""
    offset: int = 0
    pause = _POLL_FIRST_S
    harmless = Harmless() if sys.stdout.isatty() else None
    while True:
        chunk = _chunk(wire, number, stream, offset)
        if chunk["text"]:
            sys.stdout.write(harmless.feed(chunk["text"]) if harmless else chunk["text"])
            sys.stdout.flush()
        moved = chunk["next_offset"] > offset
        offset = chunk["next_offset"]
        if moved:
            pause = _POLL_FIRST_S
            continue
        if chunk["complete"] or not follow:
            break
        time.sleep(pause)
        pause = min(_POLL_MOST_S, pause * 1.5)
    if harmless:
        sys.stdout.write(harmless.end())
    return offset


def _chunk(wire: Wire, number: int, stream: str, offset: int) -> dict[str, Any]:
    query = {"stream": stream, "offset": offset, "limit": CHUNK_BYTES}
    chunk: dict[str, Any] = wire.request("GET", f"/v1/jobs/{number}/log", query)
    return chunk


class Harmless:
    """Makes a job's output safe for a terminal, piece by piece, and holds back an escape sequence cut in two.

    Line feeds stay; a carriage return begins a new line, so that a progress bar cannot overwrite what stands there.
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """The safe form of the next piece."""
        text = self._held + text
        keep = _complete(text)
        text, self._held = text[:keep], text[keep:]
        return self._safe(text)

    def end(self) -> str:
        """What was held back."""
        held, self._held = self._held, ""
        return self._safe(held)

    def _safe(self, text: str) -> str:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return "\n".join(clean(line) for line in lines)


def _complete(text: str) -> int:
    """How many characters can be judged: all but a carriage return or an escape sequence at the end that may go on."""
    if text.endswith("\r"):
        return len(text) - 1
    begins = max(text.rfind(opener) for opener in _OPENERS)
    tail = text[begins:]
    if begins < 0 or len(tail) > _LONGEST_SEQUENCE or "\n" in tail:
        return len(text)
    return begins if clean(tail)[:1] in _LEFT_OVER else len(text)
