"""Adoption, stops and deaths in real processes: what becomes of a tree, and what is said about it."""

import asyncio
import errno
import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.executor import endings, tree
from engine.ports import Ending, Running
from tests.executor.conftest import Engine, is_running, kill, processes_of, until

DAEMON = "(setsid sh -c 'sleep 300 & echo daemon $! .; exec sleep 300' &)"
"""Forks twice, in a session of its own: the job's shell knows nothing of it."""


def run_record(engine: Engine) -> dict[str, int]:
    return json.loads((engine.root / "jobs" / "1" / "run-1.json").read_text())


async def daemon_of(engine: Engine) -> int:
    """The pid that a job's daemon told."""
    words = (await engine.said(" .\n")).split()
    return int(words[words.index("daemon") + 1])


def session(leader: int) -> list[int]:
    """Processes of that session."""
    return [one.pid for one in tree.all_processes().values() if one.session == leader]


async def test_a_killed_shepherd_takes_the_job_with_it(engine: Engine) -> None:
    running = await engine.start("sh", "-c", f"{DAEMON}; sleep 300 & echo ready; wait", environment=marked(engine))
    daemon = await daemon_of(engine)
    kill(run_record(engine)["shepherd"])
    ending = await engine.end_of()
    assert (ending.cause, ending.signal, ending.exit_code) == (Cause.SIGNAL, 9, None)
    assert ending.message == endings.ABANDONED
    assert ending.started_at == running.started_at
    assert not is_running(daemon)
    assert running.pid is not None
    assert not session(running.pid)
    assert json.loads((engine.root / "jobs" / "1" / "exit").read_text())["signal"] == 9


def marked(engine: Engine) -> dict[str, str]:
    """What a job's environment names the attempt by."""
    directory = str(engine.root / "jobs" / "1")
    return {**engine.launch().environment, "RCQ_JOB_DIR": directory, "RCQ_ATTEMPT": "1"}


async def test_a_shepherd_killed_while_no_engine_ran(engine: Engine) -> None:
    running = await engine.start("sh", "-c", "echo ready; sleep 300")
    await engine.said("ready")
    await engine.executor.close()
    shepherd = run_record(engine)["shepherd"]
    kill(shepherd)
    await until(lambda: not is_running(shepherd))
    second = await Engine(engine.root).open()
    found = await second.executor.adopt(JobId("1"), 1, engine.root / "jobs" / "1")
    assert isinstance(found, Ending)
    assert (found.cause, found.signal) == (Cause.SIGNAL, 9)
    assert running.pid is not None
    assert not session(running.pid)
    await second.executor.close()


async def test_a_reboot_is_told_from_a_kill(engine: Engine) -> None:
    directory = engine.launch().directory
    me = {"shepherd": os.getpid(), "shepherd_start": 1, "boot_id": "another"}
    (directory / "claim-1").write_text(json.dumps(me))
    (directory / "run-1.json").write_text(
        json.dumps({"job": "1", "attempt": 1, **me, "pid": os.getpid(), "pid_start": 1, "started_at": 50.0})
    )
    found = await engine.executor.adopt(JobId("1"), 1, directory)
    assert isinstance(found, Ending)
    assert (found.cause, found.signal, found.started_at) == (Cause.HOST_REBOOT, None, 50.0)


async def test_a_claim_whose_shepherd_died_before_the_job_ran(engine: Engine) -> None:
    directory = engine.launch().directory
    claim = {"shepherd": os.getpid(), "shepherd_start": 1, "boot_id": tree.boot_id()}
    (directory / "claim-1").write_text(json.dumps(claim))
    found = await engine.executor.adopt(JobId("1"), 1, directory)
    assert isinstance(found, Ending)
    assert (found.cause, found.message) == (Cause.LAUNCH_ERROR, endings.INTERRUPTED)
    assert json.loads((directory / "exit").read_text())["cause"] == "launch-error"
    second = await Engine(engine.root).open()
    ending = await second.run("sh", "-c", "echo ran")
    assert (ending.cause, ending.message) == (Cause.LAUNCH_ERROR, endings.INTERRUPTED)
    assert not (directory / "stdout.log").exists(), "a claimed attempt is not run again"
    await second.executor.close()


