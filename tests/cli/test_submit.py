"""Options, scripts and their directives become fields; waiting returns the job's exit code."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted_engine import Engine, Result, detail, refusal

from engine.protocol.fields import FIELD_NAMES
from rcq_tui.cli.request import _PLAIN
from rcq_tui.cli.submit import split

Rcq = Callable[..., Result]


@pytest.fixture
def sent(rcq: Rcq, engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, object]]:
    """Submits, and gives the job that the engine got."""
    monkeypatch.chdir(home)
    engine.on("POST", "/v1/jobs", {"id": 7})

    def submit(*argv: str) -> dict[str, object]:
        result = rcq("submit", *argv)
        assert (result.code, result.out, result.err) == (0, "7\n", "")
        job = engine.requests[-1].json
        assert set(job) <= set(FIELD_NAMES)
        return dict(job)

    return submit


def test_a_command_and_nothing_else(sent: Callable[..., dict[str, object]], home: Path) -> None:
    assert sent("python", "train.py", "--gpus", "9") == {
        "command": ["python", "train.py", "--gpus", "9"],
        "workdir": str(home),
    }


def test_every_option(sent: Callable[..., dict[str, object]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENIZER", "fast=yes")
    options = (
        "--gpus 2 --gpu-type a100 --gpu-memory 16G --share --cores 8 --memory=64G --time 2h30m --priority 7 "
        "--gpu-power 250 --preemptible --idle-ok --anywhere --name sweep --job-id s1 --group vision --service fold "
        "--workdir /data --image ubuntu:24.04 --env A=1 --env B=x=y --env TOKENIZER --tag k=v"
    )
    assert sent(*options.split(), "--", "sh", "-c", "exit") == {
        "gpus": 2,
        "gpu_type": "a100",
        "gpu_memory_mb": 16384,
        "gpu_share": True,
        "cpu_cores": 8,
        "memory_mb": 65536,
        "time_limit_s": 9000,
        "priority": 7,
        "preemptible": True,
        "idle_ok": True,
        "anywhere": True,
        "gpu_power_w": 250,
        "name": "sweep",
        "job_id": "s1",
        "group": "vision",
        "service": "fold",
        "workdir": "/data",
        "image": "ubuntu:24.04",
        "environment": {"A": "1", "B": "x=y", "TOKENIZER": "fast=yes"},
        "tags": {"k": "v"},
        "command": ["sh", "-c", "exit"],
    }


def test_every_field_can_be_given() -> None:
    elsewhere = {"command", "script", "args", "environment", "tags", "after", "files", "snapshot"}
    not_for_people = {"submitted_at", "foreground"}  # only a trace's replay honours the one, only rcq run the other
    assert set(_PLAIN.values()) | elsewhere | not_for_people == set(FIELD_NAMES)


@pytest.mark.parametrize(
    ("argv", "own", "words", "is_command"),
    [
        (["ls", "-l"], [], ["ls", "-l"], False),
        (["--gpus", "1", "ls", "--json"], ["--gpus", "1"], ["ls", "--json"], False),
        (["--gpus=1", "--wait", "ls"], ["--gpus=1", "--wait"], ["ls"], False),
        (["--share", "--", "--odd"], ["--share"], ["--odd"], True),
        (["--gpus"], ["--gpus"], [], False),
        (["-", "x"], [], ["-", "x"], False),
    ],
)
def test_the_jobs_own_options_are_never_looked_at(
    argv: list[str], own: list[str], words: list[str], is_command: bool
) -> None:
    assert split(argv) == (own, words, is_command)


def test_a_script_is_sent_with_its_arguments(sent: Callable[..., dict[str, object]], home: Path) -> None:
    text = "#!/bin/bash\n\n# a note\n#RCQ --gpus 2 --time 1h  # for now\n#RCQ --env A=1\necho $1\n"
    (home / "train.sh").write_text(text)
    assert sent("--gpus", "4", "--env", "B=2", "train.sh", "--lr", "3") == {
        "script": text,
        "args": ["--lr", "3"],
        "gpus": 4,
        "time_limit_s": 3600,
        "environment": {"A": "1", "B": "2"},
        "name": "train.sh",
        "workdir": str(home),
    }


def test_a_switch_of_a_script_can_be_taken_back(sent: Callable[..., dict[str, object]], home: Path) -> None:
    (home / "s.sh").write_text("#RCQ --preemptible\n")
    assert sent("s.sh")["preemptible"] is True
    assert sent("--no-preemptible", "s.sh")["preemptible"] is False


@pytest.mark.parametrize("first", ["#!/bin/sh", "#!/usr/bin/env bash", "#! /usr/bin/bash -e"])
def test_a_shells_first_line_makes_a_script(sent: Callable[..., dict[str, object]], home: Path, first: str) -> None:
    (home / "job").write_text(first + "\ntrue\n")
    assert "script" in sent("./job")


@pytest.mark.parametrize("first", ["#!/usr/bin/env python3", "ELF", "#!"])
def test_other_programs_are_commands(sent: Callable[..., dict[str, object]], home: Path, first: str) -> None:
    (home / "job").write_text(first + "\n")
    assert sent("./job", "x")["command"] == ["./job", "x"]


def test_two_dashes_make_it_a_command(sent: Callable[..., dict[str, object]], home: Path) -> None:
    (home / "s.sh").write_text("true\n")
    assert sent("--", "s.sh")["command"] == ["s.sh"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#!/bin/sh\n#SBATCH --gres=shard:2\ntrue\n", "line 2: --gres: 'shard:2' is no GPUs"),
        ("true\n#SBATCH --gpus=2\n", "line 2: an #SBATCH line after the first command"),
        ("#RCQ--gpus\n", "line 1: argument --gpus: expected"),
        ("#RCQ --gpu 2\n", "line 1: unrecognized arguments: --gpu"),
        ("#RCQ --time soon\n", "'soon' is no time"),
        ("#RCQ --wait\n", "line 1"),
        ("true\n#RCQ --gpus 2\n", "line 2: an #RCQ line after the first command"),
        ("#RCQ --name 'open\n", "line 1: No closing quotation"),
        ("#RCQ python\n", "line 1: unrecognized"),
    ],
)
def test_no_line_of_a_script_is_ignored(rcq: Rcq, engine: Engine, home: Path, text: str, words: str) -> None:
    path = home / "s.sh"
    path.write_text(text)
    result = rcq("submit", str(path))
    assert result.code == 2
    assert words in result.err
    assert engine.requests == []


def test_lines_within_a_here_document_are_text(sent: Callable[..., dict[str, object]], home: Path) -> None:
    (home / "s.sh").write_text("cat <<E\n#SBATCH --x\n#RCQ --y\nE\n")
    assert "script" in sent("s.sh")


def test_a_binary_named_like_a_script(rcq: Rcq, engine: Engine, home: Path) -> None:
    (home / "s.sh").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in rcq("submit", str(home / "s.sh")).err


@pytest.mark.parametrize(
    "argv",
    [(), ("--gpus", "1"), ("--gpus", "many", "true"), ("--memory", "16X", "true"), ("--env", "=1", "true"),
     ("--env", "NOT_SET_ANYWHERE", "true"), ("--tag", "k", "true"), ("--gp", "1", "true")],
)  # fmt: skip
def test_wrong_options_send_nothing(rcq: Rcq, engine: Engine, argv: tuple[str, ...]) -> None:
    assert rcq("submit", *argv).code == 2
    assert engine.requests == []


def test_an_option_before_the_two_dashes_does_not_swallow_them(rcq: Rcq) -> None:
    assert "unrecognized arguments: --frobnicate. See" in rcq("submit", "--frobnicate", "--", "true").err
    assert "--gpus: expected one argument" in rcq("submit", "--gpus", "--", "true").err


def test_a_directory_that_is_gone(rcq: Rcq, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    result = rcq("submit", "true")
    os.chdir(tmp_path)
    assert (result.code, "--workdir" in result.err) == (2, True)


def test_json_and_dry_run(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/jobs", {"id": 7})
    assert rcq("submit", "--json", "true").out == '{"id": 7}\n'
    would = {"ok": True, "starts_now": True, "expected_start": 1.0, "position": 1, "pending": 1, "reasons": []}
    engine.on("POST", "/v1/jobs", would)
    assert "start now; nothing was submitted" in rcq("submit", "--dry-run", "true").out
    assert engine.requests[-1].query == {"dry_run": "1"}
    busy = [{"code": "GPUS_BUSY", "wanted": 2, "free": 1, "matching": 4}]
    engine.on("POST", "/v1/jobs", {**would, "starts_now": False, "expected_start": None, "reasons": busy})
    assert "It would wait, at position 1 of 1" in (told := rcq("submit", "--dry-run", "true").out)
    assert told.splitlines()[1:] == [
        "It would not start now because:",
        "  - Needs 2 GPUs; 1 of the 4 cards that match is free.",
    ]
    ahead = {
        "basis": "forecast", "expected_start": 9e9,
        "helps": [{"start_at": 1.0, "changes": [{"code": "FEWER_GPUS", "gpus": 1, "wanted": 2}]}],
    }  # fmt: skip
    engine.on("POST", "/v1/jobs", {**would, "starts_now": False, "reasons": busy, **ahead})
    told = rcq("submit", "--dry-run", "true").out
    assert "foreseen to start at about 2255-03-14" in told.splitlines()[1]
    assert told.splitlines()[-2:] == ["What would help:", "  - With 1 GPU instead of 2 it starts now."]
    engine.on("POST", "/v1/jobs", (422, refusal("IMPOSSIBLE_REQUEST", "64 GPUs, and there are 4")))
    assert rcq("submit", "--dry-run", "--gpus", "64", "true").code == 1


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ({"state": "completed", "cause": "exit", "exit_code": 0}, 0),
        ({"state": "failed", "cause": "exit", "exit_code": 42}, 42),
        ({"state": "failed", "cause": "signal", "signal": 9}, 137),
        ({"state": "failed", "cause": "time-limit", "signal": 15}, 143),
        ({"state": "failed", "cause": "time-limit", "exit_code": 0}, 1),
        ({"state": "failed", "cause": "launch-error"}, 1),
        ({"state": "cancelled", "cause": "cancelled"}, 1),
    ],
)
def test_wait_returns_the_jobs_exit_code(rcq: Rcq, engine: Engine, end: dict[str, object], code: int) -> None:
    engine.on("POST", "/v1/jobs", {"id": 7})
    engine.on("GET", "/v1/jobs/7", detail(id=7), detail(id=7, state="running"), detail(id=7, **end))
    result = rcq("submit", "--wait", "true")
    assert (result.code, result.out) == (code, "7\n")
    assert len(engine.asked("GET", "/v1/jobs/7")) == 3
    assert bool(result.err) == (end["cause"] != "exit")
