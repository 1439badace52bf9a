"""Accounts, groups, services, and cards taken out of use."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from scripted_engine import Engine, Result, card, refusal

Rcq = Callable[..., Result]

FREE = {
    "gpus": None, "gpus_by_type": {}, "gpu_memory_mb": None, "cpu_cores": None, "memory_mb": None, "jobs": None,
    "gpu_hours": None, "queued": None, "submissions_per_minute": None, "ingest_per_minute": None,
    "staged_mb": None,
}  # fmt: skip
QUOTA = {**FREE, "gpus": 4, "gpus_by_type": {"a100": 1}, "memory_mb": 65536}


def account(**changes: Any) -> dict[str, Any]:
    view = {"name": "alice", "role": "user", "group": "vision", "disabled": False, "unix_user": None, "created_at": 0.0}
    return {**view, "quota": QUOTA, **changes}


def group(**changes: Any) -> dict[str, Any]:
    terms = {"name": "vision", "priority": 6, "share": 2.0, "guarantee_gpus": 0, "usage_gpu_s": 5400.0}
    return {**terms, "quota": FREE, **changes}


def test_account_add(rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.on("POST", "/v1/accounts", account(quota=FREE))
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))
    result = rcq("account", "add", "alice", "--group", "vision", "--password-stdin")
    assert result.out.splitlines() == ["account alice made: user in group vision", "log in with: rcq login alice"]
    assert engine.requests[0].json == {
        "name": "alice", "role": "user", "group": "vision", "unix_user": None, "password": "secret",
    }  # fmt: skip


def test_account_add_for_a_unix_user_alone(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/accounts", account(unix_user="al"))
    result = rcq("account", "add", "alice", "--unix-user", "al", "--no-password")
    assert result.out.splitlines() == ["account alice made: user in group vision", "as Unix user al just: rcq"]
    assert engine.requests[0].json["password"] is None
    assert rcq("account", "add", "alice", "--no-password").code == 2


def test_one_time_passwords(rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.on("POST", "/v1/accounts", account())
    engine.on("PATCH", "/v1/accounts/alice", account(one_time_password=True))
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\nsecret\n"))
    assert rcq("account", "add", "alice", "--password-stdin", "--one-time").code == 0
    assert "one-time password" in rcq("account", "passwd", "alice", "--password-stdin", "--one-time").out
    assert [asked.json["one_time"] for asked in engine.requests] == [True, True]
    assert rcq("account", "add", "bob", "--unix-user", "bob", "--no-password", "--one-time").code == 2


def test_what_an_admin_should_know_of_a_link_is_said(rcq: Rcq, engine: Engine) -> None:
    note = "jobs of this account will be refused: 'root' is root or a system user"
    engine.on("GET", "/v1/accounts", {"items": [account()]})
    engine.on("PATCH", "/v1/accounts/alice", account(unix_user="root", role="admin", note=note))
    result = rcq("account", "set", "alice", "--unix-user", "root")
    assert (result.code, result.err) == (0, f"rcq: {note}\n")


def test_account_list(rcq: Rcq, engine: Engine) -> None:
    items = [account(), account(name="mallory", disabled=True, unix_user="mal", quota=FREE)]
    engine.on("GET", "/v1/accounts", {"items": items})
    assert rcq("account", "list").out.splitlines() == [
        "NAME     ROLE  GROUP   UNIX USER  STATE     LIMITS",
        "alice    user  vision  -          ok        4 gpus, 1 a100, 64G memory",
        "mallory  user  vision  mal        disabled  no limits",
    ]
    assert json.loads(rcq("account", "list", "--json").out) == {"items": items}


def test_account_set_keeps_the_limits_it_does_not_name(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/accounts", {"items": [account(name="bob"), account()]})
    engine.on("PATCH", "/v1/accounts/alice", account())
    assert rcq("account", "set", "alice", "--gpus", "none", "--gpus-of", "H100=2", "--cores", "8").code == 0
    quota = {"gpus_by_type": {"a100": 1, "h100": 2}, "memory_mb": 65536, "cpu_cores": 8}
    assert engine.requests[-1].json == {"quota": quota}
    rcq("account", "set", "alice", "--gpus-of", "a100=none", "--gpu-memory", "16G", "--memory", "none", "--jobs", "3")
    quota = {"gpus": 4, "gpus_by_type": {}, "gpu_memory_mb": 16384, "jobs": 3}
    assert engine.requests[-1].json == {"quota": quota}


def test_account_set_other_things(rcq: Rcq, engine: Engine) -> None:
    engine.on("GET", "/v1/accounts", {"items": [account()]})
    engine.on("PATCH", "/v1/accounts/alice", account(role="admin"))
    rcq("account", "set", "alice", "--role", "admin", "--group", "lab", "--unix-user", "al", "--enable")
    assert engine.requests[-1].json == {"role": "admin", "group": "lab", "unix_user": "al", "disabled": False}
    assert rcq("account", "set", "alice").code == 2
    assert rcq("account", "set", "nobody", "--role", "user").code == 6


def test_account_disable_and_passwd(rcq: Rcq, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.on("PATCH", "/v1/accounts/alice", account(disabled=True))
    rcq("account", "disable", "alice")
    assert engine.requests[-1].json == {"disabled": True}
    monkeypatch.setattr("sys.stdin", io.StringIO("new\n"))
    rcq("account", "passwd", "alice", "--password-stdin")
    assert engine.requests[-1].json == {"password": "new"}


@pytest.mark.parametrize(
    "argv", [("--gpus", "-1"), ("--gpus", "few"), ("--memory", "16X"), ("--gpus-of", "a100"), ("--gpu-hours", "-1")]
)
def test_limits_that_are_none(rcq: Rcq, engine: Engine, argv: tuple[str, ...]) -> None:
    assert rcq("group", "set", "vision", *argv).code == 2
    assert engine.requests == []


def test_groups(rcq: Rcq, engine: Engine) -> None:
    engine.on("POST", "/v1/groups", group())
    engine.on("GET", "/v1/groups", {"items": [group()]})
    engine.on("PATCH", "/v1/groups/vision", group(quota=QUOTA))
    engine.on("DELETE", "/v1/groups/vision", None)
    assert (
        rcq("group", "add", "vision", "--priority", "6", "--gpus", "4").out
        == "group vision: priority 6, share 2, no limits\n"
    )
    assert engine.requests[-1].json == {"name": "vision", "priority": 6, "quota": {"gpus": 4, "gpus_by_type": {}}}
    rcq("group", "set", "vision", "--share", "0.5")
    assert engine.requests[-1].json == {"share": 0.5}
    assert rcq("group", "list").out.splitlines()[1] == "vision         6      2           0        1.5  no limits"
    engine.on("PATCH", "/v1/groups/vision", group(guarantee_gpus=4, quota={**FREE, "gpu_hours": 2000.0, "queued": 7}))
    told = rcq("group", "set", "vision", "--guarantee", "4", "--gpu-hours", "2000", "--queued", "7").out
    assert told == ("group vision: priority 6, share 2, 4 GPUs guaranteed, 2000 gpu-hours a month, 7 queued\n")
    quota = {"gpu_hours": 2000.0, "queued": 7, "gpus_by_type": {}}
    assert engine.requests[-1].json == {"guarantee_gpus": 4, "quota": quota}
    engine.on("PATCH", "/v1/groups/vision", group(quota={**FREE, "ingest_per_minute": 9000, "staged_mb": 20480}))
    told = rcq("group", "set", "vision", "--ingest", "9000", "--staged", "20G").out
    assert told == "group vision: priority 6, share 2, 9000 ingested a minute, 20G staged\n"
    assert engine.requests[-1].json["quota"] == {"gpus_by_type": {}, "ingest_per_minute": 9000, "staged_mb": 20480}
    assert rcq("group", "remove", "vision").out == "group vision removed\n"
    assert rcq("group", "set", "vision").code == 2


def test_a_name_cannot_leave_its_place_in_the_path(rcq: Rcq, engine: Engine) -> None:
    engine.on("DELETE", "/v1/groups/..%2Faccounts%3Fx", (404, refusal("NOT_FOUND", "no such group")))
    assert rcq("group", "remove", "../accounts?x").code == 6


def test_services(rcq: Rcq, engine: Engine) -> None:
    fold = {"name": "fold", "jobs_per_account": 5, "quota": {**FREE, "gpus": 4, "submissions_per_minute": 60}}
    engine.on("PUT", "/v1/services/fold", fold)
    engine.on("GET", "/v1/services", {"items": []})
    told = rcq("service", "set", "fold", "--jobs-per-account", "5", "--gpus", "4", "--submissions", "60").out
    limits = "4 gpus, 60 submissions a minute"
    assert told == f"service fold: 5 jobs at once per account; all its jobs: {limits}\n"
    quota = {"gpus": 4, "submissions_per_minute": 60, "gpus_by_type": {}}
    assert engine.requests[-1].json == {"jobs_per_account": 5, "quota": quota}
    engine.on("GET", "/v1/services", {"items": [fold]})
    assert rcq("service", "list").out.splitlines()[1] == f"fold  5                 {limits}"
    assert rcq("service", "set", "fold", "--jobs-per-account", "x").code == 2
    assert rcq("service", "set", "fold", "--staged", "20G").code == 2
    assert rcq("service", "set", "fold").code == 2


def test_a_service_keeps_what_is_not_named(rcq: Rcq, engine: Engine) -> None:
    fold = {"name": "fold", "jobs_per_account": 5, "quota": {**FREE, "gpus": 4}}
    engine.on("GET", "/v1/services", {"items": [fold]})
    engine.on("PUT", "/v1/services/fold", fold)
    rcq("service", "set", "fold", "--jobs-per-account", "none")
    assert engine.requests[-1].json == {"jobs_per_account": None, "quota": fold["quota"]}
    rcq("service", "set", "fold", "--gpus", "none", "--gpu-hours", "0.5")
    assert engine.requests[-1].json == {"jobs_per_account": 5, "quota": {"gpu_hours": 0.5, "gpus_by_type": {}}}


def test_drain_and_resume(rcq: Rcq, engine: Engine) -> None:
    user = {"id": 9, "account": "alice", "group": "vision", "name": None, "memory_mb": None}
    engine.on("POST", "/v1/gpus/3/drain", card(index=3, state="drained", jobs=[user]))
    engine.on("POST", "/v1/gpus/GPU-1/resume", card(index=3))
    assert rcq("drain", "3", "--why", "loud").out == "GPU 3 (NVIDIA RTX A6000) is drained; 1 job on it will finish\n"
    assert engine.requests[-1].json == {"why": "loud"}
    assert rcq("resume", "GPU-1").out == "GPU 3 (NVIDIA RTX A6000) is ok\n"