async def test_an_exit_file_that_the_job_forges_is_not_believed(engine: Engine) -> None:
    lie = json.dumps({"attempt": 1, "cause": "exit", "exit_code": 0, "ended_at": 1.0})
    await engine.start(
        "sh", "-c", f"echo '{lie}' > exit; echo ready; until [ -e release ]; do sleep 0.02; done; exit 9"
    )
    await engine.said("ready")
    second = await Engine(engine.root).open()
    directory = engine.root / "jobs" / "1"
    assert isinstance(await second.executor.adopt(JobId("1"), 1, directory), Running)
    (directory / "release").touch()
    assert (await second.end_of()).exit_code == 9
    await second.executor.close()


async def test_stop_reaches_a_daemon_of_the_job(engine: Engine) -> None:
    await engine.start("sh", "-c", f"{DAEMON}; echo ready; sleep 300")
    daemon = await daemon_of(engine)
    assert is_running(daemon)
    await engine.stop()
    assert (await engine.end_of()).cause is Cause.CANCELLED
    assert not is_running(daemon)


async def test_what_a_job_leaves_behind_ends_with_it(engine: Engine) -> None:
    ending = await engine.run("sh", "-c", f"{DAEMON}; until grep -q daemon stdout.log; do sleep 0.02; done; exit 2")
    assert (ending.cause, ending.exit_code) == (Cause.EXIT, 2)
    assert not is_running(await daemon_of(engine))


