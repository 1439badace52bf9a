"""Who follows the events and loses the connection goes on where it broke off, or is told to look anew."""

import itertools
import json
from typing import Any

import pytest

pytestmark = pytest.mark.e2e


def follow(person: Any, count: int, last: int | None = None) -> list[tuple[int, str, Any]]:
    """Id, kind and data of so many events, from after `last` on."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    with person.http.stream("GET", "/v1/events", headers=headers) as answer:
        assert answer.status_code == 200
        return list(itertools.islice(told(answer), count))


def told(answer: Any) -> Any:
    one: dict[str, str] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if line:
            one[name] = value
        elif "data" in one:
            yield int(one["id"]), one["event"], json.loads(one["data"])
            one = {}


def happen(person: Any, jobs: int) -> list[int]:
    """So many jobs that never start, each of which makes more than one event."""
    return [person.submit("true", begin=4e9) for _ in range(jobs)]


def test_a_follower_goes_on_where_it_broke_off(engine: Any, admin: Any) -> None:
    with admin.http.stream("GET", "/v1/events") as answer:
        events = told(answer)
        happen(admin, 1)
        last, _, _ = next(events)
    missed = happen(admin, 3)
    found = []
    with admin.http.stream("GET", "/v1/events", headers={"Last-Event-ID": str(last)}) as answer:
        for number, kind, data in told(answer):
            assert number > last
            assert data != {"refresh": True}
            if kind == "job" and data["id"] in missed:
                found.append(data["id"])
            if found == missed:
                break
    assert found == missed


def test_after_a_restart_an_old_id_means_look_anew_however_much_has_happened_since(engine: Any, admin: Any) -> None:
    happen(admin, 2)
    with admin.http.stream("GET", "/v1/events") as answer:
        happen(admin, 1)
        last = next(told(answer))[0]
    assert engine.end() == 0
    engine.start()
    assert follow(admin, 1, last)[0][1:] == ("queue", {"refresh": True})
    happen(admin, 30)
    (number, kind, data), *rest = follow(admin, 5, last)
    assert (kind, data) == ("queue", {"refresh": True})
    assert last < number
    assert {"refresh": True} not in [data for _, _, data in rest]
