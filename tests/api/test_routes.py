"""Every route: what it asks the engine for, how it answers, what it refuses."""

import os
from dataclasses import asdict, replace
from typing import Any

import pytest

from engine.api.asks import AccountChange, GroupChange, JobQuery, NewAccount
from engine.protocol.cards import GpuView
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from engine.protocol.people import AccountView, GroupView, QuotaView, ServiceView, Session
from engine.protocol.responses import ArrayChanged, Health, JobDetail, JobPage, LogChunk, Preview, Stats, Why
from tests.api.scripted import ADMIN, USER, Api, refusal

ROW: dict[str, Any] = {
    "id": 7,
    "job_id": "a",
    "name": "train",
    "account": "ada",
    "group": "vision",
    "service": None,
    "state": "pending",
    "cause": None,
    "exit_code": None,
    "signal": None,
    "priority": 5,
    "gpus": 1,
    "gpu_type": None,
    "gpu_memory_mb": 0,
    "gpu_share": False,
    "cpu_cores": 1,
    "memory_mb": 0,
    "time_limit_s": 60,
    "preemptible": False,
    "command_line": "true",
    "submitted_at": 1.5,
    "started_at": None,
    "ended_at": None,
    "attempt": 0,
    "gpu_indices": [],
}
DETAIL = JobDetail(**ROW, command=["true"], environment={"A": "b"})
CARD = GpuView(
    uuid="GPU-abc",
    index=3,
    model="A100",
    state="ok",
    memory_mb=40_000,
    memory_used_mb=None,
    utilization=float("nan"),
    temperature_c=40.0,
    threshold_c=75.0,
    resume_c=70.0,
    power_w=None,
    power_limit_w=None,
    throttled=False,
    foreign_mb=0,
    tolerated_mb=500,
    age_s=0.1,
)
ACCOUNT = AccountView(
    name="ada", role="user", group="lab", disabled=False, unix_user=None, created_at=1.0, quota=QuotaView(gpus=2)
)
GROUP = GroupView(name="lab", priority=5, share=1.0, usage_gpu_s=0.0, quota=QuotaView())
STATS = Stats(
    version="0.1.0",
    policy="aging",
    now=1.0,
    uptime_s=2.0,
    jobs={"pending": 3},
    gpus_total=1,
    gpus_busy=0,
    gpus_hot=0,
    cpu_cores_total=8,
    cpu_cores_busy=0,
    memory_mb_total=1,
    memory_mb_busy=0,
    passes=4,
    last_pass_at=1.0,
    last_pass_age_s=0.0,
    last_pass_s=0.001,
)


def test_healthz_needs_no_log_in(api: Api) -> None:
    answer = api.ask("GET", "/healthz", token=None)
    assert answer.status_code == 200
    figures = {"status": "ok", "version": "0.1.0", "last_pass_age_s": 0.5, "accounts": True, "trouble": None}
    figures["backends"] = []
    assert answer.json() == figures


@pytest.mark.parametrize("status", ["starting", "stalled"])
def test_healthz_is_503_when_the_engine_is_not_fit(api: Api, status: str) -> None:
    api.box.state = Health(status=status, version="0.1.0", last_pass_age_s=90.0, accounts=True)
    answer = api.ask("GET", "/healthz", token=None)
    assert refusal(answer) == (503, "SERVICE_NOT_READY")
    assert answer.json()["error"]["details"][0]["last_pass_age_s"] == 90.0
    assert answer.json()["error"]["details"][0]["status"] == status


def test_login_gives_a_token(api: Api) -> None:
    session = Session(token="t", account="ada", group="g", role="user", expires_at=9.0)
    api.script.expect("people.login", "ada", "secret", gives=session)
    answer = api.ask("POST", "/v1/login", token=None, json={"name": "ada", "password": "secret"})
    assert answer.json() == {
        "token": "t",
        "account": "ada",
        "group": "g",
        "role": "user",
        "expires_at": 9.0,
        "must_change_password": False,
    }


def test_a_locked_log_in_says_when_to_try_again(api: Api) -> None:
    no = Refused("RATE_LIMITED", "Wait.", retry_after_s=41.6)
    api.script.expect("people.login", "ada", "x", gives=no)
    answer = api.ask("POST", "/v1/login", token=None, json={"name": "ada", "password": "x"})
    assert refusal(answer) == (429, "RATE_LIMITED")
    assert answer.headers["retry-after"] == "42"


