"""What `rcq run` and `rcq shell` say and send, beside a scripted engine: words of strangers, refusals, lost engines."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted_engine import Engine, Result, job, refusal

from rcq_tui.cli import foreground, meeting
from tests.hostile_text import POISON, harms

Rcq = Callable[..., Result]


@pytest.fixture(autouse=True)
def places(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where meetings are arranged; nothing may be left there."""
    place = home / "run"
    place.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    monkeypatch.chdir(home)
    yield place
    assert list(place.iterdir()) == []


def ended(**more: Any) -> dict[str, Any]:
    told = {"message": None, "gpu_uuids": [], "state": "failed", "cause": "exit", "exit_code": 3, "signal": None}
    return job(**told | more)


def test_what_is_sent(rcq: Rcq, engine: Engine, home: Path, places: Path) -> None:
    engine.on("POST", "/v1/jobs", {"id": 12})
    engine.on("GET", "/v1/jobs/12", ended())
    engine.on("GET", "/v1/jobs/12/log", {"text": ""})
    rcq("run", "--gpus", "1", "--time", "2h", "--env", "A=b", "--", "python", "--gpus", "4")
    (asked,) = engine.asked("POST", "/v1/jobs")
    sent = asked.json
    assert Path(sent.pop("foreground")).is_relative_to(places)
    command = ["python", "--gpus", "4"]
    assert sent == {"command": command, "gpus": 1, "time_limit_s": 7200, "workdir": str(home)}


def test_the_meeting_place_is_nobody_elses(places: Path) -> None:
    with meeting.meeting() as place:
        assert place.path.parent.stat().st_mode & 0o777 == 0o700
        assert place.met(12, 0.0) is None


