"""`rcq notify`: what is sent for what is typed, what is told."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from scripted_engine import Engine, Result

Rcq = Callable[..., Result]


def view(**changes: Any) -> dict[str, Any]:
    told = {
        "account": "ada", "on": ["failed"], "mail": "ada@example.org", "webhook": None, "command": False,
        "terminal": "off", "min_run_s": 0.0, "available": ["mail", "terminal"], "waiting": 0, "webhook_secret": None,
        "last_failure": None,
    }  # fmt: skip
    return {**told, **changes}


KEPT = {"on": ["failed"], "mail": "ada@example.org", "webhook": None, "command": False, "terminal": "off",
        "min_run_s": 0.0}  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "changed"),
    [
        (["--on", "end, warning"], {"on": ["end", "warning"]}),
        (["--on", "none"], {"on": []}),
        (["--mail", "none", "--webhook", "https://x/"], {"mail": None, "webhook": "https://x/"}),
        (["--webhook", "https://x/", "--new-secret"], {"webhook": "https://x/", "new_secret": True}),
        (["--min-run", "10m", "--terminal", "both"], {"min_run_s": 600, "terminal": "both"}),
        (["--command", "--min-run", "0"], {"command": True, "min_run_s": 0}),
        (["--no-command"], {"command": False}),
    ],
)
def test_what_is_not_named_keeps_its_value(rcq: Rcq, engine: Engine, argv: list[str], changed: dict[str, Any]) -> None:
    engine.on("GET", "/v1/notify", (200, view()))
    engine.on("PUT", "/v1/notify", (200, view()))
    assert rcq("notify", "set", *argv).code == 0
    assert engine.requests[-1].json == {**KEPT, **changed}


def test_who_names_no_events_wants_them_all(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/notify", (200, view(on=[], mail=None)))
    engine.on("PUT", "/v1/notify", (200, view()))
    rcq("notify", "set", "--mail", "ada@example.org")
    assert engine.requests[-1].json["on"] == ["end", "failed", "preempted", "warning"]


def test_all_of_it_is_told_and_harmless(rcq: Rcq, engine: Engine) -> None:
    failure = {"channel": "mail", "at": 0.0, "message": "no\x1b[31m such user"}
    told = view(waiting=2, min_run_s=90.0, webhook_secret="abc", last_failure=failure, command=True, terminal="both")
    engine.on("GET", "/v1/notify", (200, told), (200, told))
    assert rcq("notify").out.splitlines() == [
        "account     ada",
        "told of     failed, runs of 1m30s and longer",
        "mail        ada@example.org",
        "webhook     no",
        "command     yes",
        "terminal    bell and message",
        "engine has  mail, terminal",
        "waiting     2 messages to be sent",
        "failed      mail at 1970-01-01 00:00:00: no such user",
        "",
        "the webhook is signed with this secret, shown this once: abc",
    ]
    assert json.loads(rcq("notify", "show", "--json").out) == told


def test_a_test_that_fails_is_told_by_the_exit_code(rcq: Rcq, engine: Engine) -> None:
    items = [{"channel": "mail", "ok": True, "message": "taken"}, {"channel": "webhook", "ok": False, "message": "404"}]
    engine.on("POST", "/v1/notify/test", (200, {"items": items}), (200, {"items": items[:1]}))
    result = rcq("notify", "test")
    assert (result.code, result.out) == (1, "mail      sent: taken\nwebhook   FAILED: 404\n")
    assert rcq("notify", "test").code == 0


def test_off_is_for_oneself_unless_another_is_named(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/me", (200, {"account": "ada", "group": "g", "role": "user", "via": "token"}))
    engine.on("DELETE", "/v1/notify/ada", (200, view(on=[])))
    engine.on("DELETE", "/v1/notify/bob", (200, view(on=[], account="bob")))
    assert "told of     nothing" in rcq("notify", "off").out
    assert "account     bob" in rcq("notify", "off", "bob").out


@pytest.mark.parametrize("argv", [["set", "--on", "everything"], ["set", "--min-run", "soon"], ["loud"], ["set"]])
def test_a_wrong_command_line_changes_nothing(rcq: Rcq, engine: Engine, argv: list[str]) -> None:
    engine.on("GET", "/v1/notify", (200, view()))
    assert rcq("notify", *argv).code == 2
    assert [request for request in engine.requests if request.method != "GET"] == []


def test_alone_it_shows_as_a_document_too(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/notify", (200, view()))
    assert json.loads(rcq("notify", "--json").out) == view() == json.loads(rcq("notify", "show", "--json").out)
