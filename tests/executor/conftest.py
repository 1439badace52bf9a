"""A state directory of its own for each test, engines on it, and a bounded wait; nothing may be left running."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from engine.core.lifecycle import Cause
from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, Shape
from engine.core.snapshot import Lease
from engine.executor import tree
from engine.executor.process import ProcessExecutor
from engine.ports import Ending, Launch, Running

PATIENCE_S = 30.0


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it; the test fails if it never comes true."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 (what is waited for happens in other processes)
            await asyncio.sleep(0.005)


def lease(job: str = "1", shape: Shape | None = None, gpus: tuple[str, ...] = ()) -> Lease:
    owner = Owner(account=AccountName("ada"), group=GroupName("bio"))
    key = GroupKey(owner=owner, service=None, priority=5, preemptible=False, shape=shape or Shape())
    return Lease(job=JobId(job), key=key, gpus=gpus, started_at=0.0, expected_end=60.0)


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    os.kill(pid, number)


def is_running(pid: int) -> bool:
    return tree.stat(pid) is not None


class Engine:
    """One life of an engine: an open executor and what it told."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.executor = ProcessExecutor(root)
        self.endings: list[Ending] = []

    async def open(self) -> "Engine":
        await self.executor.open(self.endings.append)
        return self

    def launch(self, *argv: str, job: str = "1", **changes: object) -> Launch:
        """A launch with unremarkable values where `changes` says nothing."""
        directory = self.root / "jobs" / job
        directory.mkdir(parents=True, exist_ok=True)
        values: dict[str, object] = {
            "job": JobId(job),
            "attempt": 1,
            "argv": argv,
            "environment": {"PATH": os.environ["PATH"], "MARK": str(self.root)},
            "workdir": directory,
            "directory": directory,
            "time_limit_s": 60.0,
            "warn_before_s": 0.0,
            "grace_s": 5.0,
            "lease": lease(job),
        }
        return Launch(**{**values, **changes})  # type: ignore[arg-type]

    async def start(self, *argv: str, job: str = "1", **changes: object) -> Running:
        return await self.executor.start(self.launch(*argv, job=job, **changes))

    async def run(self, *argv: str, job: str = "1", **changes: object) -> Ending:
        await self.start(*argv, job=job, **changes)
        return await self.end_of(job)

    async def end_of(self, job: str = "1") -> Ending:
        await until(lambda: any(one.job == job for one in self.endings))
        return next(one for one in self.endings if one.job == job)

    async def said(self, text: str, job: str = "1") -> str:
        """Standard output of a job, once it holds `text`."""
        path = self.root / "jobs" / job / "stdout.log"
        await until(lambda: path.exists() and text in path.read_text())
        return path.read_text()

    async def stop(self, grace_s: float = 5.0, cause: Cause = Cause.CANCELLED) -> None:
        await self.executor.stop(JobId("1"), cause, grace_s)

    def supervisor(self) -> int:
        """Its pid."""
        (found,) = [pid for pid in tree.all_processes() if is_supervisor(pid, self.root)]
        return found


def is_supervisor(pid: int, root: Path) -> bool:
    """Whether it is that directory's; shepherds have the same arguments and another name."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return False
    return str(root).encode() in words and name == "rcq-supervisor"


def processes_of(root: Path) -> list[int]:
    """Jobs (by their environment), supervisor and shepherds (by their argument) of a state directory."""
    found = []
    for pid in tree.all_processes():
        try:
            text = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if str(root).encode() in text:
            found.append(pid)
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "state"
    made.mkdir()
    return made


@pytest_asyncio.fixture
async def engine(root: Path) -> AsyncIterator[Engine]:
    made = await Engine(root).open()
    yield made
    await made.executor.close()
    try:
        await until(lambda: not processes_of(root))
    finally:
        for pid in processes_of(root):
            kill(pid)