@pytest.mark.parametrize("folder", ["", "/nowhere", "/proc", "/" + "x" * 120, "run", "/tmp/odd\n"])
def test_without_a_folder_of_the_session_another_will_do(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
    with meeting.meeting() as place:
        assert place.path.parent.parent == Path("/tmp")
    assert not place.path.parent.exists()


def test_what_goes_wrong_at_the_meeting_place_is_not_hidden() -> None:
    with pytest.raises(OSError, match="gone"), meeting.meeting():
        raise OSError("gone")


def test_nobody_need_hear_what_is_said(rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreground, "SAY_AFTER_S", 0.0)
    waits = job(state="pending", position=3, expected_start=None, reasons=[])
    engine.on("POST", "/v1/jobs", {"id": 12})
    engine.on("GET", "/v1/jobs/12", waits, ended(cause="signal", signal=9))
    engine.on("GET", "/v1/jobs/12/log", {"text": "more"})
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert rcq("run", "--", "true").code == 137


def test_an_engine_that_starts_again_is_waited_for(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/jobs", {"id": 12})
    engine.on("GET", "/v1/jobs/12", (503, refusal("SERVICE_NOT_READY", "It starts.")), ended(message="why"))
    engine.on("GET", "/v1/jobs/12/log", {"text": ""})
    told = rcq("run", "--", "true")
    assert (told.code, told.err) == (3, "rcq: job 12 failed: why\n")


def test_a_cancel_before_the_start_is_told_once(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/jobs", {"id": 12})
    engine.on("GET", "/v1/jobs/12", ended(state="cancelled", cause="cancelled", exit_code=None))
    engine.on("GET", "/v1/jobs/12/log", {"text": ""})
    told = rcq("run", "--", "true")
    assert (told.code, told.err) == (1, "rcq: job 12 cancelled\n")


def test_an_end_before_the_start_is_told_with_harmless_words(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/jobs", {"id": 12})
    engine.on("GET", "/v1/jobs/12", ended(message=POISON, cause=POISON, exit_code=None))
    engine.on("GET", "/v1/jobs/12/log", {"text": f"{POISON}\nmore"})
    told = rcq("run", "--", "true")
    assert (told.code, told.out) == (1, "")
    assert "[bold red]m" in told.err
    assert "  more\n" in told.err
    assert harms(told.err) == []


def test_what_is_waited_for_is_told_with_harmless_words(
    rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreground, "SAY_AFTER_S", 0.0)
    waits = job(state="pending", position=3, expected_start=None, reasons=[{"code": POISON, POISON: POISON}])
    engine.on("POST", "/v1/jobs", {"id": 12})
    engine.on("GET", "/v1/jobs/12", waits, job(state="held", position=None), ended())
    engine.on("GET", "/v1/jobs/12/log", {"text": ""})
    told = rcq("run", "--", "true")
    assert told.code == 3
    assert told.err.startswith("job 12 waits: position 3, ")
    assert "^C gives up" in told.err.splitlines()[0]
    assert harms(told.err) == []


def test_a_refusal_is_the_engines(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/jobs", (409, refusal("QUOTA_EXCEEDED", "Too many.")))
    told = rcq("shell", "--", "true")
    assert (told.code, told.out, told.err) == (9, "", "rcq: Too many.\n")


@pytest.mark.parametrize("argv", [["run"], ["run", "--gpus", "1"], ["shell"], ["run", "--image", "x", "--", "true"]])
def test_mistakes_send_nothing(rcq: Rcq, engine: Engine, argv: list[str]) -> None:
    told = rcq(*argv)
    assert told.code == 2
    assert engine.requests == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_while_it_waits_cancels_it(
    engine: Engine, spawn: Callable[..., "subprocess.Popen[bytes]"], number: int, code: int
) -> None:
    engine.on("POST", "/v1/jobs", {"id": 12})
    engine.on("GET", "/v1/jobs/12", job(state="pending", position=1, expected_start=None, reasons=[]))
    engine.on("DELETE", "/v1/jobs/12", job(state="cancelled"))
    process = spawn("run", "--", "true")
    assert process.stderr is not None
    assert process.stderr.readline().startswith(b"job 12 waits")
    process.send_signal(number)
    assert process.wait(20) == code
    assert len(engine.asked("DELETE", "/v1/jobs/12")) == 1
    assert process.stderr.read() == b"rcq: job 12 is cancelled\n"


def test_a_terminal_that_goes_away_says_so_more_than_once(
    engine: Engine, spawn: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    engine.on("POST", "/v1/jobs", {"id": 12})
    engine.on("GET", "/v1/jobs/12", job(state="pending", position=1, expected_start=None, reasons=[]))

    def cancelled(_: object) -> dict[str, Any]:
        process.send_signal(signal.SIGHUP)
        return job(state="cancelled")

    engine.on("DELETE", "/v1/jobs/12", cancelled)
    process = spawn("run", "--", "true")
    assert process.stderr is not None
    assert process.stderr.readline().startswith(b"job 12 waits")
    process.send_signal(signal.SIGHUP)
    assert process.wait(20) == 128 + signal.SIGHUP
    assert len(engine.asked("DELETE", "/v1/jobs/12")) == 1
    assert process.stderr.read() == b"rcq: job 12 is cancelled\n"


def test_a_cancel_that_fails_is_not_told_as_done(
    engine: Engine, spawn: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    engine.on("POST", "/v1/jobs", {"id": 12})
    engine.on("GET", "/v1/jobs/12", job(state="pending", position=1, expected_start=None, reasons=[]))
    engine.on("DELETE", "/v1/jobs/12", (409, refusal("INVALID_STATE", "It has ended.")))
    process = spawn("run", "--", "true")
    assert process.stderr is not None
    assert process.stderr.readline().startswith(b"job 12 waits")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert process.stderr.read() == b"rcq: It has ended.\n"


def test_closed_files_are_no_trouble(engine: Engine, home: Path) -> None:
    engine.on("POST", "/v1/jobs", {"id": 12})
    engine.on("GET", "/v1/jobs/12", ended())
    engine.on("GET", "/v1/jobs/12/log", {"text": ""})
    words = f"{sys.executable} -m rcq_tui.cli.main run -- true <&- >&-"
    ran = subprocess.run(["bash", "-c", words], env=os.environ, capture_output=True, timeout=60, check=False)
    assert ran.returncode == 3, ran.stderr
