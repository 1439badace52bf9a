"""Dispatch, exit codes, and what a command loads."""

import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted_engine import Engine, Result, job, refusal, wait_until

from engine.protocol.errors import EXIT_OF_CODE, STATUS
from rcq_tui.cli.verbs import VERBS

Rcq = Callable[..., Result]

PART_ONE = (
    "demo engine login logout whoami passwd submit ingest queue show why logs cancel hold release requeue adopt edit "
    "gpus nodes drain resume plan stats usage simulate account group service doctor reserve reservations unreserve "
    "replay wait import backup restore token audit results redo notify web run shell"
)


def test_every_verb_is_listed_with_a_line(rcq: Rcq) -> None:
    assert sorted(VERBS) == sorted(PART_ONE.split())
    shown = rcq("--help")
    assert shown.code == 0
    for name in VERBS:
        assert re.search(rf"^  {name} +\S", shown.out, re.MULTILINE), name


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"engine", "simulate", "doctor", "replay", "backup", "restore"}))
def test_every_verb_has_help_with_examples(rcq: Rcq, verb: str) -> None:
    shown = rcq(verb, "--help")
    assert shown.code == 0
    assert f"rcq {verb}" in shown.out.split("examples:")[1]


def test_an_unknown_verb_names_the_nearest(rcq: Rcq) -> None:
    result = rcq("qeue")
    assert (result.code, result.out) == (2, "")
    assert "'queue'" in result.err


def test_version(rcq: Rcq) -> None:
    assert re.fullmatch(r"rcq \d+\.\d+\.\d+\n", rcq("--version").out)


@pytest.mark.parametrize("argv", [("queue", "--nonsense"), ("show",), ("show", "x"), ("queue", "--state", "runing")])
def test_wrong_command_lines_send_nothing(rcq: Rcq, engine: Engine, argv: tuple[str, ...]) -> None:
    result = rcq(*argv)
    assert result.code == 2
    assert result.err.startswith("rcq: ")
    assert engine.requests == []


@pytest.mark.parametrize("code", sorted(STATUS))
def test_every_code_has_its_exit_code(rcq: Rcq, engine: Engine, code: str) -> None:
    details = [{"field": "gpus", "message": "too many", "most": 4}]
    engine.on("GET", "/v1/jobs", (STATUS[code], refusal(code, "this is why", details)))
    result = rcq("queue", "--json")
    assert (result.code, result.out) == (EXIT_OF_CODE[code], "")
    assert result.err.splitlines()[:2] == ["rcq: this is why", "  gpus: too many (most 4)"]


def test_a_detail_that_is_the_whole_message_is_not_said_twice(rcq: Rcq, engine: Engine) -> None:
    body = refusal("VALIDATION_ERROR", "name: too long", [{"field": "name", "message": "too long"}])
    engine.on("GET", "/v1/jobs", (422, body))
    assert rcq("queue").err == "rcq: name: too long\n"


def test_the_time_to_try_again_is_told(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/jobs", (429, refusal("RATE_LIMITED", "slow down")))
    assert "try again in 7 s" in rcq("queue").err
    engine.on("GET", "/v1/jobs", (429, refusal("RATE_LIMITED", "Too many. Try again in 7 s.")))
    assert rcq("queue").err == "rcq: Too many. Try again in 7 s.\n"


def test_no_engine(rcq: Rcq, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCQ_SOCKET", str(home / "none.sock"))
    result = rcq("queue")
    assert result.code == 8
    assert "none.sock" in result.err


def test_what_the_engine_says_has_no_power_over_the_terminal(rcq: Rcq, engine: Engine) -> None:
    engine.on(
        "GET",
        "/v1/jobs",
        (422, refusal("VALIDATION_ERROR", "bad\x1b[2J", [{"field": "a\x1b]0;x\x07", "message": "\r"}])),
    )
    assert "\x1b" not in rcq("queue").err
    assert "\r" not in rcq("queue").err


def test_the_ui_needs_a_terminal(spawn: Callable[..., "subprocess.Popen[bytes]"]) -> None:
    process = spawn()
    _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert b"needs a terminal" in err


def test_a_reader_that_leaves_is_no_error(engine: Engine, spawn: Callable[..., "subprocess.Popen[bytes]"]) -> None:
    engine.on("GET", "/v1/jobs", {"items": [job(id=number) for number in range(1000)], "cursor": None})
    process = spawn("queue", "--limit", "1000")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(20) == 141


def test_interrupt(engine: Engine, spawn: Callable[..., "subprocess.Popen[bytes]"]) -> None:
    asked, leave = threading.Event(), threading.Event()

    def slow(_request: object) -> dict[str, object]:
        asked.set()
        leave.wait(10)
        return {"items": [], "cursor": None}

    engine.on("GET", "/v1/jobs", slow)
    process = spawn("queue")
    wait_until(asked.is_set)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    leave.set()
    assert (process.returncode, err) == (130, b"")


def test_output_that_has_no_room_is_told_and_no_traceback(
    engine: Engine, spawn: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    engine.on("GET", "/v1/jobs", {"items": [job(id=number) for number in range(100)], "cursor": None})
    with Path("/dev/full").open("w") as full:
        process = spawn("queue", stdout=full)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (1, b"rcq: the output is not complete: No space left on device\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_no_error(engine: Engine, home: Path, closed: str) -> None:
    engine.on("GET", "/v1/jobs", {"items": [job(id=1)], "cursor": None})
    line = f"{shlex.quote(sys.executable)} -m rcq_tui.cli.main queue {closed}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(engine.requests) == 1
