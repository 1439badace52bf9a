"""`rcq plan`: the planned future as a picture or as a document."""

import json
from typing import Any

import pytest

NOW = 1_000_600.0
PLANNED: dict[str, Any] = {
    "now": NOW, "until": NOW + 3600, "known_until": NOW + 259_200, "later": 0,
    "cards": [{"index": 0, "uuid": "GPU-0", "model": "A6000", "state": "ok"}],
    "items": [{"kind": "running", "id": 7, "name": "x\x1b[2J", "account": "ann", "group": "vision", "gpus": [0],
               "start": NOW - 60, "end": NOW + 1800, "basis": "time limit", "redacted": False}],
}  # fmt: skip


def test_a_picture_of_the_width_of_the_terminal(rcq, engine, monkeypatch):
    engine.on("GET", "/v1/plan", PLANNED)
    monkeypatch.setenv("COLUMNS", "60")
    shown = rcq("plan", "--hours", "1").out.splitlines()
    assert engine.requests[-1].query == {"hours": "1.0"}
    assert shown[1] == "GPU 0   █7" + "█" * 24 + "·" * 26
    assert shown[-1] == "█ runs"
    plain = rcq("plan", "--ascii").out
    assert plain.isascii() and engine.requests[-1].query == {"hours": "24.0"}


def test_the_document(rcq, engine):
    engine.on("GET", "/v1/plan", PLANNED)
    assert json.loads(rcq("plan", "--json").out) == PLANNED


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "2161", "soon"])
def test_what_are_no_hours_is_wrong_usage(rcq, engine, hours):
    result = rcq("plan", f"--hours={hours}")
    assert result.code == 2 and "hours" in result.err
