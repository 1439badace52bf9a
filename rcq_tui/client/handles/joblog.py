"""A job's output, as text and as lines that come. Must not know handles."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial
from typing import Literal

from rcq_tui.client.calls import Calls
from rcq_tui.client.handles.patience import patiently

Stream = Literal["stdout", "stderr"]
LAST_BYTES = 16 * 1024 * 1024
"""Of a longer log so much of its end is given, unless more is asked for."""
_CHUNK_BYTES = 1024 * 1024
_FIRST_S, _MOST_S = 0.1, 1.0


async def read(calls: Calls, job: int, stream: Stream, last_bytes: int) -> str:
    """The end of the output as it is now."""
    parts: list[str] = []
    chunk = await calls.log(job, stream, -last_bytes, min(last_bytes, _CHUNK_BYTES))
    until = chunk.size
    while chunk.next_offset > chunk.offset:
        parts.append(chunk.text)
        if chunk.next_offset >= until:
            break
        chunk = await calls.log(job, stream, chunk.next_offset, min(until - chunk.next_offset, _CHUNK_BYTES))
    return "".join(parts)


async def lines(calls: Calls, job: int, stream: Stream, patience_s: float) -> AsyncGenerator[str, None]:
    """Each line without its end, from the first one on, until the job has ended; also over a restart of the engine."""
    held = ""
    async for text in _pieces(calls, job, stream, patience_s):
        *whole, held = (held + text).split("\n")
        for line in whole:
            yield line
    if held:
        yield held


async def _pieces(calls: Calls, job: int, stream: Stream, patience_s: float) -> AsyncIterator[str]:
    offset, pause_s = 0, _FIRST_S
    while True:
        chunk = await patiently(partial(calls.log, job, stream, offset, _CHUNK_BYTES), patience_s)
        if chunk.next_offset > offset:
            offset, pause_s = chunk.next_offset, _FIRST_S
            yield chunk.text
            continue
        if chunk.complete:
            return
        await asyncio.sleep(pause_s)
        pause_s = min(_MOST_S, pause_s * 1.5)
