"""API tokens and log-in on a real engine: what opens what, what ends when, who waits for whom."""

import json
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse"
OTHER = "battery staple"


@pytest.fixture
def ann(engine: Any, admin: Any) -> Any:
    return engine.someone(admin, "ann", "lab")


@pytest.fixture
def carrier(engine: Any, person: Callable[..., Any]) -> Callable[[str], Any]:
    """Somebody who carries this token."""
    return lambda token: person(engine.socket, token)


def tokens_of(who: Any, **query: Any) -> list[str]:
    return [one["name"] for one in who.get("/v1/tokens", **query)["items"] if one["kind"] == "token"]


def test_a_script_works_with_a_token_until_it_is_revoked(engine: Any, ann: Any, carrier: Callable[[str], Any]) -> None:
    token = engine.rcq(ann, "token", "create", "nightly").strip()
    assert token.startswith("rcq_")
    assert len(token) == len("rcq_") + 43
    script = carrier(token)
    job = script.submit("true")
    assert script.ended(job)["account"] == "ann"
    assert "by the API token nightly until" in engine.rcq(script, "whoami")
    listed = engine.rcq(ann, "token", "list")
    assert "nightly" in listed
    assert token not in listed
    assert engine.rcq(ann, "token", "revoke", "nightly") == "token nightly of ann ended\n"
    assert script.refusal("GET", "/v1/me") == "UNAUTHENTICATED"
    assert ann.get("/v1/me")["account"] == "ann"


def test_a_token_that_reads_changes_nothing(ann: Any, carrier: Callable[[str], Any]) -> None:
    job = ann.submit("sleep", "60")
    reader = carrier(ann.post("/v1/tokens", {"name": "wall", "read_only": True})["token"])
    assert reader.get(f"/v1/jobs/{job}")["command"] == ["sleep", "60"]
    for method, path, body in (
        ("POST", "/v1/jobs", {"command": ["true"]}),
        ("DELETE", f"/v1/jobs/{job}", None),
        ("POST", "/v1/ingest", {"command": ["true"]}),
        ("POST", "/v1/logout", None),
        ("POST", "/v1/accounts", {"name": "x", "group": "lab"}),
        ("DELETE", f"/v1/tokens/{reader.get('/v1/tokens')['items'][0]['id']}", None),
    ):
        assert reader.refusal(method, path, json=body) == "FORBIDDEN", path
    assert [one["id"] for one in ann.get("/v1/jobs")["items"]] == [job]
    assert ann.job(job)["state"] != "cancelled"


def test_a_token_makes_no_other_way_in_not_even_an_admins(
    engine: Any, admin: Any, ann: Any, carrier: Callable[[str], Any]
) -> None:
    script = carrier(admin.post("/v1/tokens", {"name": "ops"})["token"])
    other = ann.get("/v1/tokens")["items"][0]["id"]
    for method, path, body in (
        ("POST", "/v1/tokens", {"name": "again"}),
        ("POST", "/v1/password", {"old": PASSWORD, "new": OTHER}),
        ("POST", "/v1/accounts", {"name": "eve", "group": "lab", "role": "admin", "password": "x"}),
        ("PATCH", "/v1/accounts/root", {"password": OTHER}),
        ("PATCH", "/v1/accounts/ann", {"role": "admin"}),
        ("PATCH", "/v1/accounts/ann", {"unix_user": "nobody"}),
        ("PATCH", "/v1/accounts/ann", {"disabled": False}),
        ("DELETE", f"/v1/tokens/{other}", None),
    ):
        assert script.refusal(method, path, json=body) == "FORBIDDEN", (method, path, body)
    assert script.refusal("POST", "/v1/logout") == "INVALID_STATE"
    assert engine.log_in("root").get("/v1/me")["account"] == "root"
    quota = script.ask("PATCH", "/v1/accounts/ann", json={"quota": {"gpus": 1}})
    assert quota.status_code == 200, "what is no way in is an admin's as ever"
    mine = next(one for one in script.get("/v1/tokens")["items"] if one["current"])
    assert script.ask("DELETE", f"/v1/tokens/{mine['id']}").status_code == 200, "it may end itself"
    assert script.refusal("GET", "/v1/me") == "UNAUTHENTICATED"