def test_logout_and_password(api: Api) -> None:
    api.script.expect("people.logout", USER, gives=None)
    api.script.expect("people.change_password", USER, "a", "b", gives=None)
    assert api.ask("POST", "/v1/logout").json() == {"ok": True}
    assert api.ask("POST", "/v1/password", json={"old": "a", "new": "b"}).json() == {"ok": True}


def test_a_password_never_comes_back_in_an_error(api: Api) -> None:
    for body in ({"name": "ada", "password": 5551234}, {"name": "ada", "password": "x", "passwort": "s3cret"}):
        answer = api.ask("POST", "/v1/login", token=None, json=body)
        assert refusal(answer) == (422, "VALIDATION_ERROR")
        assert "5551234" not in answer.text
        assert "s3cret" not in answer.text


def test_submit(api: Api) -> None:
    job = JobFields(command=["true"], gpus=2, memory_mb=2048)
    api.script.expect("jobs.submit", USER, [job], gives=[12])
    answer = api.ask("POST", "/v1/jobs", json={"command": ["true"], "num_gpu": 2, "memory_gb": 2})
    assert (answer.status_code, answer.json()) == (201, {"id": 12, "count": 1, "last_id": 12})


def test_submit_an_array(api: Api) -> None:
    api.script.expect("jobs.submit", USER, [JobFields(command=["true"], array="0-9:3%2")], gives=[12])
    answer = api.ask("POST", "/v1/jobs", json={"command": ["true"], "array": "0-9:3%2"})
    assert (answer.status_code, answer.json()) == (201, {"id": 12, "count": 4, "last_id": 15})


@pytest.mark.parametrize(
    ("step", "method", "path"),
    [
        ("cancel", "DELETE", "/v1/jobs/7"),
        ("hold", "POST", "/v1/jobs/7/hold"),
        ("release", "POST", "/v1/jobs/7/release"),
    ],
)
def test_many_elements_of_an_array(api: Api, step: str, method: str, path: str) -> None:
    done = ArrayChanged(array=7, changed=3, ending=1, unchanged=2)
    api.script.expect("jobs.change_array", USER, 7, step, (), gives=done)
    assert api.ask(method, f"{path}?elements=all").json() == {"array": 7, "changed": 3, "ending": 1, "unchanged": 2}
    api.script.expect("jobs.change_array", USER, 7, step, (3, 4, 5, 9), gives=done)
    assert api.ask(method, f"{path}?elements=3-5,9").status_code == 200
    for wrong in ("", "5-3", "1%252", "x"):
        assert refusal(api.ask(method, f"{path}?elements={wrong}")) == (422, "VALIDATION_ERROR")


def test_elements_of_an_array_are_listed(api: Api) -> None:
    api.script.expect("jobs.page", USER, JobQuery(array=7, states=("held",)), gives=JobPage(items=[]))
    assert api.ask("GET", "/v1/jobs?array=7&state=held").status_code == 200
    api.script.expect("jobs.page", USER, JobQuery(array=7, elements=range(3, 5)), gives=JobPage(items=[]))
    assert api.ask("GET", "/v1/jobs?array=7&elements=3-4").status_code == 200
    no = api.ask("GET", "/v1/jobs?elements=3")
    assert refusal(no) == (422, "VALIDATION_ERROR")
    assert "array=ID" in no.json()["error"]["message"]


def test_submit_refused(api: Api) -> None:
    no = Refused("IMPOSSIBLE_REQUEST", "9 GPUs, this host has 4.", [{"field": "gpus", "most": 4}])
    api.script.expect("jobs.submit", USER, [JobFields(script="x", gpus=9)], gives=[no])
    answer = api.ask("POST", "/v1/jobs", json={"script": "x", "gpus": 9})
    assert refusal(answer) == (422, "IMPOSSIBLE_REQUEST")
    assert answer.json()["error"]["details"] == [{"field": "gpus", "most": 4}]


