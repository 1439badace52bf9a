"""The launcher on a real systemd: whom it hears, whom it refuses, what a unit may do."""

import asyncio
import os
import pwd
import socket
import subprocess
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from config.paths import LAUNCHER_SOCKET
from engine.executor.launcherlink import LauncherLink, LauncherRefused, LauncherUnreachable
from tests.contract.executor_sides import Engine, launch, until
from tests.inside.systemd_side import SystemdSide, as_root


@pytest_asyncio.fixture
async def link(side: SystemdSide) -> AsyncIterator[LauncherLink]:
    yield LauncherLink(LAUNCHER_SOCKET, lambda told: None, lambda told: None)


def start(**values: Any) -> dict[str, Any]:
    return {"do": "start", "job": "7", "attempt": 1, "user": "user1", **values}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"user": "root"}, "system user"),
        ({"user": "daemon"}, "system user"),
        ({"user": "rcq"}, "system user"),
        ({"user": "nobody"}, "system user"),
        ({"user": "user2"}, "usermod -aG rcq-users user2"),
        ({"user": "nobody-at-all"}, "no Unix user"),
        ({"devices": ["/dev/vda"]}, "'devices'"),
        ({"workdir": "/home/user1/../user2"}, "'workdir'"),
    ],
)
async def test_what_is_refused(link: LauncherLink, side: SystemdSide, values: dict[str, Any], why: str) -> None:
    with open(os.devnull, "r+b") as null, pytest.raises(LauncherRefused, match=why):  # noqa: PTH123, ASYNC230 - no disk
        await link.ask(start(**values), [null.fileno()] * 3)
    assert side.units() == ""


async def test_no_room_for_a_unit_is_no_fault_of_the_job(link: LauncherLink, side: SystemdSide) -> None:
    """It is asked for again, and nothing is left that looks as if it ran."""
    status = os.statvfs("/run")
    with open(os.devnull, "r+b") as null:  # noqa: PTH123, ASYNC230 - no disk
        resize_run((status.f_blocks - status.f_bfree) * status.f_frsize)
        try:
            with pytest.raises(LauncherUnreachable, match="room in /run"):
                await link.ask(start(), [null.fileno()] * 3)
        finally:
            resize_run(status.f_blocks * status.f_frsize)
        assert side.units() == ""
        await link.ask(start(), [null.fileno()] * 3)


def resize_run(size: int) -> None:
    """Bytes."""
    with as_root():
        subprocess.run(["mount", "-o", f"remount,size={size}", "/run"], check=True)


async def test_a_start_without_its_output_is_refused(link: LauncherLink, side: SystemdSide) -> None:
    with pytest.raises(LauncherRefused, match="descriptors"):
        await link.ask(start())
    assert side.units() == ""


@pytest.mark.parametrize("name", ["root", "user1", "user2"])
def test_nobody_but_the_engine_is_heard(side: SystemdSide, name: str) -> None:
    with as_root():
        os.chmod(LAUNCHER_SOCKET, 0o666)  # noqa: PTH101, S103 - even where they could reach it
        os.seteuid(pwd.getpwnam(name).pw_uid)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.connect(str(LAUNCHER_SOCKET))
                try:
                    line.sendall(b'{"do": "watch"}')
                    line.shutdown(socket.SHUT_WR)
                    heard = line.recv(100)
                except OSError:
                    heard = b""
            assert heard == b""
        finally:
            os.seteuid(0)
            os.chmod(LAUNCHER_SOCKET, 0o600)  # noqa: PTH101


async def test_a_process_of_somebody_else_is_not_adopted(link: LauncherLink, side: SystemdSide) -> None:
    request = start(do="adopt", scope=True, pids=[[os.getpid(), 1]])
    with pytest.raises(LauncherRefused, match="not user1's"):
        await link.ask(request)


async def test_a_launcher_that_is_killed_costs_nothing(side: SystemdSide, engine: Engine) -> None:
    """Each attempt runs once, whatever of its start got through."""
    jobs = [launch(side, str(number), ("sh", "-c", "echo ran; exit 7")) for number in range(20, 60)]

    async def kill() -> None:
        for _ in range(8):
            kill = ("systemctl", "kill", "-s", "KILL", "--kill-who=main", "rcq-launcher.service")
            await (await asyncio.create_subprocess_exec(*kill, user=0)).wait()
            await asyncio.sleep(0.1)

    async def begin(one: Any) -> None:
        while True:
            try:
                await engine.executor.start(one)
            except Exception:  # noqa: BLE001 - as the engine does, it is begun again
                await asyncio.sleep(0.05)
            else:
                return

    async with asyncio.timeout(30):
        await asyncio.gather(kill(), *(begin(one) for one in jobs))
    await until(lambda: len(engine.endings) == len(jobs))
    assert sorted(int(one.job) for one in engine.endings) == list(range(20, 60))
    assert {(one.exit_code, one.message) for one in engine.endings} == {(7, None)}
    assert [(one.directory / "stdout.log").read_text() for one in jobs] == ["ran\n"] * len(jobs)
