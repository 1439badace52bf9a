"""Booking cards: what is sent for what is typed, what is told, what is refused here."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from scripted_engine import Engine, Result, refusal

Rcq = Callable[..., Result]
NOW = 1_000_600.0  # 1970-01-12 13:56:40 UTC


@pytest.fixture(autouse=True)
def _fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)


def slot(**changes: Any) -> dict[str, Any]:
    view = {
        "id": 3, "account": "alice", "group": "vision", "gpu_indices": [0, 2], "gpu_uuids": ["GPU-a", "GPU-c"],
        "start_at": 1_000_800.0, "end_at": 1_004_400.0, "created_at": NOW, "active": False, "mine": True,
        "promises_moved": None,
    }  # fmt: skip
    return {**view, **changes}


@pytest.mark.parametrize(
    ("argv", "body"),
    [
        (["2", "--for", "4h"], {"gpus": 2, "duration_s": 14_400}),
        (["gpu3", "--from", "now", "--for", "90m"], {"cards": ["3"], "duration_s": 5400}),
        (["0,2", "--from", "+2h", "--for", "2d"], {"cards": ["0", "2"], "start_at": NOW + 7200, "duration_s": 172_800}),
        (
            ["GPU-5c8f, gpu0", "--from", "22:00", "--for", "1h"],
            {"cards": ["GPU-5c8f", "0"], "start_at": 1_029_600.0, "duration_s": 3600},
        ),
        (
            ["1", "--from", "tomorrow 9:00", "--for", "30m"],
            {"gpus": 1, "start_at": 1_069_200.0, "duration_s": 1800},
        ),
    ],
)
def test_what_is_typed_is_what_is_sent(rcq: Rcq, engine: Engine, argv: list[str], body: dict[str, Any]) -> None:
    engine.on("POST", "/v1/reservations", (201, slot()))
    assert rcq("reserve", *argv).code == 0
    assert engine.requests[-1].json == body


def test_a_booking_tells_its_cards_and_times_and_how_it_is_used(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/reservations", (201, slot(promises_moved=2)), (201, slot(promises_moved=0)))
    assert rcq("reserve", "2", "--for", "1h").out.splitlines() == [
        "reservation 3: GPUs 0,2 from 1970-01-12 14:00:00 to 1970-01-12 15:00:00",
        "use it by submitting as usual: in that time only your jobs start there",
        "it pushes back the promised start of 2 waiting jobs",
        "take it back with: rcq unreserve 3",
    ]
    assert "pushes" not in rcq("reserve", "2", "--for", "1h").out
    assert json.loads(rcq("reserve", "2", "--for", "1h", "--json").out) == slot(promises_moved=0)


def test_a_refusal_is_told_with_its_numbers(rcq: Rcq, engine: Engine) -> None:
    told = [{"field": "start_at", "message": "GPU 0: booked until 14:30", "gpu": 0, "earliest_start": 5.0}]
    engine.on("POST", "/v1/reservations", (409, refusal("INVALID_STATE", "It is taken.", told)))
    result = rcq("reserve", "gpu0", "--for", "1h")
    assert (result.code, result.out) == (7, "")
    assert "GPU 0: booked until 14:30" in result.err


@pytest.mark.parametrize(
    "argv",
    [
        ["0", "--for", "1h"], ["0,,2", "--for", "1h"], ["2"], ["2", "--for", "soon"],
        ["2", "--for", "1h", "--from", "25:00"],
    ],
)  # fmt: skip
def test_a_wrong_command_line_sends_nothing(rcq: Rcq, engine: Engine, argv: list[str]) -> None:
    result = rcq("reserve", *argv)
    assert result.code == 2
    assert engine.requests == []


LIST = """\
ID  WHO       GPUS         FROM       UNTIL             STATE
 2  alice     0,2          13:50      14:56             1h00m left
 3  (vision)  1 (+1 gone)  Tue 14:00  1970-01-20 03:46  in 1d0h
"""


def test_the_list(rcq: Rcq, engine: Engine) -> None:
    running = slot(id=2, active=True, start_at=NOW - 400, end_at=NOW + 3600)
    private = slot(account=None, gpu_indices=[1], start_at=NOW + 86_600, end_at=NOW + 654_600, mine=False)
    engine.on("GET", "/v1/reservations", {"items": [running, private]})
    assert rcq("reservations").out == LIST
    assert json.loads(rcq("reservations", "--json").out) == {"items": [running, private]}
    engine.on("GET", "/v1/reservations", {"items": []})
    assert "no GPU is booked" in rcq("reservations").out


def test_take_back(rcq: Rcq, engine: Engine) -> None:
    engine.on("DELETE", "/v1/reservations/3", slot())
    expected = "reservation 3 taken back: GPUs 0,2, 1970-01-12 14:00:00 to 1970-01-12 15:00:00\n"
    assert rcq("unreserve", "3").out == expected
    assert rcq("unreserve", "x").code == 2
    engine.on("DELETE", "/v1/reservations/4", (403, refusal("FORBIDDEN", "Not yours.")))
    assert rcq("unreserve", "4").code == 5
