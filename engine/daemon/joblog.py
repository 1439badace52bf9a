"""Pieces of a job's output as text. Must not know whose job it is, nor how its file is opened safely."""

import asyncio
from pathlib import Path

from engine.core.model import JobId
from engine.executor import directory, logs
from engine.protocol.errors import Refused
from engine.protocol.responses import LogChunk


class JobLogs:
    """Reads output under `state_dir`, in a worker thread: the file may be on a slow disk."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    async def read(self, job: int, stream: str, offset: int, limit: int, *, complete: bool) -> LogChunk:
        """Bytes from `offset` (negative: from the end), decoded; complete: the job has ended."""
        if stream not in logs.NAMES:
            known = " or ".join(logs.NAMES)
            raise Refused(
                "VALIDATION_ERROR", f"stream must be {known}.", [{"field": "stream", "message": f"must be {known}"}]
            )
        place = directory.path_of(self._state_dir, JobId(str(job)))
        found = await asyncio.to_thread(logs.read, place, stream, offset, limit)
        ends_here = found.next_offset >= found.size
        data = found.data
        if not (complete and ends_here):
            # the rest of a character comes with the next piece, if this one is not too small to hold it
            data = logs.whole_characters(data) or (b"" if ends_here else data)
        return LogChunk(
            text=data.decode("utf-8", "replace"),
            offset=found.offset,
            next_offset=found.offset + len(data),
            size=found.size,
            complete=complete and ends_here,
        )
