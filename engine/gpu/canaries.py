"""Runs the test of a card (`engine.gpu.canary`) in a process that can be ended: a broken card may never answer.

Must not know why a card is tested, nor what follows.
"""

import asyncio
import os
import sys
from contextlib import suppress

from engine.core.model import GpuUuid

TIMEOUT_S = 60.0
"""The test takes a second or two; the first one after a boot waits for the driver to set the card up."""
_REAP_S = 1.0
_MOST_WORDS = 300


class Canaries:
    """Tests cards, each in a process of its own. timeout_s: one that takes longer has failed and is killed."""

    def __init__(self, timeout_s: float = TIMEOUT_S, *, module: str = "engine.gpu.canary") -> None:
        self._timeout_s = timeout_s
        self._module = module

    async def __call__(self, gpu: GpuUuid) -> str | None:
        """What the card failed at, in words; `None` if it passed."""
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                gpu,
                str(os.getpid()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={**os.environ, "CUDA_VISIBLE_DEVICES": gpu},
            )
        except OSError as error:
            return f"the test cannot be started: {error}"
        try:
            told, _ = await asyncio.wait_for(process.communicate(), self._timeout_s)
        except TimeoutError:
            return f"the test did not end within {self._timeout_s:g} s"
        finally:
            await _ended(process)
        if process.returncode == 0:
            return None
        words = told.decode("utf-8", "replace").strip()[:_MOST_WORDS]
        return words or f"the test ended with {process.returncode}"


async def simulated_test(gpu: GpuUuid) -> str | None:
    """For simulated cards: there is nothing that could be broken."""
    return None


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Kill it if it runs; one that is stuck in the driver is left behind, since nothing can end it."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.kill()
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _REAP_S)
