"""What is said of the future comes about: the help that is told, and the start that is foreseen, on a real engine."""

from typing import Any

import pytest

pytestmark = pytest.mark.e2e


def test_what_was_said_to_help_does(engine: Any, admin: Any) -> None:
    ann, bob = engine.someone(admin, "ann", "bio"), engine.someone(admin, "bob", "chem")
    secret = bob.submit("sleep", "300", gpus=1, time_limit_s=300)
    bob.wait_for(secret, "running")
    wide = {"command": ["true"], "gpus": 2, "time_limit_s": 60}
    told = ann.ask("POST", "/v1/jobs", params={"dry_run": 1}, json=wide).json()
    (help_,) = told["helps"]
    assert help_["changes"] == [{"code": "FEWER_GPUS", "gpus": 1, "wanted": 2}]
    waiting = ann.submit("true", gpus=2, time_limit_s=60)
    why = ann.get(f"/v1/jobs/{waiting}/why")
    assert why["helps"][0]["changes"] == help_["changes"]
    assert [(one["id"], one["account"], one["group"]) for one in why["holders"]] == [(None, None, "chem")]
    assert why["basis"] == told["basis"] == "promised"
    smaller = ann.submit("true", gpus=1, time_limit_s=60)
    assert ann.ended(smaller)["state"] == "completed"
    assert ann.job(waiting)["state"] == "pending"


def test_jobs_start_in_the_order_and_on_the_cards_that_were_foreseen(engine: Any, admin: Any) -> None:
    runs = admin.submit("sleep", "300", gpus=2, time_limit_s=300)
    admin.wait_for(runs, "running")
    jobs = [admin.submit("sleep", "300", gpus=2, time_limit_s=1000, name=f"job {at}") for at in range(11)]
    planned = admin.get("/v1/plan", hours=6)
    told = {item["id"]: item for item in planned["items"]}
    assert [told[job]["kind"] for job in jobs] == ["promised"] * 8 + ["forecast"] * 3
    starts = [told[job]["start"] for job in jobs]
    assert starts == sorted(starts) and starts[-1] - starts[0] == pytest.approx(10_000, abs=1)
    assert admin.get(f"/v1/jobs/{jobs[-1]}/why")["expected_start"] == pytest.approx(starts[-1], abs=5)
    admin.ask("DELETE", f"/v1/jobs/{runs}")
    first = admin.wait_for(jobs[0], "running")
    assert first["gpu_indices"] == told[jobs[0]]["gpus"]
    assert [admin.job(job)["state"] for job in jobs[1:]] == ["pending"] * 10
