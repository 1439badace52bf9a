"""rcq wait: whom it looks up, what it prints and returns, and what becomes of it without engine or time."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1]))

from hostile_text import POISON
from scripted_engine import Engine, Lines, Request, Result, job, refusal, wait_until

from rcq_tui.cli import ends

Rcq = Callable[..., Result]
LOOK_AGAIN = 'event: queue\ndata: {"refresh": true}\n'


class Jobs:
    """A listing of jobs by id, and the events of those that end: each look after the first ends one more."""

    def __init__(self, engine: Engine, **states: str) -> None:
        self.rows = {int(name[1:]): job(id=int(name[1:]), state=state) for name, state in states.items()}
        self.engine = engine
        engine.on("GET", "/v1/jobs", self._listed)
        engine.on("GET", "/v1/events", self._events)
        self.to_end: list[dict[str, Any]] = []

    def _listed(self, request: Request) -> Any:
        wanted = [int(one) for one in request.query["ids"].split(",")]
        return {"items": [self.rows[one] for one in wanted if one in self.rows], "cursor": None, "total": None}

    def _events(self, request: Request) -> Any:
        assert request.query == {"after": "0"}
        lines = [LOOK_AGAIN]
        for row in self.to_end:
            self.rows[row["id"]] = self.rows[row["id"]] | row
            lines.append(f"event: job\ndata: {json.dumps({'id': row['id'], 'state': row['state']})}\n")
        return Lines(lines, "text/event-stream")


def end(number: int, state: str = "completed", **more: Any) -> dict[str, Any]:
    return {"id": number, "state": state, "ended_at": float(number), "cause": "exit", **more}


def brief(result: Result) -> tuple[int, str]:
    return result.code, result.out


def test_a_line_for_each_and_the_highest_code(rcq: Rcq, engine: Engine) -> None:
    jobs = Jobs(engine, j3="completed", j4="running", j5="pending", j6="running")
    jobs.rows[3] |= {"exit_code": 0}
    jobs.to_end = [end(4, exit_code=0), end(5, "failed", exit_code=3), end(6, "failed", cause="signal", signal=9)]
    result = rcq("wait", "3-5", "6")
    assert (result.code, result.err) == (137, "")
    assert sorted(result.out.splitlines()) == ["3 completed 0", "4 completed 0", "5 failed 3", "6 failed 137"]


def test_what_has_ended_already_needs_no_events(rcq: Rcq, engine: Engine) -> None:
    jobs = Jobs(engine, j3="completed", j4="cancelled")
    jobs.rows[4] |= {"cause": "cancelled"}
    result = rcq("wait", "3", "4", "--json")
    assert result.code == 1
    told = json.loads(result.out)
    assert [(row["id"], row["code"]) for row in told["items"]] == [(3, 0), (4, 1)]
    assert told["timed_out"] is False
    assert len(engine.requests) == 1


def test_any_stops_at_the_first_that_ended(rcq: Rcq, engine: Engine) -> None:
    jobs = Jobs(engine, j3="running", j4="running", j5="running")
    jobs.to_end = [end(5, "failed", exit_code=7, ended_at=1.0), end(4, ended_at=2.0)]
    assert brief(rcq("wait", "--any", "3", "4", "5")) == (7, "5 failed 7\n")


def test_another_ones_job_counts_by_its_state(rcq: Rcq, engine: Engine) -> None:
    jobs = Jobs(engine, j3="completed", j4="failed")
    hidden = {"redacted": True, "exit_code": None, "signal": None, "cause": None, "ended_at": None}
    jobs.rows = {number: row | hidden for number, row in jobs.rows.items()}
    assert brief(rcq("wait", "3", "4")) == (1, "3 completed 0\n4 failed 1\n")


def test_the_time_is_over(rcq: Rcq, engine: Engine) -> None:
    Jobs(engine, j3="completed", j4="running")
    result = rcq("wait", "3", "4", "--timeout", "0")
    assert (result.code, result.out) == (124, "3 completed 0\n")
    assert result.err == "rcq: not ended in time: 4; they go on\n"
    result = rcq("wait", "4", "--timeout", "0s", "--json")
    assert (result.code, json.loads(result.out)) == (124, {"items": [], "timed_out": True})


def test_who_is_not_there_is_named_and_nobody_waited_for(rcq: Rcq, engine: Engine) -> None:
    Jobs(engine, j3="running")
    result = rcq("wait", "3", "8", "9")
    assert (result.code, result.out) == (6, "")
    assert "no job 8, 9" in result.err


def test_one_that_is_there_no_more_is_not_waited_for_for_ever(rcq: Rcq, engine: Engine) -> None:
    jobs = Jobs(engine, j3="completed", j4="running", j5="running")
    jobs.to_end = [end(5)]
    events = jobs._events

    def lost(request: Request) -> Any:
        del jobs.rows[4]
        return events(request)

    engine.on("GET", "/v1/events", lost)
    result = rcq("wait", "3-5", "--timeout", "19")
    assert (result.code, result.err) == (6, "rcq: there is no job 4 that you may see; nothing is waited for\n")


def test_nothing_of_a_strangers_words_is_printed(rcq: Rcq, engine: Engine) -> None:
    jobs = Jobs(engine, j3="failed")
    jobs.rows[3] |= {"name": POISON, "cause": POISON, "command_line": POISON, "exit_code": 2}
    assert brief(rcq("wait", "3")) == (2, "3 failed 2\n")
    told = rcq("wait", "3", "--json")
    assert told.out.removesuffix("\n").isprintable()
    assert json.loads(told.out)["items"][0]["name"] == POISON


@pytest.mark.parametrize("argv", [(), ("x",), ("3", "--timeout", "soon"), ("5-3",)])
def test_wrong_lines_ask_nothing(rcq: Rcq, engine: Engine, argv: tuple[str, ...]) -> None:
    assert rcq("wait", *argv).code == 2
    assert engine.requests == []


def test_an_array_is_waited_for_by_its_elements(rcq: Rcq, engine: Engine) -> None:
    jobs = Jobs(engine, j7="completed", j8="completed")
    by_ids = jobs._listed

    def listed(request: Request) -> Any:
        if "ids" in request.query:
            return by_ids(request)
        assert request.query["array"] == "7"
        return {"items": [jobs.rows[7], jobs.rows[8]], "cursor": None, "total": 2}

    engine.on("GET", "/v1/jobs", listed)
    assert brief(rcq("wait", "7[]")) == (0, "7 completed 0\n8 completed 0\n")


def test_who_gives_an_arrays_id_is_told_that_it_is_the_first_element(rcq: Rcq, engine: Engine) -> None:
    jobs = Jobs(engine, j7="completed", j8="completed")
    for row in jobs.rows.values():
        row["array_parent"] = 7
    told = "rcq: 7 is the first element of an array and is waited for alone; for all of it write '7[]'\n"
    assert rcq("wait", "7").err == told
    assert rcq("wait", "7-8").err == ""
    assert rcq("wait", "8").err == ""


def test_a_thousand_and_one_are_asked_for_in_two_requests(rcq: Rcq, engine: Engine) -> None:
    jobs = Jobs(engine)
    jobs.rows = {number: job(id=number, state="completed") for number in range(1, 1002)}
    assert rcq("wait", "1-1001").code == 0
    assert len(engine.requests) == 2


def test_an_engine_that_starts_anew_is_waited_for(rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ends, "_AGAIN_S", 0.01)
    monkeypatch.setattr(ends, "_SILENT_S", 0.0)
    jobs = Jobs(engine, j3="running")
    starting = (503, refusal("SERVICE_NOT_READY", "The engine starts."))
    engine.on("GET", "/v1/jobs", jobs._listed, starting, starting, jobs._listed)
    jobs.to_end = [end(3, exit_code=0)]
    result = rcq("wait", "3")
    assert (result.code, result.out) == (0, "3 completed 0\n")
    assert result.err.count("the engine has not answered") == 1


def test_an_engine_that_stays_away_ends_it(rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ends, "_AGAIN_S", 0.01)
    monkeypatch.setattr(ends, "PATIENCE_S", 0.05)
    jobs = Jobs(engine, j3="running")
    engine.on("GET", "/v1/jobs", jobs._listed, (503, refusal("SERVICE_NOT_READY", "The engine starts.")))
    assert rcq("wait", "3").code == 8


def test_without_events_it_looks_by_itself(rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ends, "_AGAIN_S", 0.01)
    jobs = Jobs(engine, j3="running")
    engine.on("GET", "/v1/events", (429, refusal("RATE_LIMITED", "too many streams")))

    def later(request: Request) -> Any:
        jobs.rows[3] |= end(3, "failed", exit_code=4)
        return jobs._listed(request)

    engine.on("GET", "/v1/jobs", jobs._listed, jobs._listed, later)
    assert brief(rcq("wait", "3")) == (4, "3 failed 4\n")


def test_it_can_be_interrupted(engine: Engine, spawn: Callable[..., "subprocess.Popen[bytes]"]) -> None:
    Jobs(engine, j3="running")
    process = spawn("wait", "3")
    wait_until(lambda: engine.asked("GET", "/v1/events"))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, b"rcq: they go on; `rcq cancel ID` ends one\n")