def test_everybody_sees_and_ends_their_own_and_admins_all(engine: Any, admin: Any, ann: Any) -> None:
    made = ann.post("/v1/tokens", {"name": "ci", "days": 1.5})
    assert (made["expires_at"] - made["created_at"]) == pytest.approx(1.5 * 86_400)
    bob = engine.someone(admin, "bob", "lab")
    assert tokens_of(bob) == []
    assert bob.refusal("GET", "/v1/tokens", params={"account": "ann"}) == "FORBIDDEN"
    assert bob.refusal("GET", "/v1/tokens", params={"all": True}) == "FORBIDDEN"
    assert bob.refusal("DELETE", f"/v1/tokens/{made['id']}") == "NOT_FOUND"
    assert tokens_of(ann) == tokens_of(admin, account="ann") == tokens_of(admin, all=True) == ["ci"]
    assert admin.refusal("GET", "/v1/tokens", params={"account": "nobody"}) == "NOT_FOUND"
    assert admin.refusal("GET", "/v1/tokens", params={"account": "ann", "all": True}) == "VALIDATION_ERROR"
    sessions = json.loads(engine.rcq(admin, "token", "list", "--all", "--json"))["items"]
    session = next(one["id"] for one in sessions if one["account"] == "bob")
    assert engine.rcq(admin, "token", "revoke", session) == f"session {session} of bob ended\n"
    assert bob.refusal("GET", "/v1/me") == "UNAUTHENTICATED"
    assert engine.rcq(admin, "token", "revoke", "ci", "--account", "ann") == "token ci of ann ended\n"
    assert tokens_of(ann) == []


def test_a_wrong_token_is_not_made(ann: Any) -> None:
    ann.post("/v1/tokens", {"name": "ci"})
    assert ann.refusal("POST", "/v1/tokens", json={"name": "ci"}) == "INVALID_STATE"
    for body in (
        {"name": "0123456789abcdef"},
        {"name": "two words"},
        {"name": "x", "days": 0},
        {"name": "x", "days": 30.1},
        {"name": "x", "account": "root"},
        {},
    ):
        assert ann.refusal("POST", "/v1/tokens", json=body) == "VALIDATION_ERROR", body
    assert tokens_of(ann) == ["ci"]


def ends_with_own_password(admin: Any, ann: Any) -> None:
    ann.post("/v1/password", {"old": PASSWORD, "new": OTHER})


def ends_with_admins_password(admin: Any, ann: Any) -> None:
    assert admin.ask("PATCH", "/v1/accounts/ann", json={"password": OTHER}).status_code == 200


def ends_with_disabling(admin: Any, ann: Any) -> None:
    for disabled in (True, False):  # what has ended does not come back
        assert admin.ask("PATCH", "/v1/accounts/ann", json={"disabled": disabled}).status_code == 200


@pytest.mark.parametrize(
    ("change", "stays"),
    [(ends_with_own_password, True), (ends_with_admins_password, False), (ends_with_disabling, False)],
)
def test_what_ends_tokens_and_sessions(
    admin: Any, ann: Any, carrier: Callable[[str], Any], change: Callable[..., None], stays: bool
) -> None:
    script = carrier(ann.post("/v1/tokens", {"name": "ci"})["token"])
    assert script.get("/v1/me")["token"] == "ci"
    change(admin, ann)
    assert script.refusal("GET", "/v1/me") == "UNAUTHENTICATED"
    assert (ann.ask("GET", "/v1/me").status_code == 200) is stays


def test_a_newcomer_makes_no_token(engine: Any, admin: Any) -> None:
    new = {"name": "new", "group": "lab", "password": PASSWORD, "one_time": True}
    admin.post("/v1/accounts", new)
    newcomer = engine.log_in("new")
    assert newcomer.refusal("POST", "/v1/tokens", json={"name": "ci"}) == "FORBIDDEN"
    assert newcomer.refusal("GET", "/v1/tokens") == "FORBIDDEN"


