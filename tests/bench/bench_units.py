"""What a job costs as a unit of systemd's, against `systemd-run` for the same on the same machine in the same run.

As root on a booted machine with the launcher's socket, the user `rcq` and a user of `rcq-users`; no engine may run:
`python -m tests.bench.bench_units USER [JOBS]`.
"""

import asyncio
import os
import pwd
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from config.paths import LAUNCHER_SOCKET
from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, Shape
from engine.core.snapshot import Lease
from engine.executor.systemd import SystemdExecutor
from engine.ports import Ending, Launch

FIRST = 9_000_000
AT_ONCE = 20
Times = list[float]


def launch(number: int, user: str, root: Path) -> Launch:
    directory = root / str(number)
    directory.mkdir()
    directory.chmod(0o777)
    owner = Owner(account=AccountName(user), group=GroupName("bench"))
    key = GroupKey(owner=owner, service=None, priority=5, preemptible=False, shape=Shape())
    return Launch(
        job=JobId(str(number)),
        attempt=1,
        argv=("/bin/true",),
        environment={"PATH": "/usr/bin:/bin"},
        workdir=directory,
        directory=directory,
        time_limit_s=60.0,
        warn_before_s=0.0,
        grace_s=5.0,
        lease=Lease(job=JobId(str(number)), key=key, gpus=(), started_at=0.0, expected_end=60.0),
        user=user,
        memory_mb=100,
    )


async def ours(user: str, jobs: int, at_once: int, root: Path) -> Times:
    """Seconds from the request to the end of each job, `at_once` at a time."""
    ends: dict[str, asyncio.Future[Ending]] = {}
    executor = SystemdExecutor(LAUNCHER_SOCKET, tasks_max=100, can_pause=False)
    await executor.open(lambda ending: ends[ending.job].set_result(ending))
    turns, times = asyncio.Semaphore(at_once), Times()

    async def one(number: int) -> None:
        async with turns:
            wanted = launch(number, user, root)
            ends[wanted.job] = asyncio.get_running_loop().create_future()
            began = time.perf_counter()
            await executor.start(wanted)
            ending = await ends[wanted.job]
            times.append(time.perf_counter() - began)
            assert ending.exit_code == 0, ending
            executor.forget(wanted.job)

    first = FIRST + at_once * 10_000
    await asyncio.gather(*(one(first + number) for number in range(jobs)))
    while executor._units.all():  # noqa: ASYNC110 - what is waited for happens in other processes
        await asyncio.sleep(0.05)
    await executor.close()
    return times


async def theirs(user: str, jobs: int, at_once: int) -> Times:
    """The same by `systemd-run --wait`, which has the same unit made."""
    turns, times = asyncio.Semaphore(at_once), Times()
    words = [
        "systemd-run",
        "-q",
        "--wait",
        f"--uid={user}",
        "-p",
        "MemoryMax=100M",
        "-p",
        "DevicePolicy=closed",
        "true",
    ]

    async def one() -> None:
        async with turns:
            began = time.perf_counter()
            assert await (await asyncio.create_subprocess_exec(*words, user=0)).wait() == 0
            times.append(time.perf_counter() - began)

    await asyncio.gather(*(one() for _ in range(jobs)))
    return times


def tell(name: str, times: Times, whole_s: float) -> None:
    print(f"{name:34}  {1000 * median(times):7.1f} ms each  {len(times) / whole_s:7.1f} jobs/s", flush=True)


async def compare(user: str, jobs: int, root: Path) -> None:
    for at_once in (1, AT_ONCE):
        began = time.perf_counter()
        tell(f"rcq, {at_once} at once", await ours(user, jobs, at_once, root), time.perf_counter() - began)
        began = time.perf_counter()
        tell(f"systemd-run, {at_once} at once", await theirs(user, jobs, at_once), time.perf_counter() - began)


def main(user: str, jobs: int = 200) -> None:
    if subprocess.run(["systemctl", "is-active", "--quiet", "rcq-engine"], check=False).returncode == 0:
        sys.exit("stop the engine first: systemctl stop rcq-engine")
    who = pwd.getpwnam("rcq")
    os.setegid(who.pw_gid)
    os.seteuid(who.pw_uid)
    with tempfile.TemporaryDirectory(dir="/var/lib/rcq") as made:
        root = Path(made)
        root.chmod(0o711)
        asyncio.run(compare(user, jobs, root))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
