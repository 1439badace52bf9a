"""What takes away the rest of an attempt runs once its processes are gone, whoever ended them, and in bounded time."""

import os
import signal
import time
from pathlib import Path

import pytest

from engine.core.lifecycle import Cause
from engine.executor.cleanup import clean_up
from tests.executor.conftest import Engine, is_running, kill
from tests.executor.test_process import run_record


@pytest.fixture
def cleanup(tmp_path: Path) -> tuple[str, ...]:
    """Notes that it ran, and who of the job still did."""
    alive = "cut -d' ' -f3 /proc/$pid/stat 2>/dev/null | grep -v Z"
    script = f"for pid in $(cat {tmp_path}/pids); do {alive}; done > {tmp_path}/cleaned"
    (tmp_path / "pids").touch()
    return ("/bin/sh", "-c", script)


async def test_it_runs_after_the_last_process(engine: Engine, tmp_path: Path, cleanup: tuple[str, ...]) -> None:
    ending = await engine.run("sh", "-c", f"echo $$ > {tmp_path}/pids; exit 3", cleanup=cleanup)
    assert (ending.cause, ending.exit_code) == (Cause.EXIT, 3)
    assert (tmp_path / "cleaned").read_text() == ""


async def test_it_runs_after_a_stop(engine: Engine, tmp_path: Path, cleanup: tuple[str, ...]) -> None:
    script = f"trap '' TERM; sleep 300 & echo $! $$ > {tmp_path}/pids; echo ready; wait; wait"
    await engine.start("sh", "-c", script, cleanup=cleanup)
    await engine.said("ready")
    await engine.stop(grace_s=0.1)
    assert (await engine.end_of()).cause is Cause.CANCELLED
    assert (tmp_path / "cleaned").read_text() == ""


async def test_it_runs_where_the_shepherd_was_killed(engine: Engine, tmp_path: Path, cleanup: tuple[str, ...]) -> None:
    running = await engine.start("sh", "-c", f"echo $$ > {tmp_path}/pids; echo ready; sleep 300", cleanup=cleanup)
    await engine.said("ready")
    kill(run_record(engine)["shepherd"])
    assert (await engine.end_of()).signal == signal.SIGKILL
    assert (tmp_path / "cleaned").read_text() == ""
    assert running.pid is not None
    assert not is_running(running.pid)


async def test_it_never_runs_for_a_job_that_never_did(engine: Engine, tmp_path: Path, cleanup: tuple[str, ...]) -> None:
    assert (await engine.run("no-such-program-anywhere", cleanup=cleanup)).cause is Cause.LAUNCH_ERROR
    assert not (tmp_path / "cleaned").exists()


@pytest.mark.parametrize("argv", [("/bin/sh", "-c", "exit 4"), ("/nowhere/at/all", "x")])
async def test_one_that_fails_does_not_change_how_the_job_ended(engine: Engine, argv: tuple[str, ...]) -> None:
    ending = await engine.run("sh", "-c", "exit 0", cleanup=argv)
    assert (ending.cause, ending.exit_code, ending.message) == (Cause.EXIT, 0, None)


def test_it_has_the_job_s_environment_and_no_output(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    argv = ("/bin/sh", "-c", f'echo loud; echo louder >&2; echo "$WHERE" > {tmp_path}/said')
    assert clean_up(argv, {"WHERE": "here", "PATH": os.environ["PATH"]})
    assert (tmp_path / "said").read_text() == "here\n"
    assert capfd.readouterr() == ("", "")


def test_one_that_hangs_is_killed() -> None:
    begun = time.monotonic()
    assert not clean_up(("/bin/sleep", "300"), {}, patience_s=0.1)
    assert time.monotonic() - begun < 10
