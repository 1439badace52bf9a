"""What a redacted row hides is not found by a search, nor told by a job's place in an order."""

from typing import Any

import pytest

from tests.e2e.conftest import SETTINGS, Engine, Person

pytestmark = pytest.mark.e2e
SECRETS = (
    "hidden-name", "secret-line", "bob", "key-of-bob", "name:hidden", "account:bob", "tag:k=v", "tag:k", "cause:exit",
    "hush",
)  # fmt: skip
SHOWN = ("", "chem", "group:chem", "gpus:1", "state:pending,running,completed,held", "priority:3")
STATES = "pending,running,scheduled,held,completed,failed,cancelled"


def ids(person: Person, **query: Any) -> list[int]:
    """All of a listing, page by page."""
    found: list[int] = []
    cursor = None
    while True:
        page = person.get("/v1/jobs", **query, limit=1, **({"cursor": cursor} if cursor else {}))
        found += [row["id"] for row in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            return found


def bobs_job(bob: Person) -> int:
    return bob.submit(
        "echo",
        "secret-line",
        name="hidden-name",
        job_id="key-of-bob",
        gpus=1,
        priority=3,
        tags={"k": "v"},
        time_limit_s=9,
    )


@pytest.mark.parametrize("states", ["", STATES])
@pytest.mark.parametrize("fold", [0, 1])
def test_a_search_finds_what_a_row_shows_and_no_more(engine: Engine, admin: Person, states: str, fold: int) -> None:
    ann, bob = engine.someone(admin, "ann", "bio"), engine.someone(admin, "bob", "chem")
    job = bobs_job(bob)
    script = bob.script("echo hush\nsleep 600", gpus=1)
    bob.ended(job)
    bob.wait_for(script, "running")
    query = {"state": states, "fold": fold}
    for secret in SECRETS:
        assert ids(ann, search=secret, **query) == [], secret
        assert ids(ann, search=secret, sort="priority", **query) == [], secret
    for word in SHOWN:
        assert set(ids(ann, search=word, **query)) <= {job, script}
    assert script in ids(ann, search=f"id:{script}", **query)
    assert ids(bob, search="hush", **query) == ids(admin, search="hush", **query) == [script]
    assert script in ids(admin, search="bob", **query)


def test_an_order_by_what_is_hidden_tells_nothing(engine: Engine, admin: Person) -> None:
    ann, bob = engine.someone(admin, "ann", "bio"), engine.someone(admin, "bob", "chem")
    theirs = [bob.submit("true", name=name) for name in ("c", "a")]
    mine = [ann.submit("true", name=name) for name in ("b", "d")]
    for person, jobs in ((ann, mine), (bob, theirs)):
        assert all(person.ended(job) for job in jobs)
    assert ids(ann, sort="name", state=STATES) == [*mine, *theirs]
    assert ids(ann, sort="name", order="desc", state=STATES) == [*reversed(mine), *reversed(theirs)]
    assert ids(ann, sort="account", state=STATES) == [*mine, *theirs]
    assert ids(admin, sort="name", state=STATES) == [theirs[1], mine[0], theirs[0], mine[1]]


def test_a_manager_finds_commands_of_the_group_and_no_scripts(launch: Any) -> None:
    engine = launch(SETTINGS.replace("[auth]", "[auth]\ngroup_managers = true"))
    admin = engine.admin()
    boss, bob = engine.someone(admin, "boss", "chem"), engine.someone(admin, "bob", "chem")
    assert admin.ask("PATCH", "/v1/accounts/boss", json={"manager": True}).status_code == 200
    job, script = bobs_job(bob), bob.script("echo hush")
    assert ids(boss, search="secret-line", state=STATES) == ids(boss, search="tag:k=v", state=STATES) == [job]
    assert ids(boss, search="hush", state=STATES) == []
    assert ids(bob, search="hush", state=STATES) == [script]


@pytest.mark.parametrize("others", ["hidden", "visible"])
def test_privacy_is_a_setting_of_searches_too(launch: Any, others: str) -> None:
    engine = launch(f'{SETTINGS}\n[privacy]\nothers = "{others}"\n')
    admin = engine.admin()
    ann, bob = engine.someone(admin, "ann", "bio"), engine.someone(admin, "bob", "chem")
    job, script = bobs_job(bob), bob.script("echo hush")
    seen = [job] if others == "visible" else []
    assert ids(ann, search="hidden-name", state=STATES) == seen
    assert ids(ann, search="chem gpus:1", state=STATES) == seen
    assert ids(ann, search="hush", state=STATES) == ids(ann, search="tag:k", state=STATES) == []
    assert [row["id"] for row in ann.get("/v1/jobs", ids=f"{script},{job}")["items"]] == ([script, job] if seen else [])


def test_what_is_asked_wrongly_is_refused_with_what_there_is(admin: Person) -> None:
    for query, told in (
        ({"search": "stat:x"}, "state:"),
        ({"search": "gpus:many"}, "gpus:>1"),
        ({"search": "state:nowhere"}, "completed"),
        ({"sort": "colour"}, "queue"),
        ({"order": "desc"}, "sort=id"),
        ({"ids": "1", "search": "x"}, "leave search out"),
        ({"ids": "1,x"}, "ids"),
        ({"array": 1, "search": "x"}, "search=array:ID"),
        ({"sort": "id", "cursor": "WzFd"}, "cursor"),
    ):
        answer = admin.ask("GET", "/v1/jobs", params=query)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR"), query
        assert told in answer.text, (query, answer.text)


def test_an_array_is_one_row_for_each_state_and_total_is_told(admin: Person) -> None:
    taken = admin.post("/v1/jobs", {"command": ["sleep", "600"], "cpu_cores": 8, "array": "0-9", "name": "sweep"})
    first = taken["id"]
    admin.wait_for(first, "running")
    rows = admin.get("/v1/jobs", fold=1)["items"]
    assert [(row["state"], row["folded"], row["elements"]) for row in rows] == [
        ("running", None, None),
        ("pending", 9, "1-9"),
    ]
    admin.ask("DELETE", f"/v1/jobs/{first}", params={"elements": "5-9"})
    for sort in ("id", "priority", "name"):
        rows = admin.get("/v1/jobs", fold=1, sort=sort, order="desc", state=STATES)["items"]
        assert [(row["state"], row["folded"], row["elements"]) for row in rows] == [
            ("cancelled", 5, "5-9"),
            ("pending", 4, "1-4"),
            ("running", None, None),
        ]
    assert admin.get("/v1/jobs", state=STATES)["total"] == admin.get("/v1/jobs", state=STATES, sort="id")["total"] == 10
