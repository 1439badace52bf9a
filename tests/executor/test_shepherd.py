"""What a job finds when it starts, what it is told before its time is up, and why it may not start."""

import contextlib
import errno
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.core.lifecycle import Cause
from engine.executor import records, shepherd
from tests.executor.conftest import Engine


async def test_the_environment_is_exactly_what_was_given(engine: Engine) -> None:
    given = {"A": "1", "EMPTY": "", "LINES": "a\nb", "UTF": "häß", "PATH": os.environ["PATH"]}
    await engine.run("env", "-0", environment=given)
    pairs = (engine.root / "jobs" / "1" / "stdout.log").read_text().rstrip("\0").split("\0")
    assert dict(pair.split("=", 1) for pair in pairs) == given


async def test_arguments_are_not_touched_by_a_shell(engine: Engine) -> None:
    words = ("a b", "$HOME", "*", "", "'", "ü")
    await engine.run("printf", "%s|", *words)
    assert (engine.root / "jobs" / "1" / "stdout.log").read_text() == "|".join(words) + "|"


async def test_a_job_has_a_clean_slate(engine: Engine) -> None:
    await engine.run(
        "sh", "-c", "ls -l /proc/self/fd; grep -E '^Sig(Ign|Blk)' /proc/self/status; pwd; cat", workdir="/"
    )
    *files, blocked, ignored, workdir = (engine.root / "jobs" / "1" / "stdout.log").read_text().splitlines()[1:]
    assert [line.split()[8] for line in files] == ["0", "1", "2", "3"], "3 is the listing's own"
    assert files[0].endswith("/dev/null")
    mask = int(ignored.split()[1], 16) & ~(0b11 << 31)  # 32 and 33 are the C library's own business
    assert (mask, int(blocked.split()[1], 16), workdir) == (0, 0, "/")


async def test_a_job_leads_its_own_session(engine: Engine) -> None:
    running = await engine.start("sh", "-c", "echo ready; read x < release", workdir=fifo(engine))
    await engine.said("ready")
    assert running.pid is not None
    assert os.getsid(running.pid) == os.getpgid(running.pid) == running.pid
    (engine.root / "jobs" / "1" / "release").write_text("\n")
    assert (await engine.end_of()).exit_code == 0


def fifo(engine: Engine) -> Path:
    directory = engine.launch().directory
    os.mkfifo(directory / "release")
    return directory


async def test_files_are_for_the_owner_only(engine: Engine) -> None:
    await engine.run("true")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (engine.root / "jobs" / "1").iterdir()}
    assert modes == dict.fromkeys(("claim-1", "run-1.json", "exit", "stdout.log", "stderr.log"), 0o600)


async def test_a_second_attempt_appends_to_the_logs(engine: Engine) -> None:
    await engine.run("echo", "one")
    engine.endings.clear()
    await engine.run("echo", "two", attempt=2)
    assert (engine.root / "jobs" / "1" / "stdout.log").read_text() == "one\ntwo\n"


async def test_the_warning_before_the_time_limit(engine: Engine) -> None:
    story = "trap 'echo warned' USR1; trap 'echo over; exit 4' TERM; sh -c 'sleep 300' & while :; do sleep 0.05; done"
    ending = await engine.run("sh", "-c", story, time_limit_s=0.8, warn_before_s=0.6)
    assert (ending.cause, ending.exit_code) == (Cause.TIME_LIMIT, 4)
    assert (engine.root / "jobs" / "1" / "stdout.log").read_text() == "warned\nover\n"
    assert ending.started_at is not None
    assert 0.8 <= ending.ended_at - ending.started_at < 5.0


async def test_who_does_not_handle_the_warning_is_not_killed_by_it(engine: Engine) -> None:
    ending = await engine.run("sleep", "300", time_limit_s=0.5, warn_before_s=0.4)
    assert (ending.cause, ending.signal) == (Cause.TIME_LIMIT, 15)
    assert ending.started_at is not None
    assert ending.ended_at - ending.started_at >= 0.5


