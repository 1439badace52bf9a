"""Run times are learnt from real runs, told to people, and known to the next engine."""

import signal
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

LIMIT_S = 3600
LEAST_S = 60.0
"""No job is expected to be shorter."""


def test_what_ran_is_expected_to_run_as_long_again_after_a_kill_too(engine: Any, admin: Any) -> None:
    ann = engine.someone(admin, "ann", "bio")
    for number in range(3):
        ann.ended(ann.submit("true", gpus=1, time_limit_s=LIMIT_S, name=f"train-{number}"))
    running = ann.submit("sleep", "300", gpus=2, time_limit_s=LIMIT_S, name="other")
    ann.wait_for(running, "running")
    waits = ann.submit("true", gpus=1, time_limit_s=LIMIT_S, name="train-77")

    def told() -> tuple[Any, ...]:
        why = ann.get(f"/v1/jobs/{waits}/why")
        assert why["score"] == pytest.approx(why["base"] * why["fair"] * why["wait"] * why["short"])
        (holder,) = why["holders"]
        return why["run_s"], why["runs"], why["alike"], holder["basis"]

    assert told() == (LEAST_S, 3, True, "history")
    dry = ann.ask("POST", "/v1/jobs", params={"dry_run": 1}, json={"command": ["true"], "gpus": 2, "name": "train-1"})
    assert dry.json()["ok"]
    engine.end(signal.SIGKILL)
    engine.start()
    assert told() == (LEAST_S, 3, True, "history")
    (item,) = [one for one in ann.get("/v1/plan", hours=2)["items"] if one["id"] == running]
    assert (item["end"] - item["start"], item["basis"]) == (pytest.approx(LEAST_S, abs=1), "history")