def test_a_dry_run_submits_nothing(api: Api) -> None:
    no = Refused("QUOTA_EXCEEDED", "No.")
    would = Preview(starts_now=False, expected_start=99.0, position=2, pending=2, reasons=[{"code": "GPUS_BUSY"}])
    api.script.expect("jobs.preview", USER, JobFields(command=["a"]), gives=would)
    api.script.expect("jobs.preview", USER, JobFields(command=["a"]), gives=no)
    assert api.ask("POST", "/v1/jobs?dry_run=1", json={"command": ["a"]}).json() == {"ok": True, **asdict(would)}
    assert refusal(api.ask("POST", "/v1/jobs?dry_run=1", json={"command": ["a"]})) == (409, "QUOTA_EXCEEDED")


def test_a_job_with_errors_never_reaches_the_engine(api: Api) -> None:
    answer = api.ask("POST", "/v1/jobs", json={"command": "ls -l", "gpuss": 1, "priority": 11})
    assert refusal(answer) == (422, "VALIDATION_ERROR")
    details = {one["field"]: one["message"] for one in answer.json()["error"]["details"]}
    assert set(details) == {"command", "gpuss", "priority"}
    assert "script" in details["command"]
    assert "gpus" in details["gpuss"]


def test_listing_passes_its_filters_on(api: Api) -> None:
    query = JobQuery(states=("pending", "held"), account="bob", group="nlp", limit=7, cursor="c")
    api.script.expect("jobs.page", USER, query, gives=JobPage(items=[DETAIL], cursor="d"))
    answer = api.ask("GET", "/v1/jobs?state=pending,held&account=bob&group=nlp&limit=7&cursor=c")
    assert answer.json()["cursor"] == "d"
    assert answer.json()["items"][0]["id"] == 7


def test_mine_is_ones_own_account(api: Api) -> None:
    api.script.expect("jobs.page", USER, JobQuery(account="ada"), gives=JobPage(items=[]))
    page = api.ask("GET", "/v1/jobs?mine=1").json()
    assert page == {"items": [], "cursor": None, "total": None, "searched": None}
    assert refusal(api.ask("GET", "/v1/jobs?mine=1&account=bob")) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("query", "field", "hint"),
    [
        ("state=runing", "state", "running"),
        ("limit=0", "limit", "1"),
        ("limit=1001", "limit", "1000"),
        ("limit=ten", "limit", "integer"),
        ("acount=ada", "acount", "account"),
        ("mine=perhaps", "mine", "boolean"),
    ],
)
def test_bad_filters_are_refused_by_name(api: Api, query: str, field: str, hint: str) -> None:
    answer = api.ask("GET", f"/v1/jobs?{query}")
    assert refusal(answer) == (422, "VALIDATION_ERROR")
    (detail,) = answer.json()["error"]["details"]
    assert detail["field"] == field
    assert hint in detail["message"]


@pytest.mark.parametrize(
    ("method", "path", "call"),
    [
        ("GET", "/v1/jobs/7", "show"),
        ("DELETE", "/v1/jobs/7", "cancel"),
        ("POST", "/v1/jobs/7/hold", "hold"),
        ("POST", "/v1/jobs/7/release", "release"),
    ],
)
def test_one_job(api: Api, method: str, path: str, call: str) -> None:
    api.script.expect(f"jobs.{call}", USER, 7, gives=DETAIL)
    answer = api.ask(method, path)
    assert answer.status_code == 200
    assert answer.json()["environment"] == {"A": "b"}
    assert set(answer.json()) >= set(ROW)
    api.script.expect(f"jobs.{call}", USER, 7, gives=Refused("JOB_NOT_FOUND", "There is no job 7."))
    assert refusal(api.ask(method, path)) == (404, "JOB_NOT_FOUND")
    if call != "show":
        api.script.expect(f"jobs.{call}", USER, 7, gives=Refused("INVALID_STATE", "Job 7 has ended."))
        assert refusal(api.ask(method, path)) == (409, "INVALID_STATE")


@pytest.mark.parametrize("number", ["x", "0", "-1", "1.5", str(2**63)])
def test_what_is_no_job_number_is_refused(api: Api, number: str) -> None:
    answer = api.ask("GET", f"/v1/jobs/{number}")
    assert refusal(answer) == (422, "VALIDATION_ERROR")
    assert answer.json()["error"]["details"][0]["field"] == "id"


