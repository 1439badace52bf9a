"""What keeps a job waiting, what is refused, and who may see what, on a real engine."""

import time
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

HOT = """
[engine]
sample_interval_s = 0.1
[gpu]
provider = "simulated"
[[gpu.simulated]]
start_c = 110.0
time_constant_s = 8.0
[auth]
bcrypt_rounds = 4
"""


def test_a_group_quota_holds_and_releases(engine: Any, admin: Any) -> None:
    admin.post("/v1/groups", {"name": "bio", "quota": {"gpus": 1}})
    ann = engine.someone(admin, "ann", "bio")
    first = ann.submit("sleep", "300", gpus=1)
    second = ann.submit("true", gpus=1)
    ann.wait_for(first, "running")
    (reason,) = ann.get(f"/v1/jobs/{second}/why")["reasons"]
    assert reason == {
        "code": "QUOTA_REACHED",
        "scope": "group",
        "name": "bio",
        "resource": "gpus",
        "limit": 1,
        "used": 1,
        "wanted": 1,
    }
    assert ann.job(second)["reasons"] == [reason]
    ann.ask("DELETE", f"/v1/jobs/{first}")
    assert ann.ended(second)["state"] == "completed"


def test_a_quota_that_is_raised_counts_at_once(engine: Any, admin: Any) -> None:
    admin.post("/v1/groups", {"name": "bio", "quota": {"jobs": 1}})
    ann = engine.someone(admin, "ann", "bio")
    first, second = ann.submit("sleep", "300"), ann.submit("true")
    ann.wait_for(first, "running")
    assert ann.job(second)["state"] == "pending"
    admin.ask("PATCH", "/v1/groups/bio", json={"quota": {"jobs": 2}})
    assert ann.ended(second)["state"] == "completed"


def test_a_hot_card_holds_and_releases(launch: Callable[..., Any]) -> None:
    admin = launch(HOT).admin()
    number = admin.submit("true", gpus=1)
    why = admin.get(f"/v1/jobs/{number}/why")
    assert [reason["code"] for reason in why["reasons"] if reason["code"] == "GPU_HOT"] == ["GPU_HOT"]
    assert admin.get("/v1/gpus")["items"][0]["state"] == "hot"
    ended = admin.ended(number)
    assert ended["state"] == "completed"
    assert admin.get("/v1/gpus")["items"][0]["temperature_c"] < 70
    assert ended["started_at"] - ended["submitted_at"] > 0.2


def test_what_can_never_run_is_refused_with_numbers(engine: Any, admin: Any, until: Any) -> None:
    admin.post("/v1/groups", {"name": "bio", "quota": {"gpus": 1}})
    ann = engine.someone(admin, "ann", "bio")
    answer = ann.ask("POST", "/v1/jobs", json={"command": ["true"], "gpus": 3})
    assert answer.json()["error"]["code"] == "IMPOSSIBLE_REQUEST"
    assert answer.json()["error"]["details"][0] | {"message": ""} == {
        "field": "gpus",
        "message": "",
        "resource": "gpus",
        "wanted": 3,
        "most": 2,
    }
    answer = ann.ask("POST", "/v1/jobs", json={"command": ["true"], "gpus": 2})
    assert answer.json()["error"]["code"] == "QUOTA_EXCEEDED"
    assert (answer.json()["error"]["details"][0]["limit"], answer.json()["error"]["details"][0]["wanted"]) == (1, 2)
    refused = [
        ({"gpu_type": "h100", "gpus": 1}, "IMPOSSIBLE_REQUEST"),
        ({"group": "ops"}, "FORBIDDEN"),
        ({"service": "alphafold"}, "VALIDATION_ERROR"),
        ({"time_limit_s": 10**8}, "VALIDATION_ERROR"),
    ]
    for fields, code in refused:
        assert ann.refusal("POST", "/v1/jobs", json={"command": ["true"], **fields}) == code
    ann.submit("true", job_id="mine")
    assert ann.refusal("POST", "/v1/jobs", json={"command": ["true"], "job_id": "mine"}) == "DUPLICATE_JOB"
    admin.submit("true", job_id="mine")
    until(lambda: ann.get("/v1/stats")["jobs"]["pending"] == 0)


def test_a_service_caps_what_an_account_runs_of_it(engine: Any, admin: Any) -> None:
    admin.ask("PUT", "/v1/services/alphafold", json={"jobs_per_account": 1})
    first = admin.submit("sleep", "300", service="alphafold")
    second = admin.submit("sleep", "300", service="alphafold")
    admin.wait_for(first, "running")
    assert admin.get(f"/v1/jobs/{second}/why")["reasons"][0]["scope"] == "service"


def test_others_see_that_something_waits_and_no_more(engine: Any, admin: Any) -> None:
    ann, bob = engine.someone(admin, "ann", "bio"), engine.someone(admin, "bob", "bio")
    number = ann.submit("sleep", "300", name="secret", gpus=1, job_id="key")
    ann.wait_for(number, "running")
    (row,) = bob.get("/v1/jobs")["items"]
    assert (row["id"], row["state"], row["group"], row["gpus"], row["redacted"]) == (number, "running", "bio", 1, True)
    assert {row[name] for name in ("name", "job_id", "account", "command_line", "service")} == {None}
    (user,) = bob.get("/v1/gpus")["items"][0]["jobs"]
    assert (user["id"], user["account"], user["name"], user["group"]) == (None, None, None, "bio")
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/hold"), ("GET", "/why"), ("GET", "/log")):
        assert bob.refusal(method, f"/v1/jobs/{number}{path}") == "JOB_NOT_FOUND"
    assert bob.refusal("GET", "/v1/jobs", params={"account": "ann"}) == "FORBIDDEN"
    assert bob.refusal("POST", "/v1/gpus/0/drain", json={}) == "FORBIDDEN"
    assert admin.job(number)["name"] == "secret"
    assert ann.get("/v1/gpus")["items"][0]["jobs"][0]["name"] == "secret"


def test_wrong_passwords_lock_a_name_and_sessions_end(engine: Any, admin: Any, person: Callable[..., Any]) -> None:
    engine.someone(admin, "ann", "bio")
    stranger = person(engine.socket)
    for name in ("ann", "nobody"):
        wrong = {"name": name, "password": "guess"}
        codes = [stranger.refusal("POST", "/v1/login", json=wrong) for _ in range(4)]
        assert codes == ["UNAUTHENTICATED"] * 3 + ["RATE_LIMITED"]
    answer = stranger.ask("POST", "/v1/login", json={"name": "ann", "password": "correct horse"})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0

    again = engine.log_in("root")
    assert again.get("/v1/me")["role"] == "admin"
    assert admin.refusal("GET", "/v1/me") == "UNAUTHENTICATED"
    again.ask("POST", "/v1/logout")
    assert again.refusal("GET", "/v1/me") == "UNAUTHENTICATED"


def test_two_hundred_small_jobs_a_second_leave_room_to_answer(admin: Any, until: Callable[..., Any]) -> None:
    jobs = [{"command": ["true"], "gpus": 1} for _ in range(200)]
    began = time.monotonic()
    admin.post("/v1/jobs/batch", {"jobs": jobs})
    until(lambda: admin.get("/v1/stats")["jobs"]["completed"] == 200)
    assert time.monotonic() - began < 10  # 200 a second on an idle machine; this only catches a stall
