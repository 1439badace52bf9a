"""Looks at what a failed attempt wrote last: did it run out of GPU memory?

The attempt keeps its lease until it is known, some milliseconds; reading is done off the event loop. Must not know what
becomes of the job.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

from engine.core.lifecycle import Cause
from engine.daemon.books import Live
from engine.daemon.oom import out_of_memory_line
from engine.executor import marks
from engine.executor.directory import path_of
from engine.executor.logs import NAMES
from engine.ports import Ending

TAIL_BYTES = 64 * 1024
"""So much of the end of each output is searched."""
ASKED = frozenset({Cause.EXIT, Cause.SIGNAL})


class LastWords:
    """Examines ends of attempts (`engine.daemon.runs.ExaminesEnds`). state_dir: where the jobs' files are."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def suspects(self, live: Live, ending: Ending) -> bool:
        """Whether it had cards, failed by itself and wrote anything. A good end is one, whatever was printed."""
        if not live.lease.gpus or live.stopping is not None or not _failed(ending):
            return False
        place = path_of(self._state_dir, live.job)
        return any(_size(place / name) for name in NAMES.values())

    async def examined(self, live: Live, ending: Ending) -> Ending:
        """With cause `gpu-out-of-memory` and the line that says so, where one does."""
        if not _failed(ending):
            return ending  # somebody else found out why
        line = await asyncio.to_thread(self._line, live)
        if line is None:
            return ending
        return replace(ending, cause=Cause.GPU_OUT_OF_MEMORY, message=f"it ran out of GPU memory: {line}")

    def _line(self, live: Live) -> str | None:
        place = path_of(self._state_dir, live.job)
        try:
            stdout, stderr = (
                marks.tail(place, live.attempt, stream, TAIL_BYTES).decode(errors="replace")
                for stream in ("stdout", "stderr")
            )
        except OSError:
            return None
        return out_of_memory_line(stdout, stderr)


def _failed(ending: Ending) -> bool:
    return ending.cause in ASKED and ending.exit_code != 0


def _size(path: Path) -> int:
    try:
        return path.stat(follow_symlinks=False).st_size
    except OSError:
        return 0
