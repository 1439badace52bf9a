"""The systemd executor behind the levers of the contract suite. Jobs run as the Unix user `user1`."""

import contextlib
import os
import pwd
import subprocess
from collections.abc import Iterator
from pathlib import Path

from config.paths import LAUNCHER_SOCKET
from engine.executor import tree
from engine.executor.attempt import GROUPS, pids_of
from engine.executor.systemd import SystemdExecutor
from engine.ports import Executor, Process
from tests.contract.executor_sides import until

SLICE = "/rcq.slice/rcq-jobs.slice"
USER = "user1"


@contextlib.contextmanager
def as_root() -> Iterator[None]:
    """For a moment."""
    before = os.geteuid()
    os.seteuid(0)
    try:
        yield
    finally:
        os.seteuid(before)


class SystemdSide:
    user: str | None = USER
    local = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self.strangers: dict[int, subprocess.Popen[bytes]] = {}

    def executor(self) -> Executor:
        return SystemdExecutor(LAUNCHER_SOCKET, tasks_max=1000, can_pause=True)

    def living(self, job: str) -> int:
        return sum(len(pids_of(f"{SLICE}/rcq-job-{job}.{kind}")) for kind in ("service", "scope"))

    def still(self, job: str) -> int:
        events = GROUPS / f"{SLICE}/rcq-job-{job}.service/cgroup.events".lstrip("/")
        frozen = events.exists() and "frozen 1" in events.read_text().splitlines()
        return self.living(job) if frozen else 0

    def release(self, job: str) -> None:
        (self.root / "jobs" / job / "release").touch()

    def stranger(self) -> Process:
        who = pwd.getpwnam(USER)
        with as_root():
            one = subprocess.Popen(["sleep", "300"], user=who.pw_uid, group=who.pw_gid, extra_groups=[])
        self.strangers[one.pid] = one
        found = tree.stat(one.pid)
        assert found is not None
        return Process(pid=one.pid, start=found.start)

    def leave(self, pid: int) -> None:
        with as_root():
            self.strangers[pid].kill()
            self.strangers[pid].wait()

    def processes(self) -> list[int]:
        """Of all jobs."""
        return pids_of(SLICE)

    async def clear(self) -> None:
        """No job's unit is left: what nobody knows is swept away."""
        sweeper = SystemdExecutor(LAUNCHER_SOCKET, tasks_max=1000, can_pause=True)
        await sweeper.open(lambda ending: None)
        await sweeper.sweep(lambda job, attempt: False)
        await until(lambda: not self.units())
        await sweeper.close()

    def units(self) -> str:
        """What systemd has of jobs."""
        listed = ["systemctl", "list-units", "--all", "--plain", "--no-legend", "rcq-job-*"]
        return subprocess.run(listed, check=True, capture_output=True, text=True).stdout
