"""`rcq token`: what it sends, what it prints where, and how names become ids."""

import json
from collections.abc import Callable

import pytest
from scripted_engine import Engine, Result, refusal

Rcq = Callable[..., Result]

ID, OTHER = "3f2a9c1b7d5e8f60", "00000000000000aa"


def token(**changes: object) -> dict[str, object]:
    one = {"id": ID, "kind": "token", "name": "nightly", "account": "alice", "scope": "all"}
    return {**one, "created_at": 1_000_000.0, "expires_at": 2_000_000.0, "current": False, **changes}


def test_a_new_token_stands_alone_on_standard_output(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/tokens", (201, {**token(scope="read"), "token": "rcq_secret"}))
    result = rcq("token", "create", "nightly", "--days", "0.5", "--read-only")
    assert (result.code, result.out) == (0, "rcq_secret\n")
    assert engine.requests[0].json == {"name": "nightly", "days": 0.5, "read_only": True}
    assert "is good until 1970-01-24 03:33:20 for reading alone;" in result.err
    assert "rcq_secret" not in result.err
    assert json.loads(rcq("token", "create", "nightly", "--json").out)["token"] == "rcq_secret"
    assert engine.requests[1].json == {"name": "nightly", "read_only": False}


def test_the_list_shows_ids_and_which_one_is_in_use(rcq: Rcq, engine: Engine) -> None:
    rows = [token(), token(id=OTHER, kind="session", name=None, current=True)]
    engine.on("GET", "/v1/tokens", {"items": rows})
    titles, first, second = rcq("token", "list").out.splitlines()
    assert titles.split() == ["ID", "KIND", "NAME", "ACCOUNT", "MAY", "MADE", "EXPIRES"]
    assert first.split()[:5] == [ID, "token", "nightly", "alice", "all"]
    assert second.split()[:4] == [OTHER, "session", "-", "alice"]
    assert second.endswith("this one")
    assert not first.endswith("this one")
    assert json.loads(rcq("token", "list", "--json").out)["items"] == rows


@pytest.mark.parametrize(
    ("words", "query"), [((), {}), (("--all",), {"all": "true"}), (("--account", "bob"), {"account": "bob"})]
)
def test_whose_are_listed(rcq: Rcq, engine: Engine, words: tuple[str, ...], query: dict[str, str]) -> None:
    engine.on("GET", "/v1/tokens", {"items": []})
    result = rcq("token", "list", *words)
    assert (result.code, "rcq token create NAME" in result.out) == (0, "--account" not in words), "others' are not made"
    assert engine.requests[0].query == query


def test_revoking_by_id_needs_no_list(rcq: Rcq, engine: Engine) -> None:
    engine.on("DELETE", f"/v1/tokens/{ID}", token(kind="session", name=None))
    assert rcq("token", "revoke", ID) == Result(0, f"session {ID} of alice ended\n", "")


def test_revoking_by_name_finds_all_before_it_ends_one(rcq: Rcq, engine: Engine) -> None:
    session = token(id=OTHER, kind="session", name="ci")
    engine.on("GET", "/v1/tokens", {"items": [session, token()]})
    missing = rcq("token", "revoke", "nightly", "ci")
    assert (missing.code, "no API token ci" in missing.err) == (6, True)
    assert [request.method for request in engine.requests] == ["GET"], "a session has no name to revoke it by"
    engine.on("DELETE", f"/v1/tokens/{ID}", token())
    assert rcq("token", "revoke", "nightly", "--account", "alice").out == "token nightly of alice ended\n"
    assert engine.requests[-2].query == {"account": "alice"}


def test_a_name_that_says_too_much_reaches_no_terminal(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/tokens", {"items": [token(name="a\x1b[2Jb", account="\x07c")]})
    assert "\x1b" not in rcq("token", "list").out + rcq("token", "revoke", "\x1b[2J").err


def test_a_refusal_is_told(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/tokens", (403, refusal("FORBIDDEN", "not with an API token")))
    assert rcq("token", "create", "x") == Result(5, "", "rcq: not with an API token\n")


@pytest.mark.parametrize("argv", [(), ("create",), ("revoke",), ("list", "--all", "--account", "a")])
def test_wrong_words_send_nothing(rcq: Rcq, engine: Engine, argv: tuple[str, ...]) -> None:
    assert rcq("token", *argv).code == 2
    assert engine.requests == []
