"""`rcq __ids`, which shells call when somebody presses Tab."""

from collections.abc import Callable
from pathlib import Path

import pytest
from scripted_engine import Engine, Result

from rcq_tui.cli.jobids import KINDS
from rcq_tui.cli.verbs import UNLISTED, VERBS, overview
from rcq_tui.client import personal, where

Rcq = Callable[..., Result]


def test_ones_own_jobs_are_told_with_their_states_those_that_run_first(engine: Engine, rcq: Rcq) -> None:
    runs = {"id": 42, "state": "running", "name": "train\x1b[31m"}
    ended = {"id": 7, "state": "failed", "name": None}
    engine.on("GET", "/v1/jobs", {"items": [runs], "cursor": "more"}, {"items": [ended], "cursor": None})
    assert rcq("__ids") == Result(0, "42\trunning train\n7\tfailed\n", "")
    standing, over = engine.asked("GET", "/v1/jobs")
    assert standing.query == {"mine": "1", "limit": "100"}, "what runs, then what waits, however long it is"
    assert over.query == {"mine": "1", "limit": "100", "state": "completed,failed,cancelled,preempted"}


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


SLOT = {"id": 3, "gpu_indices": [0, 2], "mine": True}
TOLD = {
    "group": ("groups", [{"name": "bio"}], "bio\tgroup\n"),
    "service": ("services", [{"name": "fold it"}], "fold it\tservice\n"),
    "account": ("accounts", [{"name": "ann", "role": "user", "group": "bio"}], "ann\tuser in bio\n"),
    "gpu": ("gpus", [{"index": 0, "uuid": "GPU-1", "model": "H100"}], "0\tH100\nGPU-1\t0: H100\n"),
    "reservation": ("reservations", [SLOT, {**SLOT, "id": 4, "mine": False}], "3\tGPU 0,2\n"),
    "token": ("tokens", [{"id": "abc", "kind": "api", "name": "ci"}], "abc\tapi ci\n"),
}


@pytest.mark.parametrize("what", sorted(TOLD))
def test_names_of_every_kind_are_told(engine: Engine, rcq: Rcq, what: str) -> None:
    path, rows, told = TOLD[what]
    engine.on("GET", f"/v1/{path}", {"items": rows})
    assert rcq("__ids", what) == Result(0, told, "")


def test_every_kind_is_tried() -> None:
    assert set(TOLD) | {"job"} == set(KINDS)


@pytest.mark.parametrize("name", ["two\nlines", "a\tb", "red\x1b[31m", "\u202egpj", "", " "])
def test_a_name_that_is_not_what_it_looks_like_is_left_out(engine: Engine, rcq: Rcq, name: str) -> None:
    engine.on("GET", "/v1/services", {"items": [{"name": name}, {"name": "fold"}]})
    assert rcq("__ids", "service").out == "fold\tservice\n"


def test_a_kind_that_there_is_not_is_refused(rcq: Rcq) -> None:
    assert rcq("__ids", "secret").code == 2
