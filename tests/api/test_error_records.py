"""Errors that ingest told, mended and sent back: all lines go in, and what is still wrong is told in the same way."""

import json
from typing import Any

import httpx
import pytest

from engine.protocol.errors import Refused
from tests.api.scripted import Api, Books

GOOD = b'{"command": ["true"]}'


def ingest(api: Api, body: bytes, query: str = "") -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The errors that were told, and the report."""
    answer: httpx.Response = api.ask("POST", f"/v1/ingest?all_errors=1{query}", content=body)
    assert answer.status_code == 200, answer.text
    *errors, last = (json.loads(line) for line in answer.text.splitlines())
    return errors, last["report"]


def lines(errors: list[dict[str, Any]], **more: Any) -> bytes:
    return "".join(json.dumps(error, **more) + "\n" for error in errors).encode()


def counts(report: dict[str, Any]) -> tuple[int, int]:
    return report["accepted"], report["rejected"]


NDJSON = b"\n".join(
    [
        GOOD,
        b'{"command": ["true"], "gpsu": 1, "job_id": "a"}',
        b'{"command": ["true"]',
        b'{"command": ["true"], "name": "caf\xe9"}',
        b'{"command": ["echo", "\\"input\\""], "priority": 11}',
    ]
)
CSV = b'job_id,"script",gpus\n1,true,0\n2,"echo ""a""\necho b",none\n3,true\n'


def test_ndjson_that_is_mended_goes_in(api: Api, books: Books) -> None:
    errors, report = ingest(api, NDJSON)
    assert counts(report) == (1, 4)
    mended = lines(errors).decode().replace("gpsu", "gpus").replace("11}", "9}")
    mended = mended.replace('[\\"true\\"]"', '[\\"true\\"]}"').replace("\\ufffd", "\\u00e9")
    assert counts(ingest(api, mended.encode())[1]) == (4, 0)
    fields = books.jobs[1:]
    assert [(one.job_id, one.gpus, one.name, one.priority) for one in fields] == [
        ("a", 1, None, 5),
        (None, 0, None, 5),
        (None, 0, "café", 5),
        (None, 0, None, 9),
    ]


def test_csv_that_is_mended_goes_in_under_its_own_header(api: Api, books: Books) -> None:
    errors, report = ingest(api, CSV, "&format=csv")
    assert counts(report) == (1, 2)
    assert [error["header"] for error in errors] == ['job_id,"script",gpus'] * 2
    errors[0]["input"] = errors[0]["input"].replace("none", "2")
    errors[1]["input"] += ",1\n"
    assert counts(ingest(api, lines(errors))[1]) == (2, 0)
    fields = books.jobs[1:]
    assert [(one.job_id, one.script, one.gpus) for one in fields] == [
        ("2", 'echo "a"\necho b', 2),
        ("3", "true", 1),
    ]


@pytest.mark.parametrize(("body", "query"), [(NDJSON, ""), (CSV, "&format=csv")])
def test_what_is_not_mended_is_told_again_and_never_nested(api: Api, books: Books, body: bytes, query: str) -> None:
    errors, report = ingest(api, body, query)
    again, second = ingest(api, lines(errors))
    assert (counts(second), len(books.jobs)) == ((0, report["rejected"]), 1)
    kept = ("code", "job_id", "input", "header", "cut")
    assert [[one.get(name) for name in kept] for one in again] == [[one.get(name) for name in kept] for one in errors]


@pytest.mark.parametrize("query", ["", "&format=csv"])
def test_a_line_that_was_cut_is_not_taken_for_the_whole(api: Api, books: Books, query: str) -> None:
    too_long = b"script\n" + b"echo " * 400_000 if query else b'{"script": "' + b"echo " * 400_000
    (error,), _ = ingest(api, too_long, query)
    assert (error["code"], error["cut"]) == ("TOO_LARGE", True)
    error["input"] = "true" if query else '{"script": "true"}'
    (again,), _ = ingest(api, lines([error]))
    assert (again["code"], "take `cut` away" in again["message"], books.jobs) == ("TOO_LARGE", True, [])
    assert counts(ingest(api, lines([{**error, "cut": False}]))[1]) == (1, 0)


def test_other_programs_may_write_the_record_anew(api: Api, books: Books) -> None:
    errors, _ = ingest(api, b'{"command": ["true"], "gpsu": 1}')
    errors[0]["input"] = errors[0]["input"].replace("gpsu", "gpus")
    assert counts(ingest(api, lines(errors, sort_keys=True, separators=(",", ":")))[1]) == (1, 0)
    assert counts(ingest(api, lines([{"input": errors[0]["input"]}]))[1]) == (1, 0)
    assert [one.gpus for one in books.jobs] == [1, 1]


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"input": "{}", "gpus": 1}, "VALIDATION_ERROR"),  # a job with a wrong field, and no error's record
        ({"input": ["true"]}, "VALIDATION_ERROR"),
        ({"input": "true,1", "header": "nothing,known"}, "BAD_FORMAT"),
        ({"input": "true,1", "header": "script"}, "BAD_FORMAT"),
        ({"input": '"true', "header": "script"}, "BAD_FORMAT"),
        ({"input": "true", "header": 'scr"ipt'}, "BAD_FORMAT"),
        ({"input": "true", "header": 1}, "VALIDATION_ERROR"),
        ({"input": '{"input": "{}"}'}, "VALIDATION_ERROR"),
        ({"input": ""}, "BAD_FORMAT"),
    ],
)
def test_records_that_are_none(api: Api, books: Books, record: dict[str, Any], code: str) -> None:
    (error,), report = ingest(api, lines([record]))
    assert (error["code"], counts(report), books.jobs) == (code, (0, 1), [])


def test_a_header_that_is_ndjson_says_so(api: Api) -> None:
    answer = api.ask("POST", "/v1/ingest?format=csv", content=GOOD)
    assert "--format ndjson" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("body", "query"), [(GOOD, ""), (b"job_id,script\n,true\n", "&format=csv")])
def test_what_has_no_key_cannot_be_resumed(api: Api, books: Books, body: bytes, query: str) -> None:
    (error,), report = ingest(api, body, f"&resume=1{query}")
    assert (error["code"], error["details"][0]["field"]) == ("VALIDATION_ERROR", "job_id")
    assert (counts(report), books.jobs) == ((0, 1), [])


def test_a_refusal_by_the_books_can_be_mended_too(api: Api, books: Books) -> None:
    refused = Refused("IMPOSSIBLE_REQUEST", "no such cards", [])
    books.refuse["big"] = refused
    errors, _ = ingest(api, b"name,script\nbig,true\n", "&format=csv")
    assert (errors[0]["input"], errors[0]["header"]) == ("big,true", "name,script")
    errors[0]["input"] = "small,true"
    assert counts(ingest(api, lines(errors))[1]) == (1, 0)
