"""`rcq audit`: what it asks for and how it shows it."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from scripted_engine import Engine, Result

Rcq = Callable[..., Result]
HOSTILE = "a\x1b]0;title\x07b\u202ec\x1b[2J"


def entry(number: int = 1, **changes: Any) -> dict[str, Any]:
    plain = {
        "id": number, "at": 1e9, "account": "root", "via": "session", "uid": 5, "pid": 6, "user": "ada", "action": "x",
        "target": None, "owner": None, "sha256": "ab", "before": {}, "after": {}, "detail": {},
    }  # fmt: skip
    return {**plain, **changes}


@pytest.mark.parametrize(
    ("changes", "cells"),
    [
        ({"target": "7", "owner": "ann"}, ["root", "session ada[6]", "x", "7 (of ann)"]),
        ({"target": "ann", "owner": "ann"}, ["root", "session ada[6]", "x", "ann"]),
        ({"user": None, "pid": None}, ["root", "session 5", "x", "-"]),
        ({"account": None, "via": "engine", "uid": None, "pid": None, "user": None}, ["engine", "-", "x", "-"]),
        ({"account": None, "via": "password", "pid": None}, ["-", "password ada", "x", "-"]),
        ({"via": None, "uid": None, "pid": None, "user": None}, ["root", "-", "x", "-"]),
        (
            {"before": {"a": 1, "b": "x"}, "after": {"a": None, "b": "y z", "c": [2]}, "detail": {"d": False, "e": 3}},
            ["root", "session ada[6]", "x", "-", "a 1 → -, b x → y z, c [2], e=3"],
        ),
        ({"before": {"state": "running"}, "detail": {"ending": 1}}, [*["root", "session ada[6]", "x", "-"],
                                                                     "state running, ending=1"]),
    ],
)  # fmt: skip
def test_how_an_entry_is_shown(rcq: Rcq, engine: Engine, changes: dict[str, Any], cells: list[str]) -> None:
    engine.on("GET", "/v1/audit", {"items": [entry(**changes)], "cursor": None})
    line = rcq("audit").out.splitlines()[1]
    assert [cell.strip() for cell in line.split("  ") if cell.strip()][1:] == cells


def test_what_strangers_wrote_has_no_power_over_the_terminal(rcq: Rcq, engine: Engine) -> None:
    hostile = dict.fromkeys(("account", "via", "user", "action", "target", "owner"), HOSTILE)
    told = {"before": {HOSTILE: HOSTILE}, "after": {HOSTILE: [HOSTILE]}, "detail": {HOSTILE: {HOSTILE: HOSTILE}}}
    engine.on("GET", "/v1/audit", {"items": [entry(**hostile, **told)], "cursor": None})
    shown = rcq("audit").out
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    assert len(shown.splitlines()) == 2


def test_a_filter_that_nothing_fits_is_told(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/audit", {"items": [], "cursor": None})
    mistyped = rcq("audit", "--action", "job.cancl")
    assert (mistyped.code, mistyped.err.startswith("rcq: no entry is like that")) == (0, True)
    assert rcq("audit", "--action", "job.cancl", "--json").err == ""


def test_filters_and_pages(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/audit", {"items": [entry(2), entry(1)], "cursor": "more"})
    before = time.time()
    shown = rcq(
        "audit", "--account", "ann", "--action", "job.*", "--target", "7", "--since", "7d", "--limit", "4", "--json"
    )
    first, second = (request.query for request in engine.requests[-2:])
    assert first.items() >= {"account": "ann", "action": "job.*", "target": "7", "limit": "4"}.items()
    assert before - 7 * 86_400 <= float(first["since"]) <= time.time() - 7 * 86_400
    assert (second["cursor"], second["limit"]) == ("more", "2")
    assert [one["id"] for one in json.loads(shown.out)["items"]] == [2, 1, 2, 1]


@pytest.mark.parametrize("words", [["--limit", "0"], ["--since", "soon"], ["--since", "2999-01-01"], ["surplus"]])
def test_wrong_usage_asks_nothing(rcq: Rcq, engine: Engine, words: list[str]) -> None:
    assert rcq("audit", *words).code == 2
    assert engine.requests == []


def test_a_broken_chain_is_exit_1(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/audit/chain", {"entries": 4, "last_id": 9, "head": "ab", "broken": 5})
    shown = rcq("audit", "--verify")
    assert (shown.code, "entry 5 is not what was written" in shown.out) == (1, True)
    assert rcq("audit", "--verify", "--json").code == 1
    engine.on("GET", "/v1/audit/chain", {"entries": 9, "last_id": 9, "head": "ab", "broken": None})
    assert rcq("audit", "--verify").code == 0
