"""Jobs of a stretch of time: exact at both ends, the newest first, page by page; other people's stay redacted."""

from typing import Any

import pytest

from tests.e2e.conftest import Engine, Person

pytestmark = pytest.mark.e2e


def rows(person: Person, **query: Any) -> list[dict[str, Any]]:
    """All of a listing, a row a page."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = person.get("/v1/jobs", **query, limit=1, **({"cursor": cursor} if cursor else {}))
        found += page["items"]
        cursor = page["cursor"]
        if cursor is None:
            return found


def ids(person: Person, **query: Any) -> list[int]:
    return [row["id"] for row in rows(person, **query)]


def test_a_stretch_begins_at_its_first_moment_and_ends_before_its_last(engine: Engine, admin: Person) -> None:
    ann = engine.someone(admin, "ann", "bio")
    jobs = [ann.submit("true") for _ in range(3)]
    for job in jobs:
        ann.ended(job)
    waiting = ann.submit("true", begin=4e9)
    for by in ("started", "ended"):
        ordered = sorted(rows(ann, since=1, by=by), key=lambda row: (row[f"{by}_at"], row["id"]), reverse=True)
        assert [row["id"] for row in ordered] == ids(ann, since=1, by=by)
        assert sorted(row["id"] for row in ordered) == jobs
        last, middle, first = ordered
        asked = {"since": first[f"{by}_at"], "until": last[f"{by}_at"], "by": by}
        assert ids(ann, **asked) == [middle["id"], first["id"]]
        assert ids(ann, **asked, sort="id") == sorted([middle["id"], first["id"]])
        assert ids(ann, since=last[f"{by}_at"], by=by) == [last["id"]]
        assert ids(ann, until=first[f"{by}_at"], by=by) == []
    assert ids(ann, since=1) == [waiting, *reversed(jobs)]
    assert ids(ann, since=1, state="completed", mine=1) == [*reversed(jobs)]
    assert ids(ann, since=1, search="state:pending") == [waiting]
    at = ann.get(f"/v1/jobs/{jobs[1]}")["submitted_at"]
    assert ids(ann, until=at) == [jobs[0]]
    assert ids(ann, since=at) == [waiting, jobs[2], jobs[1]]


def test_what_others_ran_is_told_as_in_any_listing(engine: Engine, admin: Person) -> None:
    ann, bob = engine.someone(admin, "ann", "bio"), engine.someone(admin, "bob", "chem")
    job = bob.submit("true", name="secret")
    bob.ended(job)
    [row] = rows(ann, since=1, by="ended")
    assert (row["id"], row["redacted"], row["name"]) == (job, True, None)
    assert ids(ann, since=1, by="ended", mine=1) == []
    refused = ann.ask("GET", "/v1/jobs", params={"since": 1, "account": "bob"})
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"since": 5, "until": 5}, "later than since"),
        ({"by": "ended"}, "give one of these"),
        ({"since": 1, "by": "noticed"}, "submitted"),
        ({"since": 1, "array": 1}, "search=array:ID"),
        ({"since": -1}, "since"),
        ({"until": "yesterday"}, "until"),
        ({"since": 1, "ids": "1"}, "leave since out"),
    ],
)
def test_what_is_asked_wrongly_is_refused(admin: Person, query: dict[str, Any], told: str) -> None:
    answer = admin.ask("GET", "/v1/jobs", params=query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert told in answer.text
