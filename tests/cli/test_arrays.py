"""Job arrays on the command line: naming elements, steps for many, lines of the queue, waiting for all."""

from collections.abc import Callable
from typing import Any

import pytest
from scripted_engine import Engine, Request, Result, detail, job, refusal

from rcq_tui.cli.after import conditions
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.targets import Target, targets

Rcq = Callable[..., Result]


def element(index: int, **changes: Any) -> dict[str, Any]:
    """Of array 7, whose indices begin at 0."""
    return job(**{"id": 7 + index, "array_parent": 7, "array_index": index, **changes})


def done(changed: int = 0, ending: int = 0, unchanged: int = 0) -> dict[str, int]:
    return {"array": 7, "changed": changed, "ending": ending, "unchanged": unchanged}


def test_what_can_be_named() -> None:
    assert targets(["4", "7[3]", "10-11", "7[]", "7[3-5,9]", "4"]) == [
        Target(4),
        Target(7, "3"),
        Target(10),
        Target(11),
        Target(7, "all"),
        Target(7, "3-5,9"),
    ]
    assert [target.text for target in targets(["4", "7[]", "7[3-5,9]"])] == ["4", "7[]", "7[3-5,9]"]


@pytest.mark.parametrize("word", ["7[", "7[3", "[3]", "7[x]", "7[5-3]", "x[3]", "7[3]4", "7[3%2]", "7[[3]]", "1-2[3]"])
def test_what_names_nothing(rcq: Rcq, engine: Engine, word: str) -> None:
    with pytest.raises(UsageError):
        targets([word])
    for verb in ("cancel", "hold", "release", "show", "why", "logs"):
        assert rcq(verb, word).code == 2
    assert engine.requests == []


@pytest.mark.parametrize(
    ("verb", "where", "said"),
    [
        ("cancel", ("DELETE", "/v1/jobs/7"), "97 cancelled, 3 are being ended, 1 had ended before"),
        ("hold", ("POST", "/v1/jobs/7/hold"), "97 held, 3 are taken back from Slurm's queue, 1 were not pending"),
        ("release", ("POST", "/v1/jobs/7/release"), "97 pending, 3 are being ended, 1 were not held"),
    ],
)
def test_a_whole_array_is_one_request(rcq: Rcq, engine: Engine, verb: str, where: tuple[str, str], said: str) -> None:
    engine.on(*where, done(97, 3, 1), done(1))
    result = rcq(verb, "7[]", "7[4]")
    assert result.code == 0
    assert result.out.splitlines() == [f"job 7[]: {said}", f"job 7[4]: 1 {said.split()[1].rstrip(',')}"]
    assert [request.query for request in engine.requests] == [{"elements": "all"}, {"elements": "4"}]


def test_a_refusal_names_what_it_is_about_and_the_rest_goes_on(rcq: Rcq, engine: Engine) -> None:
    engine.on("DELETE", "/v1/jobs/7", (404, refusal("JOB_NOT_FOUND", "Array 7 has no element 9.")))
    engine.on("DELETE", "/v1/jobs/4", detail(id=4, state="cancelled"))
    result = rcq("cancel", "7[9]", "4")
    assert (result.code, result.out) == (6, "job 4: cancelled\n")
    assert result.err == "rcq: job 7[9]: Array 7 has no element 9.\n"


