"""The systemd executor on a launcher that answers as it is told: what a launcher that comes and goes must not cost."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.executor import systemd
from engine.executor.attempt import PAUSED_MOST_S
from engine.executor.systemd import SystemdExecutor
from engine.ports import CannotPause, Ending
from tests.contract.executor_sides import until

JOB = JobId("42")


class Launcher:
    """Has one unit. away: it hangs up on that many connections before it answers again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.units: list[dict[str, Any]] = [
            {
                "unit": "rcq-job-42.service",
                "Description": "rcq job 42, attempt 1",
                "ActiveState": "active",
                "SubState": "running",
                "RuntimeMaxUSec": int((60 + PAUSED_MOST_S) * 1e6),
                "ExecMainStartTimestampMonotonic": int(time.monotonic() * 1e6),
                "ExecMainStartTimestamp": int(time.time() * 1e6),
            }
        ]
        self.asked: list[str] = []
        self.refused: set[str] = set()
        self.away = 0
        self.watchers: list[asyncio.StreamWriter] = []

    async def open(self) -> asyncio.Server:
        return await asyncio.start_unix_server(self._serve, self.path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = json.loads(await reader.read())
        if request["do"] != "watch":
            self.asked.append(request["do"])
        if self.away:
            self.away -= 1
        elif request["do"] == "watch":
            self._say(writer, *self.units, {})
            self.watchers.append(writer)
            return
        else:
            self._say(writer, {"error": "no"} if request["do"] in self.refused else {})
        writer.close()

    def tell(self, told: dict[str, Any]) -> None:
        for writer in self.watchers:
            self._say(writer, told)

    def _say(self, writer: asyncio.StreamWriter, *told: dict[str, Any]) -> None:
        writer.write(b"".join(json.dumps(one).encode() + b"\n" for one in told))


@pytest_asyncio.fixture
async def launcher(tmp_path: Path) -> AsyncIterator[Launcher]:
    made = Launcher(tmp_path / "sock")
    server = await made.open()
    yield made
    server.close()


@pytest_asyncio.fixture
async def ends() -> list[Ending]:
    return []


@pytest_asyncio.fixture
async def executor(
    launcher: Launcher, ends: list[Ending], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SystemdExecutor]:
    monkeypatch.setattr(systemd, "AGAIN_S", 0.01)
    made = SystemdExecutor(launcher.path, tasks_max=10, can_pause=True)
    await made.open(ends.append)
    (tmp_path / "42").mkdir()
    await made.adopt(JOB, 1, tmp_path / "42")
    yield made
    await made.close()


async def test_a_unit_that_is_gone_is_noticed_while_the_launcher_comes_and_goes(
    launcher: Launcher, executor: SystemdExecutor, ends: list[Ending]
) -> None:
    launcher.units.clear()
    launcher.away = 3
    launcher.tell({"unit": "rcq-job-42.service", "ActiveState": "gone"})
    await until(lambda: bool(ends))
    assert ends[0].cause is Cause.SIGNAL


async def test_a_kill_is_told_until_the_launcher_hears_it(
    launcher: Launcher, executor: SystemdExecutor, ends: list[Ending]
) -> None:
    await executor.stop(JOB, Cause.CANCELLED, 0.05)
    launcher.away = 3
    await until(lambda: launcher.asked.count("kill") == 4)


async def test_a_pause_that_may_have_got_through_is_taken_back(launcher: Launcher, executor: SystemdExecutor) -> None:
    launcher.away = 1
    with pytest.raises(CannotPause):
        await executor.pause(JOB)
    await until(lambda: launcher.asked == ["freeze", "thaw"])


async def test_a_pause_holds_where_it_cannot_be_noted(
    launcher: Launcher, executor: SystemdExecutor, tmp_path: Path
) -> None:
    (tmp_path / "42" / ".paused-1.new").mkdir()
    await executor.pause(JOB)
    await executor.go_on(JOB)
    assert launcher.asked == ["freeze", "thaw"]
