"""requeue, edit, and what show and why tell of attempts."""

import json
from collections.abc import Callable

import pytest
from scripted_engine import Engine, Result, detail, refusal

Rcq = Callable[..., Result]

PAST = {
    "attempt": 1,
    "state": "failed",
    "cause": "exit",
    "exit_code": 3,
    "signal": None,
    "started_at": 1_000_000.0,
    "ended_at": 1_000_090.0,
    "gpu_indices": [0, 1],
    "message": None,
}
PREEMPTED = {
    **PAST, "attempt": 2, "state": "preempted", "cause": "preempted", "exit_code": None, "signal": 15,
    "started_at": None, "gpu_indices": [], "message": "stopped\x1b[2J for others",
}  # fmt: skip


def test_requeue_several_and_elements(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/jobs/4/requeue", detail(id=4, state="pending"))
    engine.on("POST", "/v1/jobs/5/requeue", (409, refusal("INVALID_STATE", "it waits")))
    engine.on("GET", "/v1/jobs", {"items": [detail(id=9), detail(id=10)], "cursor": None})
    engine.on("POST", "/v1/jobs/9/requeue", detail(id=9, state="running"))
    engine.on("POST", "/v1/jobs/10/requeue", detail(id=10, state="pending"))
    result = rcq("requeue", "4-5", "7[2,3]")
    assert result.code == 7
    assert result.out.splitlines() == ["job 4: pending", "job 9: running", "job 10: pending"]
    assert result.err.splitlines() == ["rcq: job 5: it waits"]
    assert engine.asked("GET", "/v1/jobs")[0].query["elements"] == "2,3"


def test_edit_sends_only_what_was_given(rcq: Rcq, engine: Engine) -> None:
    engine.on("PATCH", "/v1/jobs/12", detail(state="pending"))
    result = rcq("edit", "12", "--priority", "9", "--time", "4h", "--unset", "gpu_type", "--no-preemptible")
    assert result.code == 0
    assert result.out == "job 12: pending, changed time_limit_s, priority, preemptible, gpu_type\n"
    sent = json.loads(engine.requests[-1].body)
    assert sent == {"priority": 9, "time_limit_s": 14400, "preemptible": False, "gpu_type": None}
    rcq("edit", "12", "--workdir", "/data", "--env", "A=1", "--", "python", "x.py", "--gpus", "3")
    assert json.loads(engine.requests[-1].body) == {
        "workdir": "/data", "environment": {"A": "1"}, "command": ["python", "x.py", "--gpus", "3"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("12",), "nothing to change"),
        (("12", "--unset", "gpu"), "'gpu' is no field of a job"),
        (("12", "--unset", "gpus", "--gpus", "2"), "both given and unset"),
        (("--gpus", "2"), "ID"),
        (("x", "--gpus", "2"), "is no job id"),
    ],
)
def test_edit_says_what_is_wrong_before_anything_is_sent(
    rcq: Rcq, engine: Engine, argv: tuple[str, ...], told: str
) -> None:
    result = rcq("edit", *argv)
    assert (result.code, told in result.err, engine.requests) == (2, True, [])


def test_edit_goes_on_after_a_refusal(rcq: Rcq, engine: Engine) -> None:
    engine.on("PATCH", "/v1/jobs/1", (409, refusal("INVALID_STATE", "it runs")))
    engine.on("PATCH", "/v1/jobs/2", detail(id=2))
    result = rcq("edit", "1-2", "--gpus", "1")
    assert (result.code, result.err, result.out) == (7, "rcq: job 1: it runs\n", "job 2: pending, changed gpus\n")


@pytest.mark.parametrize("option", ["--array", "--job-id"])
def test_edit_has_no_option_for_what_cannot_be_edited(rcq: Rcq, engine: Engine, option: str) -> None:
    assert option not in rcq("edit", "--help").out
    result = rcq("edit", "1", option, "1")
    assert (result.code, option in result.err, engine.requests) == (2, True, [])


def test_show_tells_of_attempts_that_are_over(rcq: Rcq, engine: Engine) -> None:
    told = detail(attempt=2, retries=3, attempts=[PAST, PREEMPTED], message="it goes on")
    engine.on("GET", "/v1/jobs/12", told)
    shown = rcq("show", "12").out
    assert "retries       3" in shown
    assert "message       it goes on" in shown
    lines = [line for line in shown.splitlines() if line.startswith("past attempt")]
    assert len(lines) == 2
    assert lines[0].startswith("past attempt  1 failed (exit 3) at ")
    assert lines[0].endswith(" after 1m30s on GPU 0,1")
    assert lines[1].startswith("past attempt  2 preempted at ")
    assert "\x1b" not in lines[1]
    assert lines[1].endswith("for others")


def test_an_attempt_that_waited_in_slurm_was_on_no_card(rcq: Rcq, engine: Engine) -> None:
    waited = {**PREEMPTED, "attempt": 1, "gpu_indices": [4, 5], "place": "slurm", "node": None, "message": "back"}
    ran = {**PAST, "attempt": 2, "gpu_indices": [4, 5], "place": "slurm", "node": "n1"}
    engine.on("GET", "/v1/jobs/12", detail(attempt=2, attempts=[waited, ran]))
    lines = [line for line in rcq("show", "12").out.splitlines() if line.startswith("past attempt")]
    assert "GPU" not in lines[0]
    assert lines[1].endswith(" after 1m30s on n1")


def test_what_is_still_to_be_taken_back_from_slurm_says_so(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/jobs/12/hold", detail(state="scheduled"))
    engine.on("POST", "/v1/jobs/13/hold", detail(id=13, state="held"))
    assert rcq("hold", "12", "13").out.splitlines() == [
        "job 12: is being taken back from Slurm's queue (now scheduled)",
        "job 13: held",
    ]


def test_an_only_attempt_that_is_the_end_is_not_told_twice(rcq: Rcq, engine: Engine) -> None:
    ended = {"state": "failed", "cause": "exit", "exit_code": 3, "started_at": 1.0, "ended_at": 2.0}
    engine.on("GET", "/v1/jobs/12", detail(attempt=1, attempts=[PAST], **ended))
    assert "past attempt" not in rcq("show", "12").out
    engine.on("GET", "/v1/jobs/12", detail(attempt=1, attempts=[PAST]))
    assert "past attempt" in rcq("show", "12").out


def test_why_tells_of_the_last_attempt(rcq: Rcq, engine: Engine) -> None:
    why = {
        "id": 12, "state": "pending", "reasons": [], "position": 1, "pending": 1, "score": None, "base": None,
        "fair": None, "wait": None, "expected_start": None, "reserved_gpus": [], "message": "attempt 1 was preempted",
    }  # fmt: skip
    engine.on("GET", "/v1/jobs/12/why", why)
    assert "What is told of it: attempt 1 was preempted." in rcq("why", "12").out
