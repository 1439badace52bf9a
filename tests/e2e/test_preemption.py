"""Others make way: guarantees lent out and reclaimed, higher priority, with real processes and by command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

TWO_CARDS = """
[scheduling]
cpu_cores = 8
memory_mb = 8000
preemption_min_run_s = 0.5
[gpu]
provider = "simulated"
[[gpu.simulated]]
count = 2
[auth]
bcrypt_rounds = 4
peer = false
[executor]
grace_s = 1.0
"""
SAVES = """
trap 'echo saved >> {log}; exit 9' TERM
echo attempt $RCQ_ATTEMPT >> {log}
while [ $RCQ_ATTEMPT = 1 ]; do sleep 0.02; done
"""
"""Saves a checkpoint when it is told to stop; its second attempt goes on from there to the end."""
STUBBORN = "trap '' TERM; echo attempt $RCQ_ATTEMPT >> {log}; while [ $RCQ_ATTEMPT = 1 ]; do sleep 0.02; done"
"""Does not stop when it is told to: it runs on until SIGKILL."""


@pytest.fixture
def box(launch: Callable[..., Any]) -> tuple[Any, Any]:
    """An engine of two cards that preempts soon, and its admin."""
    engine = launch(TWO_CARDS)
    return engine, engine.admin()


def submitted(engine: Any, person: Any, *words: str) -> int:
    return int(engine.rcq(person, "submit", "--time", "1h", *words))


def test_a_guarantee_is_lent_and_taken_back(box: Any, tmp_path: Path, until: Any, lines: Any) -> None:
    engine, admin = box
    log = tmp_path / "log"
    engine.rcq(admin, "group", "add", "bio", "--guarantee", "1")
    ann, bob = engine.someone(admin, "ann", "bio"), engine.someone(admin, "bob", "chem")
    borrowed = bob.script(SAVES.format(log=log), gpus=2, time_limit_s=3600, preemptible=True)
    until(lambda: lines(log) == ["attempt 1"])
    mine = submitted(engine, ann, "--gpus", "1", "--", "true")
    assert ann.ended(mine)["state"] == "completed"
    done = bob.ended(borrowed)
    assert (done["state"], done["attempt"]) == ("completed", 2)
    assert [(one["state"], one["cause"]) for one in done["attempts"]] == [
        ("preempted", "preempted"), ("completed", "exit"),
    ]  # fmt: skip
    assert lines(log) == ["attempt 1", "saved", "attempt 2"]


def test_what_does_not_say_that_it_is_preemptible_is_left_alone(box: Any) -> None:
    engine, admin = box
    engine.rcq(admin, "group", "add", "bio", "--guarantee", "1")
    ann, bob = engine.someone(admin, "ann", "bio"), engine.someone(admin, "bob", "chem")
    firm = bob.submit("sleep", "2", gpus=2, time_limit_s=3600)
    bob.wait_for(firm, "running")
    mine = ann.submit("true", gpus=1, time_limit_s=60)
    assert ann.ended(mine)["started_at"] >= bob.ended(firm)["ended_at"]
    assert (bob.job(firm)["state"], bob.job(firm)["attempt"]) == ("completed", 1)


def test_a_higher_priority_has_another_stopped_and_why_tells_meanwhile(
    launch: Callable[..., Any], tmp_path: Path, until: Any, lines: Any
) -> None:
    engine = launch(TWO_CARDS.replace("grace_s = 1.0", "grace_s = 3.0"))
    admin, log = engine.admin(), tmp_path / "log"
    low = admin.script(STUBBORN.format(log=log), gpus=2, time_limit_s=3600, priority=2, preemptible=True)
    until(lambda: lines(log) == ["attempt 1"])
    equal = submitted(engine, admin, "--gpus", "1", "--priority", "4", "--", "true")
    urgent = submitted(engine, admin, "--gpus", "2", "--priority", "5", "--", "sh", "-c", f"echo urgent >> {log}")
    until(lambda: admin.get(f"/v1/jobs/{urgent}/why")["claimed_gpus"])
    told = engine.rcq(admin, "why", str(urgent))
    assert "Jobs on GPU 0, 1 were told to stop for it; it starts when they are gone." in told
    assert f"Job {low} of root (ops) has GPU 0, 1" in told
    assert admin.ended(urgent)["state"] == "completed"
    assert (admin.ended(equal)["state"], admin.ended(low)["state"]) == ("completed", "completed")
    assert lines(log) == ["attempt 1", "urgent", "attempt 2"]
    first, second = admin.job(low)["attempts"]
    assert (first["state"], first["signal"]) == ("preempted", 9)
    assert second["started_at"] >= admin.job(urgent)["ended_at"]


def test_no_guarantee_is_reclaimed_before_the_minimum_run(launch: Callable[..., Any], until: Any) -> None:
    engine = launch(TWO_CARDS.replace("preemption_min_run_s = 0.5", "preemption_min_run_s = 3.0"))
    admin = engine.admin()
    admin.post("/v1/groups", {"name": "bio", "guarantee_gpus": 1})
    ann, bob = engine.someone(admin, "ann", "bio"), engine.someone(admin, "bob", "chem")
    borrowed = bob.submit("sleep", "300", gpus=2, time_limit_s=3600, preemptible=True)
    started = bob.wait_for(borrowed, "running")["started_at"]
    mine = ann.submit("true", gpus=1, time_limit_s=60)
    assert ann.ended(mine)["started_at"] >= started + 3.0
    until(lambda: bob.job(borrowed)["attempt"] == 2)


def test_why_promises_no_cards_to_who_may_not_take_them_any_more(
    box: Any, tmp_path: Path, until: Any, lines: Any
) -> None:
    engine, admin = box
    log = tmp_path / "log"
    admin.post("/v1/groups", {"name": "bio", "guarantee_gpus": 1})
    ann, bob = engine.someone(admin, "ann", "bio"), engine.someone(admin, "bob", "chem")
    bob.script(STUBBORN.format(log=log), gpus=2, time_limit_s=3600, preemptible=True)
    until(lambda: lines(log) == ["attempt 1"])
    mine = ann.submit("true", gpus=1, time_limit_s=60)
    until(lambda: ann.get(f"/v1/jobs/{mine}/why")["claimed_gpus"])
    admin.ask("PATCH", "/v1/groups/bio", json={"quota": {"gpus": 1, "jobs": 0}})
    why = ann.get(f"/v1/jobs/{mine}/why")
    assert why["reasons"][0]["code"] == "QUOTA_REACHED"
    assert why["claimed_gpus"] == []
