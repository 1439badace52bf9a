"""Ids and ranges; cancel, hold, release; logs."""

import os
import pty
import subprocess
import threading
from collections.abc import Callable
from typing import Any

import pytest
from scripted_engine import Engine, Request, Result, detail, job, refusal

from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.ids import job_ids
from rcq_tui.cli.logs import Harmless

Rcq = Callable[..., Result]
Spawn = Callable[..., "subprocess.Popen[bytes]"]


def test_ids_and_ranges() -> None:
    assert job_ids(["7", "10-12", "11", "3-3"]) == [7, 10, 11, 12, 3]


@pytest.mark.parametrize("word", ["", "x", "-5", "5-", "9-8", "7[3]", "1-2-3", "0-100000", "٣"])
def test_what_is_no_id(word: str) -> None:
    with pytest.raises(UsageError):
        job_ids([word])


def test_cancel_goes_on_after_a_refusal(rcq: Rcq, engine: Engine) -> None:
    engine.on("DELETE", "/v1/jobs/4", detail(id=4, state="cancelled"))
    engine.on("DELETE", "/v1/jobs/5", (404, refusal("JOB_NOT_FOUND", "there is no job 5")))
    engine.on("DELETE", "/v1/jobs/6", (409, refusal("INVALID_STATE", "it has ended")))
    engine.on("DELETE", "/v1/jobs/7", detail(id=7, state="running"))
    result = rcq("cancel", "4-7")
    assert result.code == 6
    assert result.out.splitlines() == ["job 4: cancelled", "job 7: is being ended (now running)"]
    assert result.err.splitlines() == ["rcq: there is no job 5", "rcq: job 6: it has ended"]


def test_slow_cancellations_are_under_way_together_and_told_in_order(rcq: Rcq, engine: Engine) -> None:
    together = threading.Barrier(3)

    def answer(request: Request) -> Any:
        together.wait(5)
        number = int(request.path.rpartition("/")[2])
        return detail(id=number, state="cancelled") if number != 5 else (409, refusal("INVALID_STATE", "it has ended"))

    for number in (4, 5, 6):
        engine.on("DELETE", f"/v1/jobs/{number}", answer)
    result = rcq("cancel", "4-6")
    assert (result.code, result.err) == (7, "rcq: job 5: it has ended\n")
    assert result.out.splitlines() == ["job 4: cancelled", "job 6: cancelled"]


def test_cancel_all_mine_asks(rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.on("GET", "/v1/jobs", {"items": [job(id=4), job(id=9)], "cursor": None})
    engine.on("DELETE", "/v1/jobs/4", detail(id=4, state="cancelled"))
    engine.on("DELETE", "/v1/jobs/9", detail(id=9, state="cancelled"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    refused = rcq("cancel", "--all-mine")
    assert (refused.code, "--yes" in refused.err) == (2, True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for answer in ("", "n", "yess"):
        monkeypatch.setattr("sys.stdin.readline", lambda answer=answer: answer + "\n", raising=False)
        assert rcq("cancel", "--all-mine").code == 1
    assert all(request.method == "GET" for request in engine.requests)
    assert engine.requests[0].query["mine"] == "1"
    monkeypatch.setattr("sys.stdin.readline", lambda: "y\n", raising=False)
    assert rcq("cancel", "--all-mine").code == 0
    assert len(engine.asked("DELETE", "/v1/jobs/9")) == 1
    assert rcq("cancel", "--all-mine", "--yes").code == 0


@pytest.mark.parametrize("argv", [("cancel",), ("cancel", "--all-mine", "4"), ("hold",), ("release", "x")])
def test_nothing_is_sent_without_a_clear_target(rcq: Rcq, engine: Engine, argv: tuple[str, ...]) -> None:
    assert rcq(*argv).code == 2
    assert engine.requests == []


def test_hold_and_release(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/jobs/4/hold", detail(id=4, state="held"))
    engine.on("POST", "/v1/jobs/4/release", detail(id=4, state="pending"))
    assert rcq("hold", "4").out == "job 4: held\n"
    assert rcq("release", "4").out == "job 4: pending\n"


def log_of(text: str, complete_at: int = 0) -> Callable[[Request], dict[str, Any]]:
    """A log that is served 10 characters at a time; complete once it was asked `complete_at` times."""
    asked = []

    def answer(request: Request) -> dict[str, Any]:
        asked.append(request)
        at = int(request.query["offset"])
        piece = text[at : at + 10]
        ended = len(asked) >= complete_at and at + len(piece) == len(text)
        return {"text": piece, "offset": at, "next_offset": at + len(piece), "size": len(text), "complete": ended}

    return answer


def test_logs_to_a_pipe_are_as_written(rcq: Rcq, engine: Engine) -> None:
    text = "one\r\ntwo \x1b[31mred\x1b[0m\n100%\r200%\n"
    engine.on("GET", "/v1/jobs/4/log", log_of(text))
    assert rcq("logs", "4").out == text
    assert engine.requests[0].query["stream"] == "stdout"


def test_logs_follow_until_the_end(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/jobs/4/log", log_of("some text\nmore text\n", complete_at=6))
    assert rcq("logs", "4", "-f", "--stderr").out == "some text\nmore text\n"
    assert len(engine.requests) == 6
    assert engine.requests[0].query["stream"] == "stderr"


def test_logs_without_follow_stop_at_what_there_is(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/jobs/4/log", log_of("some text\n", complete_at=99))
    assert rcq("logs", "4").out == "some text\n"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"state": "pending"}, "is pending and has not started. See: rcq why 4"),
        ({"state": "running", "started_at": 5.0}, "has written nothing to stdout yet"),
        ({"state": "completed", "started_at": 5.0}, "wrote nothing to stdout. See: rcq show 4"),
        ({"state": "failed", "message": "command not found: trian"}, "stdout: command not found: trian"),
    ],
)
def test_logs_of_a_job_that_wrote_nothing_say_why(rcq: Rcq, engine: Engine, state: dict[str, Any], said: str) -> None:
    engine.on("GET", "/v1/jobs/4/log", log_of(""))
    engine.on("GET", "/v1/jobs/4", {**job(), "message": None, "started_at": None, **state})
    answer = rcq("logs", "4")
    assert (answer.code, answer.out) == (0, "")
    assert said in answer.err


def test_logs_on_a_terminal_are_harmless(engine: Engine, spawn: Spawn) -> None:
    engine.on("GET", "/v1/jobs/4/log", log_of("a\x1b[2J\x1b]0;title\x07b\n50%\r100%\nü\x9b31m\n"))
    ours, theirs = pty.openpty()
    process = spawn("logs", "4", stdout=theirs)
    os.close(theirs)
    assert process.wait(20) == 0
    shown = os.read(ours, 4096).decode().replace("\r\n", "\n")
    os.close(ours)
    assert shown == "ab\n50%\n100%\nü\n"


def test_a_sequence_cut_in_two_is_still_found() -> None:
    text = "x\x1b[31mred\x1b[0m \x1b]8;;http://evil\x07link\x1b]8;;\x07\r\ny"
    for at in range(len(text)):
        harmless = Harmless()
        assert harmless.feed(text[:at]) + harmless.feed(text[at:]) + harmless.end() == "xred link\ny"


def test_a_prompt_after_a_colour_is_not_held_back() -> None:
    assert Harmless().feed("\x1b[32mready> ") == "ready> "