def test_why(api: Api) -> None:
    reasons = [{"code": "GPUS_BUSY", "wanted": 2, "free": 1, "matching": 4}]
    api.script.expect("jobs.why", USER, 7, gives=Why(id=7, state="pending", reasons=reasons, position=3))
    answer = api.ask("GET", "/v1/jobs/7/why").json()
    assert (answer["reasons"], answer["position"]) == (reasons, 3)


def test_log(api: Api) -> None:
    chunk = LogChunk(text="\x1b[1mhä", offset=0, next_offset=7, size=7, complete=True)
    api.script.expect("jobs.log", USER, 7, "stdout", 0, 65_536, gives=chunk)
    api.script.expect("jobs.log", USER, 7, "stderr", -10, 5, gives=chunk)
    assert api.ask("GET", "/v1/jobs/7/log").json()["text"] == "\x1b[1mhä"
    assert api.ask("GET", "/v1/jobs/7/log?stream=stderr&offset=-10&limit=5").status_code == 200
    for query in ("stream=both", "limit=0", "limit=2000000", "offset=x", "follow=1"):
        assert refusal(api.ask("GET", f"/v1/jobs/7/log?{query}")) == (422, "VALIDATION_ERROR")


def test_gpus_are_valid_json_whatever_the_driver_says(api: Api) -> None:
    api.script.expect("box.gpus", USER, gives=[CARD])
    (card,) = api.ask("GET", "/v1/gpus").json()["items"]
    assert (card["uuid"], card["utilization"], card["power_w"]) == ("GPU-abc", None, None)


def test_drain_and_resume_take_uuid_or_index(api: Api) -> None:
    api.script.expect("box.drain", ADMIN, "GPU-abc", "fan is loud", gives=CARD)
    assert api.ask("POST", "/v1/gpus/GPU-abc/drain", token="root", json={"why": "fan is loud"}).status_code == 200
    api.script.expect("box.gpus", ADMIN, gives=[CARD])
    api.script.expect("box.drain", ADMIN, "GPU-abc", None, gives=CARD)
    assert api.ask("POST", "/v1/gpus/3/drain", token="root").json()["index"] == 3
    api.script.expect("box.gpus", ADMIN, gives=[CARD])
    api.script.expect("box.resume", ADMIN, "GPU-abc", gives=CARD)
    assert api.ask("POST", "/v1/gpus/3/resume", token="root").status_code == 200
    api.script.expect("box.gpus", ADMIN, gives=[CARD])
    assert refusal(api.ask("POST", "/v1/gpus/4/resume", token="root")) == (404, "NOT_FOUND")
    api.script.expect("box.resume", USER, "GPU-abc", gives=Refused("FORBIDDEN", "Ask an admin."))
    assert refusal(api.ask("POST", "/v1/gpus/GPU-abc/resume")) == (403, "FORBIDDEN")
    bad = api.ask("POST", "/v1/gpus/GPU-abc/drain", token="root", json={"why": "a\x1b[2Jb"})
    assert refusal(bad) == (422, "VALIDATION_ERROR")


def test_stats(api: Api) -> None:
    api.script.expect("box.stats", USER, gives=STATS)
    assert api.ask("GET", "/v1/stats").json()["jobs"] == {"pending": 3}


def test_accounts(api: Api) -> None:
    api.script.expect("people.accounts", ADMIN, gives=[ACCOUNT])
    assert api.ask("GET", "/v1/accounts", token="root").json()["items"][0]["quota"]["gpus"] == 2
    new = NewAccount(name="bob", group="lab", role="admin", password="p", unix_user="bob")
    api.script.expect("people.add_account", ADMIN, os.getuid(), new, gives=ACCOUNT)
    body = {"name": "bob", "group": "lab", "role": "admin", "password": "p", "unix_user": "bob"}
    assert api.ask("POST", "/v1/accounts", token="root", json=body).status_code == 201


