"""Who is asking: token, Unix user, nobody."""

import os
import re
from dataclasses import replace

import pytest
from fastapi.routing import APIRoute

from engine.api.app import ROUTERS
from engine.api.asks import Identity, NewAccount
from engine.protocol.errors import Refused
from engine.protocol.people import AccountView, QuotaView
from engine.protocol.responses import Health
from tests.api.scripted import ADMIN, USER, Api, refusal


def test_a_token_is_who_it_says(api: Api) -> None:
    me = api.ask("GET", "/v1/me")
    assert me.status_code == 200
    assert me.json() == {
        "account": "ada",
        "group": "vision",
        "role": "user",
        "via": "token",
        "expires_at": 2e9,
        "must_change_password": False,
        "token": None,
        "read_only": False,
    }
    assert api.people.uids_asked == []


def test_without_a_token_the_kernel_says_who_it_is(api: Api) -> None:
    api.people.peers[os.getuid()] = Identity(account="eve", group="nlp", role="user", via="peer")
    assert api.ask("GET", "/v1/me", token=None).json()["account"] == "eve"
    assert api.people.uids_asked == [os.getuid()]


@pytest.mark.parametrize("header", ["Bearer bad", "Bearer", "good", "Basic good", ""])
def test_a_bad_token_is_never_the_unix_user(api: Api, header: str) -> None:
    api.people.peers[os.getuid()] = Identity(account="eve", group="nlp", role="user", via="peer")
    answer = api.ask("GET", "/v1/me", token=None, headers={"authorization": header})
    assert refusal(answer) == (401, "UNAUTHENTICATED")
    assert "rcq login" in answer.json()["error"]["message"]
    assert answer.headers["www-authenticate"] == "Bearer"


def test_nobody_is_told_to_log_in(api: Api) -> None:
    answer = api.ask("GET", "/v1/me", token=None)
    assert refusal(answer) == (401, "UNAUTHENTICATED")
    assert answer.json()["error"]["message"].startswith("Log in: rcq login NAME. Who has no account asks an admin")


def test_on_an_empty_engine_one_is_told_to_make_the_first_account(api: Api) -> None:
    api.box.state = Health(status="ok", version="0.1.0", last_pass_age_s=None, accounts=False)
    answer = api.ask("GET", "/v1/me", token=None)
    assert refusal(answer) == (401, "UNAUTHENTICATED")
    assert "rcq account add" in answer.json()["error"]["message"]


OPEN_TO_ALL = {("GET", "/healthz"), ("GET", "/openapi.json"), ("POST", "/v1/login"), ("POST", "/v1/accounts")}
PROTECTED = sorted(
    (method, re.sub(r"\{[a-z]+\}", "1", route.path))
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods
    if (method, route.path) not in OPEN_TO_ALL
)


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_every_other_route_wants_to_know_who_asks(api: Api, method: str, path: str) -> None:
    assert refusal(api.ask(method, path, token=None)) == (401, "UNAUTHENTICATED")
    assert refusal(api.ask(method, path, token="bad")) == (401, "UNAUTHENTICATED")


NEWCOMERS = {("POST", "/v1/logout"), ("GET", "/v1/me"), ("POST", "/v1/password")}


@pytest.mark.parametrize(("method", "path"), [*(route for route in PROTECTED if route not in NEWCOMERS)])
def test_a_one_time_password_opens_no_other_route(api: Api, method: str, path: str) -> None:
    api.app.state.backend.people.tokens["new"] = replace(USER, must_change_password=True)
    answer = api.ask(method, path, token="new")
    assert refusal(answer) == (403, "FORBIDDEN")
    assert "rcq passwd" in answer.json()["error"]["message"]


CHANGING = [("POST", "/v1/accounts"), *((method, path) for method, path in PROTECTED if method != "GET")]


@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_a_token_for_reading_changes_nothing_whosever_it_is(api: Api, method: str, path: str) -> None:
    api.people.tokens["wall"] = replace(ADMIN, via="token", session="s2", token_name="wall", read_only=True)
    answer = api.ask(method, path, token="wall")
    assert refusal(answer) == (403, "FORBIDDEN")
    assert "wall is for reading alone" in answer.json()["error"]["message"]


def test_a_token_for_reading_reads_and_says_what_it_is(api: Api) -> None:
    api.people.tokens["wall"] = replace(ADMIN, via="token", session="s2", token_name="wall", read_only=True)
    me = api.ask("GET", "/v1/me", token="wall").json()
    assert (me["account"], me["token"], me["read_only"]) == ("root", "wall", True)


def test_a_newcomer_sees_who_they_are_sets_a_password_and_leaves(api: Api) -> None:
    who = api.app.state.backend.people.tokens["new"] = replace(USER, must_change_password=True)
    assert api.ask("GET", "/v1/me", token="new").json()["must_change_password"] is True
    api.script.expect("people.change_password", who, "once", "mine", gives=None)
    assert api.ask("POST", "/v1/password", token="new", json={"old": "once", "new": "mine"}).status_code == 200
    api.script.expect("people.logout", who, gives=None)
    assert api.ask("POST", "/v1/logout", token="new").status_code == 200


def test_a_newcomer_makes_no_account_either(api: Api) -> None:
    api.app.state.backend.people.tokens["new"] = replace(ADMIN, must_change_password=True)
    answer = api.ask("POST", "/v1/accounts", token="new", json={"name": "x", "group": "g"})
    assert refusal(answer) == (403, "FORBIDDEN")


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/accounts"), ("PATCH", "/v1/accounts/ada")])
def test_one_time_is_said_of_a_password(api: Api, method: str, path: str) -> None:
    body = {"one_time": True} | ({"name": "ada", "group": "g"} if method == "POST" else {"role": "user"})
    assert refusal(api.ask(method, path, json=body)) == (422, "VALIDATION_ERROR")


def test_the_first_account_is_made_without_being_logged_in(api: Api) -> None:
    view = AccountView(
        name="ada", role="admin", group="lab", disabled=False, unix_user=None, created_at=1.0, quota=QuotaView()
    )
    wanted = NewAccount(name="ada", group="lab", password="pw")
    api.script.expect("people.add_account", None, os.getuid(), wanted, gives=view)
    answer = api.ask("POST", "/v1/accounts", token=None, json={"name": "ada", "group": "lab", "password": "pw"})
    assert answer.status_code == 201
    assert answer.json()["role"] == "admin"


def test_a_later_account_needs_an_admin(api: Api) -> None:
    no = Refused("UNAUTHENTICATED", "Log in as an admin: rcq login NAME")
    api.script.expect("people.add_account", None, os.getuid(), NewAccount(name="b", group="g"), gives=no)
    answer = api.ask("POST", "/v1/accounts", token=None, json={"name": "b", "group": "g"})
    assert refusal(answer) == (401, "UNAUTHENTICATED")


def test_a_bad_token_makes_no_account(api: Api) -> None:
    answer = api.ask("POST", "/v1/accounts", token="bad", json={"name": "b", "group": "g"})
    assert refusal(answer) == (401, "UNAUTHENTICATED")
