"""The supervisor's own life: found, replaced, retired, gone when there is nothing to do; jobs do not notice."""

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import uvloop

from engine.core.lifecycle import Cause
from engine.executor import supervisor
from engine.executor.link import SupervisorFailed
from engine.executor.process import ProcessExecutor
from engine.ports import Running
from tests.executor.conftest import Engine, is_running, kill, processes_of, until

WAITS = ("sh", "-c", "echo ready; until [ -e release ]; do sleep 0.02; done; exit 5")


def release(engine: Engine) -> None:
    (engine.root / "jobs" / "1" / "release").touch()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_its_death_changes_no_result(engine: Engine, number: int) -> None:
    await engine.start(*WAITS)
    await engine.said("ready")
    first = engine.supervisor()
    kill(first, number)
    await until(lambda: not is_running(first))
    release(engine)
    assert (await engine.end_of()).exit_code == 5


async def test_a_dead_one_is_replaced(engine: Engine) -> None:
    first = engine.supervisor()
    kill(first)
    await until(lambda: not is_running(first))
    assert (await engine.run("sh", "-c", "exit 4")).exit_code == 4
    assert engine.supervisor() != first


async def test_a_start_that_was_under_way_when_it_died_is_sent_again(engine: Engine) -> None:
    first = engine.supervisor()
    kill(first, signal.SIGSTOP)
    starts = [asyncio.create_task(engine.start("sh", "-c", "echo ran", job=str(number))) for number in range(5)]
    await asyncio.sleep(0)
    assert not any(start.done() for start in starts)
    kill(first)
    await asyncio.gather(*starts)
    for number in range(5):
        assert (await engine.end_of(str(number))).exit_code == 0
        assert (engine.root / "jobs" / str(number) / "stdout.log").read_text() == "ran\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
async def test_a_terminal_does_not_reach_it(engine: Engine, number: int) -> None:
    first = engine.supervisor()
    assert os.getsid(first) == first != os.getsid(0)
    kill(first, number)
    assert (await engine.run("true")).exit_code == 0
    assert engine.supervisor() == first


async def test_it_leaves_when_there_is_nothing_to_do(engine: Engine) -> None:
    await engine.start(*WAITS)
    await engine.said("ready")
    await engine.executor.close()
    second = await Engine(engine.root).open()
    assert isinstance(await second.executor.adopt(engine.launch().job, 1, engine.launch().directory), Running)
    await second.executor.close()
    assert is_running(engine.supervisor()), "it reaps the shepherd that is left"
    release(engine)
    await until(lambda: not processes_of(engine.root))
    assert not (engine.root / supervisor.SOCKET).exists()


async def test_there_is_one_for_all_engines(engine: Engine) -> None:
    others = await asyncio.gather(*(Engine(engine.root).open() for _ in range(4)))
    assert is_running(engine.supervisor())
    await asyncio.gather(*(other.executor.close() for other in others))


async def test_only_the_owner_may_speak_to_it(engine: Engine) -> None:
    mode = (engine.root / supervisor.SOCKET).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


async def test_a_deep_directory_is_no_obstacle(tmp_path: Path) -> None:
    root = tmp_path.joinpath(*("deep" * 10 for _ in range(5)))
    root.mkdir(parents=True)
    assert len(str(root)) > 200
    engine = await Engine(root).open()
    assert (await engine.run("sh", "-c", "exit 6")).exit_code == 6
    await engine.executor.close()
    await until(lambda: not processes_of(root))


@pytest.mark.parametrize(
    "line", [b"no json\n", b"[]\n", b'{"op": "start"}\n', b'{"op": "start", "id": 1, "order": {"argv": []}}\n']
)
async def test_a_line_that_makes_no_sense_costs_only_its_sender(engine: Engine, line: bytes) -> None:
    first = engine.supervisor()
    directory = os.open(engine.root, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(supervisor.socket_path(directory))
        os.close(directory)
        stranger.settimeout(5)
        greeting = json.loads(stranger.makefile("rb").readline())
        assert greeting == {"version": supervisor.VERSION, "pid": first}
        stranger.sendall(line)
        assert stranger.recv(100) == b"", "it hung up"
    assert (await engine.run("true")).exit_code == 0
    assert engine.supervisor() == first


async def test_one_of_another_version_makes_room_and_keeps_its_jobs(root: Path) -> None:
    older = "from engine.executor import supervisor as s; import sys; s.VERSION = 0; s.main(sys.argv[1])"
    starter = await asyncio.create_subprocess_exec(sys.executable, "-c", older, str(root))
    assert await starter.wait() == 0
    old = Engine(root).supervisor()
    engine = await Engine(root).open()
    await until(lambda: not is_running(old))
    assert engine.supervisor() != old
    assert (await engine.run("true")).exit_code == 0
    await engine.executor.close()
    await until(lambda: not processes_of(root))


async def test_where_it_cannot_start_the_log_is_named(tmp_path: Path) -> None:
    (tmp_path / supervisor.LOCK).mkdir()
    with pytest.raises(SupervisorFailed, match=r"supervisor\.log"):
        await ProcessExecutor(tmp_path).open(lambda ending: None)
    assert (tmp_path / "supervisor.log").stat().st_size > 0


async def test_a_job_that_no_supervisor_could_start_is_never_started(engine: Engine) -> None:
    first = engine.supervisor()
    kill(first)
    await until(lambda: not is_running(first))
    lock = engine.root / supervisor.LOCK
    lock.unlink()
    lock.mkdir()
    ending = await engine.run("echo", "ran")
    assert ending.cause is Cause.LAUNCH_ERROR
    assert "supervisor.log" in (ending.message or "")
    lock.rmdir()
    second = await Engine(engine.root).open()
    assert await second.run("echo", "ran") == ending
    assert not (engine.root / "jobs" / "1" / "stdout.log").exists()
    await second.executor.close()


def test_it_works_under_uvloop(root: Path) -> None:
    async def story() -> None:
        engine = await Engine(root).open()
        assert (await engine.run("sh", "-c", "exit 3")).exit_code == 3
        await engine.start("sleep", "300", job="2")
        await engine.executor.stop(engine.launch(job="2").job, Cause.CANCELLED, 5.0)
        assert (await engine.end_of("2")).cause is Cause.CANCELLED
        await engine.executor.close()
        await until(lambda: not processes_of(root))

    uvloop.run(story())


def test_it_loads_little() -> None:
    heavy = {"asyncio", "dataclasses", "subprocess", "typing", "logging", "threading", "pydantic", "inspect"}
    code = "import engine.executor.supervisor, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=20)
    assert heavy.isdisjoint(done.stdout.split())