def test_an_account_is_changed_only_where_it_was_said(api: Api) -> None:
    api.script.expect("people.change_account", ADMIN, "ada", AccountChange(disabled=True), gives=ACCOUNT)
    assert api.ask("PATCH", "/v1/accounts/ada", token="root", json={"disabled": True}).status_code == 200
    quota = QuotaView(gpus=4, gpus_by_type={"rtx a6000": 2})
    api.script.expect("people.change_account", ADMIN, "ada", AccountChange(quota=quota), gives=ACCOUNT)
    body = {"quota": {"gpus": 4, "gpus_by_type": {" RTX  A6000": 2}}}
    assert api.ask("PATCH", "/v1/accounts/ada", token="root", json=body).status_code == 200
    for bad in ({}, {"disabled": None}, {"disabled": 1}, {"role": "god"}, {"quota": {"gpus": -1}}, {"quota": {"x": 1}}):
        assert refusal(api.ask("PATCH", "/v1/accounts/ada", token="root", json=bad)) == (422, "VALIDATION_ERROR")
    api.script.expect("people.change_account", ADMIN, "no", AccountChange(group="g"), gives=Refused("NOT_FOUND", "No."))
    assert refusal(api.ask("PATCH", "/v1/accounts/no", token="root", json={"group": "g"})) == (404, "NOT_FOUND")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "-x", "ä", "x" * 65, "a\n"])
def test_names_that_would_garble_an_address_or_a_line(api: Api, name: str) -> None:
    for path, body in (
        ("/v1/accounts", {"name": name, "group": "g"}),
        ("/v1/accounts", {"name": "a", "group": name}),
        ("/v1/groups", {"name": name}),
    ):
        assert refusal(api.ask("POST", path, token="root", json=body)) == (422, "VALIDATION_ERROR")


def test_groups(api: Api) -> None:
    api.script.expect("people.groups", ADMIN, gives=[GROUP])
    assert api.ask("GET", "/v1/groups", token="root").json()["items"][0]["name"] == "lab"
    api.script.expect("people.add_group", ADMIN, "lab", GroupChange(), gives=GROUP)
    assert api.ask("POST", "/v1/groups", token="root", json={"name": "lab"}).status_code == 201
    api.script.expect("people.add_group", ADMIN, "lab", GroupChange(), gives=Refused("INVALID_STATE", "It exists."))
    assert refusal(api.ask("POST", "/v1/groups", token="root", json={"name": "lab"})) == (409, "INVALID_STATE")
    change = GroupChange(priority=9, share=2.5, quota=QuotaView(jobs=3))
    api.script.expect("people.change_group", ADMIN, "lab", change, gives=GROUP)
    body = {"priority": 9, "share": 2.5, "quota": {"jobs": 3}}
    assert api.ask("PATCH", "/v1/groups/lab", token="root", json=body).status_code == 200
    for bad in ({}, {"priority": 0}, {"priority": 11}, {"share": 0}, {"share": True}, {"name": "x"}):
        assert refusal(api.ask("PATCH", "/v1/groups/lab", token="root", json=bad)) == (422, "VALIDATION_ERROR")
    api.script.expect("people.remove_group", ADMIN, "lab", gives=None)
    assert api.ask("DELETE", "/v1/groups/lab", token="root").json() == {"ok": True}


def test_services(api: Api) -> None:
    service = ServiceView(name="alphafold", jobs_per_account=5)
    api.script.expect("people.services", USER, gives=[service])
    assert api.ask("GET", "/v1/services").json() == {"items": [asdict(service)]}
    api.script.expect("people.set_service", ADMIN, service, gives=service)
    answer = api.ask("PUT", "/v1/services/alphafold", token="root", json={"jobs_per_account": 5})
    assert answer.json() == asdict(service)
    limited = replace(service, quota=QuotaView(gpus=4, gpu_hours=0.5))
    api.script.expect("people.set_service", ADMIN, limited, gives=limited)
    body = {"jobs_per_account": 5, "quota": {"gpus": 4, "gpu_hours": 0.5}}
    assert api.ask("PUT", "/v1/services/alphafold", token="root", json=body).json() == asdict(limited)
    over = {"jobs_per_account": None, "quota": {"gpu_hours": -1}}
    staged = {"jobs_per_account": None, "quota": {"staged_mb": 1}}
    for bad in (
        {},
        {"jobs_per_account": -1},
        {"jobs_per_account": True},
        {"jobs_per_account": 1, "x": 1},
        over,
        staged,
    ):
        assert refusal(api.ask("PUT", "/v1/services/alphafold", token="root", json=bad)) == (422, "VALIDATION_ERROR")
    named = api.ask("PUT", "/v1/services/a%20b", token="root", json={"jobs_per_account": 1})
    assert refusal(named) == (422, "VALIDATION_ERROR")
