"""Listings as data: what stands in the file is what the engine said, whoever reads it back."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
from scripted_engine import Engine, Request, Result, job

from engine.protocol import audit, cards, people, responses, tokens
from engine.protocol.responses import JobRow
from rcq_tui.cli import exports, pages
from tests.hostile_text import CORPUS, harms, poisoned

Rcq = Callable[..., Result]
FORMULAS = ("=1+2", "+1", "-1", "@SUM(A1)", "\tx", "'quoted", '=HYPERLINK("http://evil.example","x")')


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def one_page(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"items": list(rows), "cursor": None}


def unmarked(text: str) -> str:
    """As docs/reference.md says: take one apostrophe off."""
    return text.removeprefix("'")


def test_csv_has_the_fields_of_a_row_as_columns(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/jobs", one_page(job(id=7, started_at=None, gpu_indices=[0, 3], redacted=False)))
    shown = rcq("queue", "--format", "csv")
    assert shown.code == 0
    [row] = read(shown.out)
    assert tuple(row) == tuple(field.name for field in fields(JobRow))
    assert (row["id"], row["state"], row["started_at"], row["gpu_indices"]) == ("7", "pending", "", "[0, 3]")
    assert (row["redacted"], row["exit_code"], row["reasons"]) == ("false", "", "[]")


def test_an_empty_listing_has_its_header(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/jobs", one_page())
    assert rcq("queue", "--format", "csv", "--columns", "id,name").out == "id,name\n"
    assert rcq("queue", "--format", "csv").out.startswith("id,job_id,name,account,group,")
    assert rcq("queue", "--format", "ndjson").out == ""
    assert json.loads(rcq("queue", "--format", "json").out) == {"items": [], "cursor": None}


@pytest.mark.parametrize("text", [*CORPUS.values(), *FORMULAS, "a,b", 'say "x"', "two\nlines", "Größe 大", " blank "])
def test_what_stands_in_a_file_is_true(rcq: Rcq, engine: Engine, text: str) -> None:
    engine.on("GET", "/v1/jobs", one_page(job(name=text)))
    lines = rcq("queue", "--format", "ndjson").out.splitlines()
    assert [json.loads(line)["name"] for line in lines] == [text]
    [raw] = read(rcq("queue", "--format", "csv", "--raw").out)
    assert raw["name"] == text
    [marked] = read(rcq("queue", "--format", "csv").out)
    assert unmarked(marked["name"]) == text
    assert not marked["name"].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS)
@pytest.mark.parametrize("form", ["csv", "ndjson", "json"])
def test_no_form_hands_power_to_a_terminal(
    rcq: Rcq, engine: Engine, text: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    engine.on("GET", "/v1/jobs", one_page(job(name=text, account=text)))
    told = rcq("queue", "--format", form).out
    assert [one for one in told if not one.isprintable() and one != "\n"] == []
    assert form != "csv" or harms(told) == []


def test_all_pages_are_one_listing_in_every_form(rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)

    def page(request: Request) -> dict[str, Any]:
        first, size = int(request.query.get("cursor", 1)), int(request.query["limit"])
        last = min(7, first + size - 1)
        rows = [job(id=number) for number in range(first, last + 1)] if first != 3 else []  # one that found nothing
        return {"items": rows, "cursor": None if last == 7 else str(last + 1), "total": 5}

    engine.on("GET", "/v1/jobs", page)
    found = ["1", "2", "5", "6", "7"]
    assert [row["id"] for row in read(rcq("queue", "--limit", "all", "--format", "csv").out)] == found
    lines = rcq("queue", "--limit", "all", "--format", "ndjson").out.splitlines()
    assert [str(json.loads(line)["id"]) for line in lines] == found
    document = json.loads(rcq("queue", "--limit", "all", "--json").out)
    assert ([str(row["id"]) for row in document["items"]], document["cursor"]) == (found, None)
    document = json.loads(rcq("queue", "--limit", "3", "--json").out)
    assert ([row["id"] for row in document["items"]], document["cursor"]) == ([1, 2, 4], "5")


def test_rows_go_out_as_pages_come(rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 1)
    refused = (503, {"error": {"code": "SERVICE_NOT_READY", "message": "the disk is full", "details": []}})
    engine.on("GET", "/v1/jobs", {"items": [job(id=1)], "cursor": "2"}, refused)
    shown = rcq("queue", "--format", "csv", "--columns", "id", "--limit", "all")
    assert (shown.code != 0, shown.out) == (True, "id\n1\n")
    assert "the disk is full" in shown.err


def test_columns_are_chosen_by_name(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/jobs", one_page(job(id=3, name="x")))
    assert rcq("queue", "--format", "csv", "--columns", "name, id").out == "name,id\nx,3\n"
    assert rcq("queue", "--format", "ndjson", "--columns", "id").out == '{"id": 3}\n'
    wrong = rcq("queue", "--format", "csv", "--columns", "id,nam")
    assert (wrong.code, wrong.out) == (2, "")
    assert "nam" in wrong.err
    assert "name" in wrong.err


def test_moments_are_for_people_in_csv_and_seconds_in_json(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/jobs", one_page(job(submitted_at=1_000_000.5, started_at=None, expected_start=1e300)))
    asked = ("queue", "--columns", "submitted_at,started_at,expected_start", "--format")
    assert rcq(*asked, "csv").out.splitlines()[1] == "1970-01-12T13:46:40.500000+00:00,,1e+300"
    assert rcq(*asked, "csv", "--times", "unix").out.splitlines()[1] == "1000000.5,,1e+300"
    assert json.loads(rcq(*asked, "ndjson").out)["submitted_at"] == 1_000_000.5
    assert json.loads(rcq(*asked, "ndjson", "--times", "iso").out)["submitted_at"] == "1970-01-12T13:46:40.500000+00:00"


def test_a_moment_that_was_exported_can_be_asked_for(rcq: Rcq, engine: Engine) -> None:
    at = 1_763_855_171.123457
    engine.on("GET", "/v1/jobs", one_page(job(submitted_at=at)))
    [row] = read(rcq("queue", "--format", "csv").out)
    rcq("queue", "--since", row["submitted_at"], "--until", row["submitted_at"], "--by", "ended")
    query = engine.requests[-1].query
    assert float(query["since"]) == float(query["until"]) == pytest.approx(at, abs=1e-6)
    assert query["by"] == "ended"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["--columns", "id"], "--format csv"),
        (["--raw"], "--format csv"),
        (["--times", "iso"], "--format csv"),
        (["--format", "ndjson", "--raw"], "CSV"),
        (["--format", "csv", "--json"], "not allowed with"),
        (["--format", "xml"], "ndjson"),
        (["--limit", "many"], "all"),
        (["--limit", "0"], "all"),
    ],
)
def test_what_does_not_go_together_is_refused(rcq: Rcq, engine: Engine, line: list[str], told: str) -> None:
    shown = rcq("queue", *line)
    assert (shown.code, shown.out, engine.requests) == (2, "", [])
    assert told in shown.err


def test_every_moment_of_a_row_is_known_as_one() -> None:
    moments = {"submitted_at", "started_at", "ended_at", "expected_start", "paused_since"}
    floats = {field.name for field in fields(JobRow) if "float" in str(field.type)}
    assert (
        {name for name in floats if name.endswith("_at") or name in exports.TIMES} == moments == floats - {"paused_s"}
    )


LISTINGS = [
    (["gpus"], "gpus", cards.GpuView),
    (["reservations"], "reservations", responses.ReservationView),
    (["account", "list"], "accounts", people.AccountView),
    (["group", "list"], "groups", people.GroupView),
    (["service", "list"], "services", people.ServiceView),
    (["token", "list"], "tokens", tokens.TokenView),
    (["audit"], "audit", audit.AuditEntry),
]


@pytest.mark.parametrize(("line", "path", "kind"), LISTINGS, ids=[path for _, path, _ in LISTINGS])
def test_other_listings_are_had_as_data_too(rcq: Rcq, engine: Engine, line: list[str], path: str, kind: type) -> None:
    row = poisoned(kind, " ".join(CORPUS.values()))
    engine.on("GET", f"/v1/{path}", {"items": [row, row], "cursor": None})
    names = [field.name for field in fields(kind)]
    found = read(rcq(*line, "--format", "csv", "--times", "unix", "--raw").out)
    assert [list(one) for one in found] == [names, names]
    for name in names:
        told = found[0][name]
        is_data = isinstance(row[name], bool | list | dict)
        assert (json.loads(told) == row[name]) if is_data else told == ("" if row[name] is None else str(row[name]))
    lines = rcq(*line, "--format", "ndjson").out.splitlines()
    assert [json.loads(one) for one in lines] == [row, row]
    assert json.loads(rcq(*line, "--json").out)["items"] == [row, row]
