"""What a job left, as a file or as a folder that is there once all of it is. Must not know handles."""

import asyncio
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

from rcq_tui.client.calls import Calls


async def archive(calls: Calls, job: int, to: Path) -> Path:
    """As a ZIP at `to`, or in that folder. Raises FileExistsError, OSError."""
    target = to / f"job-{job}.zip" if await asyncio.to_thread(to.is_dir) else to
    await calls.results(job, target)
    return target


async def folder(calls: Calls, job: int, to: Path) -> Path:
    """As the new folder `to`. Raises FileExistsError, OSError."""
    draft = Path(await asyncio.to_thread(_draft, to))
    try:
        zipped = draft / "results.zip"
        await calls.results(job, zipped)
        await asyncio.to_thread(_unpack, zipped, draft / "results", to)
    finally:
        await asyncio.to_thread(shutil.rmtree, draft, ignore_errors=True)
    return to


def _draft(to: Path) -> str:
    if os.path.lexists(to):
        raise FileExistsError(f"{to} is there already; name a new folder")
    return tempfile.mkdtemp(prefix=f".{to.name[:100]}.", suffix=".part", dir=to.parent)


def _unpack(zipped: Path, draft: Path, to: Path) -> None:
    """zipfile takes away what would lead out of the folder, and makes links plain files."""
    draft.mkdir()
    with zipfile.ZipFile(zipped) as opened:
        opened.extractall(draft)
    if os.path.lexists(to):
        raise FileExistsError(f"{to} is there by now; name a new folder")
    draft.rename(to)