def test_all_mine_takes_an_array_at_once(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/jobs", {"items": [job(id=4), *map(element, range(50))], "cursor": None})
    engine.on("DELETE", "/v1/jobs/4", detail(id=4, state="cancelled"))
    engine.on("DELETE", "/v1/jobs/7", done(50))
    assert rcq("cancel", "--all-mine", "--yes").out.splitlines() == ["job 4: cancelled", "job 7[]: 50 cancelled"]
    assert len(engine.asked("DELETE", "/v1/jobs/7")) == 1


def test_one_element_is_found_and_shown(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/jobs", {"items": [element(3)], "cursor": None})
    shown = detail(id=10, array_parent=7, array_index=3, array="0-99%4")
    engine.on("GET", "/v1/jobs/10", shown)
    log = {"text": "hello\n", "offset": 0, "next_offset": 6, "size": 6, "complete": True}
    engine.on("GET", "/v1/jobs/10/log", log, {**log, "text": "", "offset": 6})
    assert "array       7[3] of 0-99%4" in rcq("show", "7[3]").out
    assert engine.requests[0].query == {"array": "7", "elements": "3", "limit": "2"}
    assert rcq("logs", "7[3]").out == "hello\n"


@pytest.mark.parametrize("word", ["7[]", "7[3-5]"])
def test_what_shows_one_job_takes_no_more(rcq: Rcq, engine: Engine, word: str) -> None:
    for verb in ("show", "why", "logs"):
        result = rcq(verb, word)
        assert (result.code, "rcq queue --array 7" in result.err) == (2, True)
    assert engine.requests == []


REASON = [{"code": "GPUS_BUSY", "wanted": 2, "free": 1, "matching": 4}]


def test_equal_elements_are_one_line_on_a_terminal(rcq: Rcq, engine: Engine) -> None:
    rows = [
        element(0, state="running", started_at=1e6),
        *(element(index, position=index, reasons=REASON) for index in range(1, 30)),
        job(id=99, name="other"),
        *(element(index, position=index + 1, reasons=REASON) for index in (40, 41)),
        element(50, state="held"),
    ]
    engine.on("GET", "/v1/jobs", {"items": rows, "cursor": None})
    lines = rcq("queue").out.splitlines()[1:]
    ids = ["7", "7[1-29]", "99", "7[40-41]", "57"]
    assert [next(word for word in line.split() if word in ids) for line in lines] == ids
    assert "train[0]" in lines[0]
    assert "train " in lines[1]
    assert "train[50]" in lines[4]
    assert len(rcq("queue", "--expand").out.splitlines()) == 1 + len(rows)
    assert len(engine.requests) == 2


def test_what_is_no_terminal_gets_every_row(rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [element(index, reasons=REASON) for index in range(20)]
    engine.on("GET", "/v1/jobs", {"items": rows, "cursor": None})
    assert '"id": 26' in rcq("queue", "--json").out
    monkeypatch.delenv("COLUMNS")
    assert len(rcq("queue").out.splitlines()) == 21


def test_pages_are_fetched_until_the_lines_are_full(rcq: Rcq, engine: Engine) -> None:
    rows = [element(index, reasons=REASON) for index in range(1200)] + [job(id=9000 + n) for n in range(100)]

    def page(request: Request) -> dict[str, Any]:
        at, size = int(request.query.get("cursor", "0")), int(request.query["limit"])
        end = at + size
        return {"items": rows[at:end], "cursor": str(end) if end < len(rows) else None}

    engine.on("GET", "/v1/jobs", page)
    lines = rcq("queue", "--limit", "50").out.splitlines()
    assert len(lines) == 52
    assert "7[0-1199]" in lines[1]
    assert lines[-1].startswith("… there are more than these 50")
    assert [request.query["limit"] for request in engine.requests] == ["50", "1000", "1000"]


def test_the_elements_of_an_array_are_listed(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/jobs", {"items": [], "cursor": None})
    assert rcq("queue", "--array", "7", "--state", "failed").code == 0
    assert rcq("queue", "--array", "7[3-5]", "--json").code == 0
    assert [request.query for request in engine.requests] == [
        {"state": "failed", "array": "7", "limit": "50"},
        {"array": "7", "elements": "3-5", "limit": "50"},
    ]
    assert rcq("queue", "--array", "x").code == 2


def test_submit_prints_the_arrays_id(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/jobs", {"id": 7, "count": 100, "last_id": 106})
    assert rcq("submit", "--array", "0-99%4", "true").out == "7\n"
    assert engine.requests[0].json["array"] == "0-99%4"
    assert rcq("submit", "--json", "--array", "0-99", "true").out == '{"id": 7, "count": 100, "last_id": 106}\n'
    wrong = rcq("submit", "--array", "9-0", "true")
    assert (wrong.code, "9-0 is no range" in wrong.err, len(engine.requests)) == (2, True, 2)


def test_waiting_for_an_array_gives_its_worst_exit_code(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/jobs", {"id": 7, "count": 3, "last_id": 9})
    left = [[element(1)], [], [element(2)], []]  # the second page's element ended while it was read
    bad = [element(0, state="failed", cause="exit", exit_code=3), element(2, state="failed", cause="signal", signal=9)]

    def page(request: Request) -> dict[str, Any]:
        if "failed" in request.query["state"]:
            return {"items": bad, "cursor": None}
        items = left.pop(0)
        return {"items": items, "cursor": "more" if left and not items else None}

    engine.on("GET", "/v1/jobs", page)
    result = rcq("submit", "--wait", "--array", "0-2", "true")
    assert left == []
    assert (result.code, result.out) == (137, "7\n")
    assert "2 jobs of array 7 went wrong" in result.err
    left += [[]]
    bad.clear()
    assert rcq("submit", "--wait", "--array", "0-2", "true").code == 0


def test_waiting_for_an_array_to_end_is_waiting_for_each_element(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/jobs", {"id": 12, "count": 1, "last_id": 12})
    engine.on("GET", "/v1/jobs", {"items": [element(3), element(4)], "cursor": None})
    result = rcq("submit", "--after", "7[3-4]:any,5", "true")
    assert (result.code, result.err) == (0, "")
    assert engine.requests[-1].json["after"] == [
        {"id": 10, "when": "any"},
        {"id": 11, "when": "any"},
        {"id": 5, "when": "ok"},
    ]
    assert [one.query.get("ids", one.query.get("elements")) for one in engine.asked("GET", "/v1/jobs")] == ["5", "3-4"]


def test_who_waits_for_the_first_element_alone_is_told(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/jobs", {"id": 12, "count": 1, "last_id": 12})
    engine.on("GET", "/v1/jobs", {"items": [element(0), element(1)], "cursor": None})
    result = rcq("submit", "--after", "afterok:7:8", "true")
    assert (result.code, result.out) == (0, "12\n")
    assert [one["id"] for one in engine.requests[-1].json["after"]] == [7, 8]
    said = "7 is the first element of an array and is waited for alone; for all of it write '7[]'"
    assert result.err == f"rcq: {said}\n"


def test_an_array_that_is_too_large_to_wait_for(rcq: Rcq, engine: Engine) -> None:
    def page(request: Request) -> dict[str, Any]:
        at = int(request.query.get("cursor", "0"))
        return {"items": [element(index) for index in range(at, at + 1000)], "cursor": str(at + 1000)}

    engine.on("GET", "/v1/jobs", page)
    result = rcq("submit", "--after", "7[]", "true")
    assert (result.code, result.err) == (2, "rcq: 7[] is more than 1000 jobs; name fewer elements\n")
    assert engine.asked("POST", "/v1/jobs") == []


def test_elements_among_the_jobs_to_wait_for() -> None:
    assert conditions("12,7[1,3-5]:failed,7[]") == [
        {"id": 12, "when": "ok"},
        {"id": "7[1,3-5]", "when": "failed"},
        {"id": "7[]", "when": "ok"},
    ]
    with pytest.raises(ValueError, match="names no jobs"):
        conditions("7[")