async def test_what_ignores_sigterm_is_killed_after_the_grace(engine: Engine) -> None:
    await engine.start("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    await engine.said("ready")
    await engine.stop(grace_s=0.3)
    ending = await engine.end_of()
    assert (ending.cause, ending.signal) == (Cause.CANCELLED, 9)


async def test_a_child_may_use_the_grace_after_its_shell_has_ended(engine: Engine) -> None:
    child = "trap 'sleep 0.3; echo saved; exit' TERM; echo ready; while :; do sleep 0.05; done"
    await engine.start("sh", "-c", 'sh -c "$0" & wait', child)
    await engine.said("ready")
    await engine.stop()
    ending = await engine.end_of()
    assert (ending.cause, ending.signal) == (Cause.CANCELLED, 15)
    assert "saved" in await engine.said("ready")


async def test_a_second_stop_keeps_the_cause_and_shortens_the_grace(engine: Engine) -> None:
    await engine.start("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    await engine.said("ready")
    await engine.stop(grace_s=300.0, cause=Cause.OUT_OF_MEMORY)
    await heeded(engine)
    await engine.stop(grace_s=0.0)
    ending = await engine.end_of()
    assert (ending.cause, ending.signal) == (Cause.OUT_OF_MEMORY, 9)


async def heeded(engine: Engine) -> None:
    """The shepherd has taken the stop signal: it is not pending any more, and it sleeps again."""
    path = Path(f"/proc/{run_record(engine)['shepherd']}/status")

    def asleep() -> bool:
        lines = dict(line.split(":", 1) for line in path.read_text().splitlines())
        pending = int(lines["ShdPnd"], 16) | int(lines["SigPnd"], 16)
        return not pending >> (signal.SIGUSR2 - 1) & 1 and lines["State"].split()[0] == "S"

    await until(asleep)


async def test_a_stopped_tree_can_be_stopped(engine: Engine) -> None:
    running = await engine.start("sh", "-c", "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
    await engine.said("ready")
    assert running.pid is not None
    kill(running.pid, signal.SIGSTOP)
    await engine.stop()
    ending = await engine.end_of()
    assert (ending.cause, ending.exit_code) == (Cause.CANCELLED, 0)
    assert "bye" in await engine.said("ready")


async def test_stop_while_the_start_is_under_way(engine: Engine) -> None:
    start = asyncio.create_task(engine.start("sleep", "300"))
    await asyncio.sleep(0)
    await engine.stop()
    await start
    assert (await engine.end_of()).cause is Cause.CANCELLED


async def test_a_job_that_removed_its_directory_can_be_stopped(engine: Engine) -> None:
    running = await engine.start("sh", "-c", "echo ready; sleep 300")
    await engine.said("ready")
    shutil.rmtree(engine.root / "jobs" / "1")
    await engine.stop()
    ending = await engine.end_of()
    assert (ending.cause, ending.signal) == (Cause.CANCELLED, 9)
    assert running.pid is not None
    assert not session(running.pid)


async def test_a_job_without_a_directory_does_not_run(engine: Engine) -> None:
    launch = engine.launch("sh", "-c", "echo ran > ../ran", workdir=engine.root)
    shutil.rmtree(launch.directory)
    await engine.executor.start(launch)
    ending = await engine.end_of()
    assert ending.cause is Cause.LAUNCH_ERROR
    assert "directory" in (ending.message or "")
    assert not (engine.root.parent / "ran").exists()


async def test_what_runs_without_its_directory_is_ended_before_another_start(engine: Engine) -> None:
    running = await engine.start("sh", "-c", "echo ready; sleep 300", environment=marked(engine))
    await engine.said("ready")
    await engine.executor.close()
    shutil.rmtree(engine.root / "jobs" / "1")
    second = await Engine(engine.root).open()
    assert await second.executor.adopt(JobId("1"), 1, engine.root / "jobs" / "1") is None
    assert running.pid is not None
    assert not session(running.pid)
    await second.executor.close()


async def test_close_in_the_middle_of_a_start_leaves_it_to_the_next_engine(engine: Engine) -> None:
    start = asyncio.create_task(engine.start("sh", "-c", "echo ran; exit 8"))
    await asyncio.sleep(0)
    await engine.executor.close()
    assert isinstance((await asyncio.gather(start, return_exceptions=True))[0], asyncio.CancelledError)
    second = await Engine(engine.root).open()
    assert (await second.run("sh", "-c", "echo ran; exit 8")).exit_code == 8
    assert (engine.root / "jobs" / "1" / "stdout.log").read_text() == "ran\n"
    await second.executor.close()


async def test_a_tree_that_keeps_forking_is_ended(engine: Engine) -> None:
    forks = "while :; do (sleep 0.02; sleep 0.02) & sleep 0.01; done"
    story = f"trap '' TERM; ({forks}) & ({forks}) & echo ready; {forks}"
    await engine.start("sh", "-c", story)
    await engine.said("ready")
    await engine.stop(grace_s=0.2)
    ending = await engine.end_of()
    assert (ending.cause, ending.signal) == (Cause.CANCELLED, 9)
    assert [pid for pid in processes_of(engine.root) if pid != engine.supervisor()] == []


async def test_a_job_that_stops_its_shepherd_can_be_cancelled(engine: Engine) -> None:
    go = engine.launch().directory / "go"
    os.mkfifo(go)  # not before the shepherd has said that the job runs
    await engine.start("sh", "-c", "read _ < go; kill -STOP $PPID; echo stopped; sleep 300")
    go.write_text("\n")
    await engine.said("stopped")
    await engine.stop(grace_s=0.1)
    assert (await engine.end_of()).cause is Cause.CANCELLED


async def test_a_start_that_found_no_free_descriptor_is_taken_up_by_the_next(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch = engine.launch("sh", "-c", "echo ready; sleep 0.3; exit 4", environment=marked(engine))

    def full(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as short:
        short.setattr(os, "pidfd_open", full)
        for _ in range(2):
            with pytest.raises(OSError, match="Too many open files"):
                await engine.executor.start(launch)
    await engine.executor.start(launch)
    ending = await engine.end_of()
    assert (ending.cause, ending.exit_code) == (Cause.EXIT, 4)
