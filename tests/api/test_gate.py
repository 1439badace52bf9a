"""What a job waits for, as strangers write it: both forms of `after`, both of `begin`, from JSON and from CSV."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from engine.api.cells import reader_of
from engine.api.model import parse_line, parse_object
from engine.protocol.errors import Refused
from engine.protocol.fields import After, JobFields


@pytest.fixture(autouse=True)
def _host_in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def job(**given: Any) -> JobFields | Refused:
    found = parse_line(json.dumps({"command": ["true"], **given}).encode())
    assert type(parse_object({"command": ["true"], **given})) is type(found)
    return found


def taken(**given: Any) -> JobFields:
    found = job(**given)
    assert isinstance(found, JobFields), found
    return found


def test_ids_and_conditions_mix() -> None:
    given = [3, {"id": 4}, {"id": 5, "when": "any"}, {"when": "failed", "id": 2**63 - 1}]
    assert taken(after=given).after == [
        After(id=3),
        After(id=4),
        After(id=5, when="any"),
        After(id=2**63 - 1, when="failed"),
    ]
    assert taken(after=[]).after == []


@pytest.mark.parametrize(
    ("begin", "seconds"),
    [
        (0, 0.0),
        (1.5e9, 1.5e9),
        ("2026-12-01T08:00", 1_796_108_400.0),  # in Berlin
        ("2026-12-01 08:00:30", 1_796_108_430.0),
        ("2026-12-01T08:00Z", 1_796_112_000.0),
        ("2026-12-01T08:00+02:00", 1_796_104_800.0),
        ("2026-12-01", 1_796_079_600.0),
        (" 2026-07-01T08:00 ", 1_782_885_600.0),  # summer
    ],
)
def test_a_begin_time(begin: Any, seconds: float) -> None:
    assert taken(begin=begin).begin == seconds


def test_a_cron_line_is_taken_as_it_is() -> None:
    assert taken(cron="30 2 * * 1-5", begin=5).cron == "30 2 * * 1-5"


@pytest.mark.parametrize(
    ("given", "field", "hint"),
    [
        ({"after": 3}, "after", "list"),
        ({"after": ["3"]}, "after.0", "id of a job"),
        ({"after": [3, True]}, "after.1", "id of a job"),
        ({"after": [0]}, "after.0", "id of a job"),
        ({"after": [2**63]}, "after.0", "id of a job"),
        ({"after": [1.0]}, "after.0", "id of a job"),
        ({"after": [None]}, "after.0", "id of a job"),
        ({"after": [[]]}, "after.0", "id of a job"),
        ({"after": [{}]}, "after.0", "id of a job"),
        ({"after": [{"id": 3, "when": "done"}]}, "after.0.when", "ok, failed, any"),
        ({"after": [{"id": 3, "when": ["ok"]}]}, "after.0.when", "ok, failed, any"),
        ({"after": [{"id": 3, "wen": "ok"}]}, "after.0.wen", "did you mean when"),
        ({"after": [3, {"id": 3, "when": "any"}]}, "after.1", "second time"),
        ({"after": list(range(1, 1002))}, "after", "1000 is the most"),
        ({"begin": "tomorrow"}, "begin", "2026-12-01T08:00"),
        ({"begin": True}, "begin", "Unix seconds"),
        ({"begin": []}, "begin", "Unix seconds"),
        ({"begin": -1}, "begin", "between"),
        ({"begin": 1e12}, "begin", "between"),
        ({"begin": "9999-12-31"}, "begin", "between"),
        ({"begin": float("inf")}, "begin", "between"),
        ({"begin": float("nan")}, "begin", "between"),
        ({"begin": 10**400}, "begin", "between"),  # more than a float can hold
        ({"cron": ""}, "cron", "1"),
        ({"cron": "* *\n* * *"}, "cron", "line breaks"),
        ({"cron": 5}, "cron", "string"),
        ({"cron": "* * * * *", "after": [3]}, "cron", "one of cron and after"),
    ],
)
def test_what_is_wrong_is_told_by_field(given: dict[str, Any], field: str, hint: str) -> None:
    refused = parse_object({"command": ["true"], **given})
    assert isinstance(refused, Refused)
    assert (refused.code, [one["field"] for one in refused.details]) == ("VALIDATION_ERROR", [field])
    assert hint in refused.details[0]["message"]


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("after", '[3, {"id": 4, "when": "any"}]', [3, {"id": 4, "when": "any"}]),
        ("begin", "1500000000", 1.5e9),
        ("begin", "2026-12-01T08:00", "2026-12-01T08:00"),
        ("cron", "30 2 * * *", "30 2 * * *"),
    ],
)
def test_a_cell(column: str, cell: str, value: Any) -> None:
    assert reader_of(column)(cell) == value
