"""A file that is sent once more: what was there before is told from what stands twice in the file."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api.asks import Limits
from engine.api.repeats import Numbers
from tests.api.scripted import Api, Books
from tests.api.test_ingest import codes, ingest, job, report, told


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5))))
def test_numbers_are_a_set(runs: list[tuple[int, int]]) -> None:
    numbers, model = Numbers(), set[int]()
    for first, more in runs:
        numbers.add(first, first + more)
        model |= set(range(first, first + more + 1))
    assert {number for number in range(70) if number in numbers} == model


def lines(*keys: str, **more: Any) -> bytes:
    return b"\n".join(job(job_id=key, **more) for key in keys)


def test_a_file_that_was_broken_off_is_sent_again(api: Api, books: Books) -> None:
    assert report(ingest(api, lines("a", "b")))["known"] == 0
    found = report(ingest(api, lines("a", "b", "c")))
    assert (found["accepted"], found["rejected"], found["known"]) == (1, 2, 2)
    assert codes(found) == [(1, "DUPLICATE_JOB"), (2, "DUPLICATE_JOB")]
    found = report(ingest(api, lines("a", "b", "c", "d"), "?resume=1"))
    assert (found["accepted"], found["rejected"], found["known"], found["errors"]) == (1, 0, 3, [])
    assert [one.job_id for one in books.jobs] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize("query", ["?resume=1", "?resume=1&dry_run=1"])
def test_doubles_in_the_file_stay_errors_wherever_they_stand(api: Api, books: Books, size: int, query: str) -> None:
    ingest(api, lines("a"))
    api.reset(Limits(ingest_batch_lines=size), books)
    found = report(ingest(api, lines("a", "n", "n", "a", "m"), query))
    assert (found["accepted"], found["rejected"], found["known"]) == (2, 2, 1)
    assert codes(found) == [(3, "DUPLICATE_JOB"), (4, "DUPLICATE_JOB")]


def test_who_asks_for_something_else_under_the_same_key_is_told(api: Api, books: Books) -> None:
    ingest(api, lines("a", "b"))
    found = report(ingest(api, lines("a") + b"\n" + lines("b", name="other"), "?resume=1"))
    assert (found["accepted"], found["rejected"], found["known"], codes(found)) == (0, 1, 1, [(2, "DUPLICATE_JOB")])
    assert found["errors"][0]["details"][0] | {"message": ""} == {
        "field": "job_id",
        "message": "",
        "job_id": "b",
        "id": 2,
        "differs": ["name"],
    }
    assert "Job 2 has job_id b and was asked for otherwise (name)" in found["errors"][0]["message"]


def test_what_is_passed_over_is_told_as_progress_and_not_as_an_error(api: Api, books: Books) -> None:
    ingest(api, lines("a"))
    first, last = told(ingest(api, lines("a", "b"), "?resume=1&all_errors=1&progress=1"))
    assert first == {"progress": {"lines": 2, "accepted": 1, "rejected": 0, "known": 1}}
    assert last["report"]["known"] == 1


def test_a_batch_tells_what_was_known_too(api: Api, books: Books) -> None:
    jobs = {"jobs": [json.loads(job(job_id="a")), json.loads(job(job_id="b"))]}
    ingest(api, lines("a"))
    found = report(api.ask("POST", "/v1/jobs/batch", json=jobs))
    assert (found["accepted"], found["rejected"], found["known"]) == (1, 1, 1)
