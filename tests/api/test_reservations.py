"""Booked reservations over HTTP: what is asked of the engine, what is refused before it is asked."""

from dataclasses import asdict
from typing import Any

import pytest

from engine.api.asks import NewReservation
from engine.protocol.errors import Refused
from engine.protocol.responses import ReservationView
from tests.api.scripted import USER, Api, refusal

VIEW = ReservationView(
    id=3,
    account="ada",
    group="vision",
    gpu_indices=[0, 2],
    gpu_uuids=["GPU-a", "GPU-c"],
    start_at=1000.5,
    end_at=4600.5,
    created_at=900.0,
    active=False,
    mine=True,
    promises_moved=2,
)


def test_list(api: Api) -> None:
    api.script.expect("reservations.reservations", USER, gives=[VIEW])
    assert api.ask("GET", "/v1/reservations").json() == {"items": [asdict(VIEW)]}


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ({"gpus": 2, "duration_s": 3600}, NewReservation(gpus=2, duration_s=3600)),
        (
            {"cards": ["0", "GPU-c"], "start_at": 1000.5, "duration_s": 60},
            NewReservation(cards=("0", "GPU-c"), start_at=1000.5, duration_s=60),
        ),
    ],
)
def test_book(api: Api, body: dict[str, Any], asked: NewReservation) -> None:
    api.script.expect("reservations.reserve", USER, asked, gives=VIEW)
    answer = api.ask("POST", "/v1/reservations", json=body)
    assert (answer.status_code, answer.json()) == (201, asdict(VIEW))


def test_take_back(api: Api) -> None:
    api.script.expect("reservations.unreserve", USER, 3, gives=VIEW)
    assert api.ask("DELETE", "/v1/reservations/3").json()["id"] == 3
    api.script.expect("reservations.unreserve", USER, 4, gives=Refused("NOT_FOUND", "There is none."))
    assert refusal(api.ask("DELETE", "/v1/reservations/4")) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "body",
    [
        {"duration_s": 3600},
        {"gpus": 1, "cards": ["0"], "duration_s": 3600},
        {"gpus": 0, "duration_s": 3600},
        {"cards": [], "duration_s": 3600},
        {"cards": [""], "duration_s": 3600},
        {"cards": [0], "duration_s": 3600},
        {"gpus": 1},
        {"gpus": 1, "duration_s": 59},
        {"gpus": 1, "duration_s": "4h"},
        {"gpus": 1, "duration_s": 3600, "start_at": -1},
        {"gpus": 1, "duration_s": 3600, "start_at": "22:00"},
        {"gpus": 1, "duration_s": 3600, "from": 5},
    ],
)
def test_a_wrong_request_never_reaches_the_engine(api: Api, body: dict[str, Any]) -> None:
    assert refusal(api.ask("POST", "/v1/reservations", json=body)) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", ""), ("DELETE", "/1")])
def test_nobody_books_without_logging_in(api: Api, method: str, path: str) -> None:
    answer = api.ask(method, f"/v1/reservations{path}", token=None, json={"gpus": 1, "duration_s": 60})
    assert refusal(answer) == (401, "UNAUTHENTICATED")


def test_what_is_wrong_is_named(api: Api) -> None:
    answer = api.ask("POST", "/v1/reservations", json={"duration_s": 3600})
    assert "gpus, how many cards" in answer.json()["error"]["message"]
