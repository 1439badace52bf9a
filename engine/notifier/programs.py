"""Runs a program on some input, without a shell, for so long at most. Must not know what for."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
KEPT = ("HOME", "LANG", "LC_ALL", "LOGNAME", "USER", "TZ", "TMPDIR", "XDG_RUNTIME_DIR")
"""Of the environment; nothing else is for it to see."""


async def run(command: Sequence[str], given: bytes, limit_s: float) -> int | None:
    """Its exit code; `None` if it did not end in time: then it and its children are ended. Raises OSError.

    What it prints goes to our own standard error.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=2,
        env={"PATH": PATH, **{name: os.environ[name] for name in KEPT if name in os.environ}},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limit_s):
            await process.communicate(given)
    except TimeoutError:
        return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what it left behind in its session, too
        await process.wait()
    return process.returncode
