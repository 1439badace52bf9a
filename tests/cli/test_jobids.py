"""`rcq __ids`, which shells call when somebody presses Tab."""

from collections.abc import Callable
from pathlib import Path

import pytest
from scripted_engine import Engine, Result

from rcq_tui.cli.verbs import UNLISTED, VERBS, overview
from rcq_tui.client import personal, where

Rcq = Callable[..., Result]


def test_ones_own_jobs_are_told_with_their_states(engine: Engine, rcq: Rcq) -> None:
    rows = [{"id": 42, "state": "running"}, {"id": 7, "state": "failed"}]
    engine.on("GET", "/v1/jobs", {"items": rows, "cursor": None})
    assert rcq("__ids") == Result(0, "42\trunning\n7\tfailed\n", "")
    (asked,) = engine.asked("GET", "/v1/jobs")
    assert (asked.query["mine"], asked.query["limit"]) == ("1", "100")
    assert {"running", "pending", "completed"} <= set(asked.query["state"].split(","))


def test_where_no_engine_runs_none_is_started_and_nothing_is_said(
    home: Path, rcq: Rcq, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))
    monkeypatch.setattr(where, "SYSTEM_SOCKET", str(home / "no-system" / "rcq.sock"))
    monkeypatch.setattr(personal, "_start", lambda paths: pytest.fail("an engine was started"))
    assert rcq("__ids") == Result(1, "", "")


def test_what_the_engine_refuses_is_nothing_to_say(engine: Engine, rcq: Rcq) -> None:
    engine.on("GET", "/v1/jobs", (401, {"error": {"code": "UNAUTHENTICATED", "message": "Log in.", "details": []}}))
    assert rcq("__ids") == Result(1, "", "")


def test_no_list_of_verbs_has_it() -> None:
    assert not set(UNLISTED) & set(VERBS)
    assert "__ids" not in overview()
