"""A process that is killed the moment its submission was acknowledged: nothing of it is lost."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from engine.bookkeeping import KnownJob
from engine.store.store import Store

SUBMITTER = """
import asyncio, os, signal, sys
from pathlib import Path
from engine.store.store import Store
from tests.store.samples import new_job, scheduled

async def main():
    store = Store.open(Path(sys.argv[1]), half_life_s=1.0)
    while True:
        [job] = await store.jobs.add([new_job()])
        await store.jobs.record([scheduled(job, "GPU-1")])
        os.write(1, f"{job}\\n".encode())
        if int(job) == 25:
            os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
ROOT = Path(__file__).resolve().parents[2]


def killed_after_acknowledging(path: Path) -> list[str]:
    """Ids that a process told before it killed itself, with nothing tidied up."""
    done = subprocess.run(
        [sys.executable, "-c", SUBMITTER, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stdout.split()


def books(path: Path) -> list[KnownJob]:
    """What start-up finds."""

    async def read() -> list[KnownJob]:
        store = Store.open(path, half_life_s=1.0)
        try:
            return list(store.jobs.unended())
        finally:
            await store.close()

    return asyncio.run(read())


def test_what_was_acknowledged_survives_kill_nine(path: Path) -> None:
    told = killed_after_acknowledging(path)
    assert path.with_name(path.name + "-wal").stat().st_size > 0  # it really was killed with its log open
    found = books(path)
    assert [known.job for known in found] == told
    assert all(known.lease is not None and known.lease.gpus == ("GPU-1",) for known in found)


def test_a_second_life_goes_on_after_the_first(path: Path) -> None:
    killed_after_acknowledging(path)
    with path.open("rb") as before:
        head = before.read(16)
    assert head.startswith(b"SQLite format 3")
    assert len(books(path)) == len(books(path)) == 25
