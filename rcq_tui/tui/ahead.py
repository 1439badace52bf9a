"""Asks the engine what would become of a job while somebody still writes it: calmly, and never an old answer after a
newer one.

Must not know what the job looks like on the screen.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from engine.protocol.errors import RcqError, Refused
from engine.protocol.fields import JobFields
from engine.protocol.responses import Preview

CALM_S = 0.3
"""Nothing is asked before nobody wrote for so long."""
_AGAIN_S = 2.0
_SCRIPT_MOST = 64 * 1024
"""Characters of a script that are sent along: when a job would start does not depend on what follows."""

Answer = Preview | RcqError


class Ahead:
    """One question at a time. ask: the engine. tell: called with each answer that is still about what is wanted."""

    def __init__(self, ask: Callable[[JobFields], Awaitable[Preview]], tell: Callable[[Answer], None]) -> None:
        self._ask = ask
        self._tell = tell
        self._job: JobFields | None = None
        self._wake = asyncio.Event()

    def want(self, job: JobFields | None) -> None:
        """This job from now on; `None`: nothing, until one can be read again."""
        self._job = job
        self._wake.set()

    def again(self) -> None:
        """The same once more: the queue may be another one now."""
        self._wake.set()

    async def run(self) -> None:
        """Ask and tell, for as long as the form is open."""
        while True:
            await self._wake.wait()
            while self._wake.is_set():
                self._wake.clear()
                await asyncio.sleep(CALM_S)
            if self._job is not None:
                await self._settle(self._job)

    async def _settle(self, job: JobFields) -> None:
        answer: Answer
        try:
            answer = await self._ask(_short(job))
        except Refused as refused:
            if refused.code == "RATE_LIMITED":  # who types fast asks often: that is nobody's fault
                await asyncio.sleep(refused.retry_after_s or _AGAIN_S)
                self._wake.set()
                return
            answer = refused
        except RcqError as lost:
            answer = lost
        if not self._wake.is_set():
            self._tell(answer)


def _short(job: JobFields) -> JobFields:
    if job.script is None or len(job.script) <= _SCRIPT_MOST:
        return job
    return replace(job, script=job.script[:_SCRIPT_MOST])