def test_tokens_outlive_the_engine_and_no_file_has_one(engine: Any, ann: Any, carrier: Callable[[str], Any]) -> None:
    token = ann.post("/v1/tokens", {"name": "ci"})["token"]
    engine.end()
    secret = token.encode()
    files = [path for path in engine.root.rglob("*") if path.is_file()]
    assert files
    assert not any(secret in path.read_bytes() for path in files)
    engine.start()
    assert carrier(token).get("/v1/me")["token"] == "ci"


def test_a_password_over_72_bytes_is_just_wrong_at_log_in_and_refused_when_set(
    engine: Any, admin: Any, ann: Any, person: Callable[..., Any]
) -> None:
    stranger = person(engine.socket)
    for name in ("ann", "nobody"):
        answer = stranger.ask("POST", "/v1/login", json={"name": name, "password": "x" * 73})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHENTICATED")
    for who, method, path, body, field in (
        (ann, "POST", "/v1/password", {"old": PASSWORD, "new": "ä" * 37}, "new"),
        (admin, "PATCH", "/v1/accounts/ann", {"password": "x" * 73}, "password"),
        (admin, "POST", "/v1/accounts", {"name": "x", "group": "lab", "password": "x" * 73}, "password"),
    ):
        error = who.ask(method, path, json=body).json()["error"]
        assert (error["code"], error["details"][0]["field"]) == ("VALIDATION_ERROR", field)
        assert "may have 72: choose a shorter one" in error["message"]
    assert engine.log_in("ann").get("/v1/me")["account"] == "ann"


def test_a_flood_of_log_ins_is_told_to_wait_and_who_is_known_goes_on(
    launch: Callable[..., Any], person: Callable[..., Any]
) -> None:
    """At a cost of 10 each takes some 60 ms: of 100 at once, two are at work, 32 wait and the rest hear so at once."""
    engine = launch(SLOW)
    admin = engine.admin()
    wrong = [{"name": f"name{number}", "password": "guess"} for number in range(100)]
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda body: person(engine.socket).ask("POST", "/v1/login", json=body), wrong))
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {401, 429}
    assert codes.count(401) >= 34
    told = next(answer for answer in answers if answer.status_code == 429)
    assert int(told.headers["retry-after"]) >= 1
    assert admin.get("/v1/me")["account"] == "root"
    assert engine.log_in("root").get("/v1/me")["account"] == "root"


SLOW = """
[gpu]
provider = "none"
[auth]
bcrypt_rounds = 10
peer = false
"""


def log_in_as_unix_user(engine: Any, uid: int, name: str, password: str) -> int:
    """The status of a log-in by a process of that Unix user; 0 if it got no answer."""
    engine.socket.chmod(0o666)  # the appliance's: who asks is the kernel's word
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.chdir(engine.root)  # while it still may: no directory above lets others in
            os.setresuid(uid, uid, uid)
            connection = HTTPConnection("rcq")
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(engine.socket.name)
            connection.request("POST", "/v1/login", json.dumps({"name": name, "password": password}))
            os.write(writing, str(connection.getresponse().status).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        status = int(answer.read() or 0)
    os.waitpid(child, 0)
    return status


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another Unix user takes root")
def test_who_guesses_locks_out_themselves_alone(engine: Any, ann: Any, person: Callable[..., Any]) -> None:
    tries = [log_in_as_unix_user(engine, 65_001, "ann", "guess") for _ in range(4)]
    assert tries == [401, 401, 401, 429]
    assert log_in_as_unix_user(engine, 65_001, "ann", PASSWORD) == 429, "right or wrong: it is not looked at"
    assert log_in_as_unix_user(engine, 65_002, "ann", PASSWORD) == 200
    assert engine.log_in("ann").get("/v1/me")["account"] == "ann"
