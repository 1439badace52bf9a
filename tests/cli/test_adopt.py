"""`rcq adopt`: what is sent for what is typed, what is told, what is refused here."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from scripted_engine import Engine, Result

Rcq = Callable[..., Result]
JOB = {"id": 12, "state": "running", "gpu_indices": [0, 2], "adopted_pid": 4711}


@pytest.mark.parametrize(
    ("argv", "body"),
    [
        (["4711"], {"pid": 4711}),
        (
            ["4711", "--time-limit", "90m", "--name", "by hand", "--group", "bio"],
            {"pid": 4711, "time_limit_s": 5400, "name": "by hand", "group": "bio"},
        ),
    ],
)
def test_what_is_typed_is_what_is_sent(rcq: Rcq, engine: Engine, argv: list[str], body: dict[str, Any]) -> None:
    engine.on("POST", "/v1/adopt", (201, JOB))
    told = rcq("adopt", *argv)
    assert (told.code, engine.requests[-1].json) == (0, body)
    assert told.out.splitlines() == ["process 4711 is job 12 on GPU 0, 2, now running", "end it with: rcq cancel 12"]


def test_json(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/adopt", (201, JOB))
    assert json.loads(rcq("adopt", "4711", "--json").out) == JOB


@pytest.mark.parametrize("argv", [["0"], ["-1"], ["train"], ["1", "--time-limit", "soon"], []])
def test_what_is_no_process_or_no_time_is_refused_here(rcq: Rcq, engine: Engine, argv: list[str]) -> None:
    assert rcq("adopt", *argv).code == 2
    assert not engine.requests
