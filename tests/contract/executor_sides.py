"""The fake executor and the real ones behind the same levers, for the suite that asks all of them."""

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, Shape
from engine.core.snapshot import Lease
from engine.executor import tree
from engine.executor.process import ProcessExecutor
from engine.executor.slurm.executor import SlurmExecutor
from engine.executor.slurm.naming import Naming
from engine.executor.slurm.request import Where
from engine.ports import Ending, Executor, Launch, Process
from engine.slurm.commands import Commands
from tests.contract.fake_executor import Behaviour, FakeExecutor, FakeHost
from tests.slurm.cluster import Cluster

PATIENCE_S = 30.0
CLUSTER_PATIENCE_S = 60.0
"""A cluster starts a few jobs a second on a small machine."""

OK = ("sh", "-c", "exit 0")
SEVEN = ("sh", "-c", "exit 7")
KILLED = ("sh", "-c", "kill -9 $$")
MISSING = ("no-such-command-anywhere", "x")
WRITES = ("sh", "-c", "echo out; echo err >&2")
WAITS = ("sh", "-c", "until [ -e release ]; do sleep 0.02; done; exit 3")
TREE = ("sh", "-c", "sleep 300 & (setsid sleep 300 &) ; sleep 300 & echo ready; sleep 300; exit 3")
ALL_OF_TREE = 5
"""Processes, once all have begun: never as many before."""
BEHAVIOURS = {
    OK: Behaviour(exit_code=0),
    SEVEN: Behaviour(exit_code=7),
    KILLED: Behaviour(signal=9),
    MISSING: Behaviour(missing=True),
    WRITES: Behaviour(exit_code=0, stdout=b"out\n", stderr=b"err\n"),
    WAITS: Behaviour(exit_code=3, waits=True),
    TREE: Behaviour(waits=True, processes=ALL_OF_TREE, stdout=b"ready\n"),
}
"""Each command, and what the fake is told that it does."""


async def until(condition: Callable[[], bool], patience_s: float = CLUSTER_PATIENCE_S) -> None:
    """Wait for it; the test fails if it never comes true."""
    async with asyncio.timeout(patience_s):
        while not condition():  # noqa: ASYNC110 (what is waited for happens in other processes)
            await asyncio.sleep(0.005)


class Side(Protocol):
    """The fake or a real one, with the levers that a test needs. user: the Unix user that its jobs run as.

    local: its jobs are processes of this host, whose pids the engine knows.
    """

    root: Path
    local: bool
    user: str | None

    def executor(self) -> Executor:
        """Another engine's executor on the same host."""
        ...

    def living(self, job: str) -> int:
        """How many processes of a job are left."""
        ...

    def still(self, job: str) -> int:
        """How many of them stand still."""
        ...

    def release(self, job: str) -> None:
        """Let a job of `WAITS` go on to its end."""
        ...

    def stranger(self) -> Process:
        """A process that no executor started."""
        ...

    def leave(self, pid: int) -> None:
        """Let a stranger end by itself."""
        ...


class FakeSide:
    user: str | None = None
    local = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self.host = FakeHost()
        for argv, behaviour in BEHAVIOURS.items():
            self.host.expect(argv, behaviour)

    def executor(self) -> Executor:
        return FakeExecutor(self.host)

    def living(self, job: str) -> int:
        return self.host.living(JobId(job))

    def still(self, job: str) -> int:
        return self.living(job) if self.host.is_still(JobId(job)) else 0

    def release(self, job: str) -> None:
        self.host.release(JobId(job))

    def stranger(self) -> Process:
        return self.host.stranger()

    def leave(self, pid: int) -> None:
        self.host.leave(pid)


class RealSide:
    user: str | None = None
    local = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self.strangers: dict[int, subprocess.Popen[bytes]] = {}

    def executor(self) -> Executor:
        return ProcessExecutor(self.root)

    def living(self, job: str) -> int:
        mark = f"MARK={self.root}/{job}".encode()
        return sum(mark in environment(pid) for pid in tree.all_processes())

    def still(self, job: str) -> int:
        mark = f"MARK={self.root}/{job}".encode()
        found = tree.all_processes().values()
        return sum(mark in environment(one.pid) for one in found if one.state in tree.STOPPED)

    def release(self, job: str) -> None:
        (self.root / "jobs" / job / "release").touch()

    def stranger(self) -> Process:
        one = subprocess.Popen(["sleep", "300"], env={"MARK": f"{self.root}/stranger"})
        self.strangers[one.pid] = one
        found = tree.stat(one.pid)
        assert found is not None
        return Process(pid=one.pid, start=found.start)

    def leave(self, pid: int) -> None:
        self.strangers[pid].kill()
        self.strangers[pid].wait()


class SlurmSide(RealSide):
    """A real cluster, whose nodes are this host: what runs on them can be seen all the same."""

    local = False

    def __init__(self, root: Path, cluster: Cluster, *, bin_dir: Path | None = None, timeout_s: float = 20.0) -> None:
        super().__init__(root)
        self.cluster = cluster
        self._bin_dir = bin_dir or cluster.bin_dir
        self._timeout_s = timeout_s

    def executor(self) -> SlurmExecutor:
        commands = Commands(conf=str(self.cluster.conf), timeout_s=self._timeout_s, bin_dir=str(self._bin_dir))
        return SlurmExecutor(commands, Naming.of(self.root), Where(), poll_s=0.2)

    def jobs(self) -> list[str]:
        """Names of Slurm's jobs that have not ended."""
        return self.cluster.run("squeue", "--noheader", "--format=%j").split()


def environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def processes_of(root: Path) -> list[int]:
    """Jobs (by their environment) and supervisor (by its argument) of that state directory."""
    return [
        pid
        for pid in tree.all_processes()
        if str(root).encode() in b"".join(environment(pid)) or str(root).encode() in command_line(pid)
    ]


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


class Engine:
    """An open executor and what it told."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.executor = side.executor()
        self.endings: list[Ending] = []

    async def open(self) -> "Engine":
        await self.executor.open(self.endings.append)
        return self

    async def end_of(self, job: str) -> Ending:
        await until(lambda: any(one.job == job for one in self.endings))
        return next(one for one in self.endings if one.job == job)


def launch(side: Side, job: str, argv: tuple[str, ...], *, time_limit_s: float = 60.0, attempt: int = 1) -> Launch:
    directory = side.root / "jobs" / job
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o777)
    directory.parent.chmod(0o711)
    key = GroupKey(
        owner=Owner(account=AccountName("ada"), group=GroupName("bio")),
        service=None,
        priority=5,
        preemptible=False,
        shape=Shape(),
    )
    return Launch(
        job=JobId(job),
        attempt=attempt,
        argv=argv,
        environment={"PATH": os.environ["PATH"], "MARK": f"{side.root}/{job}"},
        workdir=directory,
        directory=directory,
        time_limit_s=time_limit_s,
        warn_before_s=0.0,
        grace_s=2.0,
        lease=Lease(job=JobId(job), key=key, gpus=(), started_at=0.0, expected_end=60.0),
        user=side.user,
    )
