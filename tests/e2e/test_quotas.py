"""Quotas and usage on a real engine, over the socket and by the command line; kept over a kill."""

import json
import signal
from typing import Any

import pytest

pytestmark = pytest.mark.e2e


def test_an_ingested_file_goes_in_as_far_as_the_queue_may_grow(engine: Any, admin: Any) -> None:
    assert "3 queued" in engine.rcq(admin, "group", "add", "bio", "--queued", "3", "--guarantee", "1")
    ann = engine.someone(admin, "ann", "bio")
    later = {"command": ["true"], "begin": 4e9}
    lines = "\n".join(json.dumps(line) for line in (later, {**later, "array": "0-4"}, later, later, later))
    report = ann.ask("POST", "/v1/ingest", content=lines.encode()).json()
    assert (report["accepted"], report["rejected"]) == (3, 2)
    told = [(error["line"], error["code"], error["details"][0]["wanted"]) for error in report["errors"]]
    assert told == [(2, "QUOTA_EXCEEDED", 5), (5, "QUOTA_EXCEEDED", 1)]
    assert ann.refusal("POST", "/v1/jobs", json=later) == "QUOTA_EXCEEDED"
    admin.ask("PATCH", "/v1/groups/bio", json={"quota": {"queued": 4}})
    assert ann.submit("true", begin=4e9) > 0
    beyond = admin.ask("PATCH", "/v1/groups/bio", json={"guarantee_gpus": 3}).json()["error"]
    assert beyond["details"][0]["gpus"] == 2


def test_who_submits_too_fast_is_told_how_long_to_wait(engine: Any, admin: Any) -> None:
    ann = engine.someone(admin, "ann", "bio")
    admin.ask("PATCH", "/v1/accounts/ann", json={"quota": {"submissions_per_minute": 2}})
    for _ in range(2):
        ann.submit("true")
    answer = ann.ask("POST", "/v1/jobs", json={"command": ["true"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "RATE_LIMITED")
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    assert engine.log_in("root").submit("true") > 0


def test_a_file_goes_in_as_fast_as_its_limit_lets_it(engine: Any, admin: Any, tmp_path: Any) -> None:
    ann = engine.someone(admin, "ann", "bio")
    assert "6000 ingested a minute" in engine.rcq(
        admin, "account", "set", "ann", "--ingest", "6000", "--submissions", "1"
    )
    sweep = tmp_path / "sweep.ndjson"
    sweep.write_text('{"command": ["true"], "begin": 4e9}\n' * 6100)
    at_once = ann.ask("POST", "/v1/ingest", content=sweep.read_bytes(), params={"dry_run": 1}).json()
    assert (at_once["accepted"], at_once["rejected"]) == (6100, 0)
    assert engine.rcq(ann, "ingest", str(sweep)).startswith("6100 accepted, 0 rejected")
    report = ann.ask("POST", "/v1/jobs/batch", json={"jobs": [{"command": ["true"]}] * 6000}).json()
    assert report["accepted"] < 6000
    assert {error["code"] for error in report["errors"]} == {"RATE_LIMITED"}
    assert report["errors"][0]["details"][0]["retry_after_s"] > 0
    ann.submit("true")


def test_usage_is_told_with_its_sources_and_survives_a_kill(engine: Any, admin: Any) -> None:
    ann = engine.someone(admin, "ann", "bio")
    number = ann.submit("sleep", "300", gpus=1, time_limit_s=3600)
    ann.wait_for(number, "running")
    ann.ended(ann.submit("true", gpus=1, time_limit_s=3600))
    (before,) = ann.get("/v1/usage")["items"]
    assert before["month_gpu_s"] == pytest.approx(3600, abs=30)
    assert (before["gpus"], [row["account"] for row in before["accounts"]]) == (1, ["ann"])
    engine.end(signal.SIGKILL)
    engine.start()
    again = engine.log_in("ann")
    (after,) = again.get("/v1/usage")["items"]
    for name in ("month_gpu_s", "usage_gpu_s", "gpus"):
        assert after[name] == pytest.approx(before[name], abs=2)
    lines = engine.rcq(again, "usage", "--since", "1h").splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["NAME", "bio", "ann"]
    assert any(line.startswith("USAGE") and "halved every 7 days" in line for line in lines)
    assert again.refusal("GET", "/v1/usage", params={"group": "ops"}) == "FORBIDDEN"