async def test_no_warning_where_the_limit_is_shorter_than_its_lead(engine: Engine) -> None:
    ending = await engine.run(
        "sh", "-c", "trap 'echo warned' USR1; while :; do sleep 0.05; done", time_limit_s=0.4, warn_before_s=0.4
    )
    assert ending.cause is Cause.TIME_LIMIT
    assert (engine.root / "jobs" / "1" / "stdout.log").read_text() == ""


def script(engine: Engine, text: str, mode: int) -> str:
    path = engine.launch().directory / "program"
    path.write_text(text)
    path.chmod(mode)
    return "./program"


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("#!/bin/sh\n", 0o600, "not executable: ./program"),
        ("#!/no/such/interpreter\n", 0o700, "interpreter in its first line"),
        ("echo no first line\n", 0o700, "#!/bin/bash"),
    ],
)
async def test_a_program_that_cannot_run(engine: Engine, text: str, mode: int, words: str) -> None:
    ending = await engine.run(script(engine, text, mode))
    assert ending.cause is Cause.LAUNCH_ERROR
    assert words in (ending.message or "")


@pytest.mark.parametrize(
    ("argv", "changes", "words"),
    [
        (("nope",), {}, "command not found: nope in PATH="),
        (("./nope",), {}, "command not found: ./nope"),
        (("/etc",), {}, "not executable"),
        (("true",), {"workdir": Path("/no/such/place")}, "/no/such/place does not exist"),
        (("true",), {"workdir": Path("/etc/passwd")}, "/etc/passwd cannot be entered"),
        (("true", "a\0b"), {}, "cannot be passed"),
        (("true", "x" * 200_000), {}, "too long"),
        (("true",), {"environment": {"PATH": "/usr/bin:/bin", "A=B": "c"}}, "cannot be passed"),
    ],
)
async def test_a_launch_that_fails(
    engine: Engine, argv: tuple[str, ...], changes: dict[str, object], words: str
) -> None:
    ending = await engine.run(*argv, **changes)
    assert (ending.cause, ending.exit_code, ending.signal) == (Cause.LAUNCH_ERROR, None, None)
    assert words in (ending.message or "")


async def test_the_search_is_in_the_jobs_own_path(engine: Engine) -> None:
    script(engine, "#!/bin/sh\necho found\n", 0o700)
    directory = engine.launch().directory
    ending = await engine.run("program", environment={"PATH": f"/nowhere:{directory}"}, workdir=Path("/"))
    assert ending.exit_code == 0
    assert (directory / "stdout.log").read_text() == "found\n"


async def test_output_is_not_written_through_a_link(engine: Engine) -> None:
    target = engine.root / "target"
    target.write_text("mine")
    (engine.launch().directory / "stdout.log").symlink_to(target)
    ending = await engine.run("echo", "overwritten")
    assert ending.cause is Cause.LAUNCH_ERROR
    assert target.read_text() == "mine"


async def test_output_does_not_wait_for_a_reader_of_a_pipe(engine: Engine) -> None:
    os.mkfifo(engine.launch().directory / "stdout.log")
    assert (await engine.run("echo", "x")).cause is Cause.LAUNCH_ERROR


def test_a_full_disk_under_the_log_too_loses_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = {"job": "1", "attempt": 1, "argv": ["true"], "environment": {}, "workdir": "/", "directory": str(tmp_path)}
    limits = {"time_limit_s": 60, "warn_before_s": 0, "grace_s": 1}
    write, failures = records.write, [OSError(errno.ENOSPC, "full")] * 2

    def full_at_first(*values: Any) -> None:
        if failures:
            raise failures.pop()
        write(*values)

    directory = records.open_directory(str(tmp_path))
    monkeypatch.setattr(shepherd, "WRITE_PAUSE_S", 0.0)
    monkeypatch.setattr(records, "write", full_at_first)
    try:
        with Path("/dev/full").open("w", buffering=1) as log:
            monkeypatch.setattr(sys, "stderr", log)
            shepherd.Attempt(shepherd.Order({**order, **limits}), directory, {})._write_exit(cause="exit", exit_code=5)
            monkeypatch.undo()
            with contextlib.suppress(OSError):
                log.close()
    finally:
        os.close(directory)
    assert json.loads((tmp_path / "exit").read_text())["exit_code"] == 5
