"""A booking on a real engine: who waits for it, who slips in before, whose jobs run in it, and what lasts."""

import time
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

ONE_CARD = """
[scheduling]
cpu_cores = 8
memory_mb = 8000
[gpu]
provider = "simulated"
[[gpu.simulated]]
count = 1
[auth]
bcrypt_rounds = 4
peer = false
[executor]
grace_s = 1.0
"""
AHEAD_S = 5.0


def codes(person: Any, job: int) -> set[str]:
    return {reason["code"] for reason in person.get(f"/v1/jobs/{job}/why")["reasons"]}


def test_a_booking_is_kept_for_the_one_who_booked(launch: Callable[..., Any], until: Callable[..., Any]) -> None:
    engine = launch(ONE_CARD)
    admin = engine.admin()
    ann, bob = engine.someone(admin, "ann", "bio"), engine.someone(admin, "bob", "chem")
    begins = time.time() + AHEAD_S
    slot = ann.post("/v1/reservations", {"gpus": 1, "start_at": begins, "duration_s": 600})
    assert (slot["gpu_indices"], slot["account"], slot["promises_moved"]) == ([0], "ann", 0)

    # a long job of another account would run into it; a short one is over before
    long = bob.submit("true", gpus=1, time_limit_s=3600)
    short = bob.submit("true", gpus=1, time_limit_s=1)
    assert bob.ended(short)["ended_at"] < begins
    until(lambda: "BOOKED" in codes(bob, long))
    (reason,) = [one for one in bob.get(f"/v1/jobs/{long}/why")["reasons"] if one["code"] == "BOOKED"]
    assert (reason["slot"], reason["index"], reason["start_at"]) == (str(slot["id"]), 0, begins)

    # in the slot the booker's job starts, nobody else's; also after a restart
    engine.end()
    engine.start()
    until(lambda: ann.get("/v1/reservations")["items"][0]["active"])
    mine, tiny = ann.submit("true", gpus=1, time_limit_s=60), bob.submit("true", gpus=1, time_limit_s=1)
    assert begins <= ann.ended(mine)["started_at"] < slot["end_at"]
    assert {bob.job(long)["state"], bob.job(tiny)["state"]} == {"pending"}
    (card,) = bob.get("/v1/gpus")["items"]
    assert (card["slot"]["account"], card["slot"]["group"], card["slot"]["starts_in_s"]) == (None, "bio", 0.0)

    # once it is taken back, the others go on
    assert bob.refusal("DELETE", f"/v1/reservations/{slot['id']}") == "FORBIDDEN"
    assert ann.ask("DELETE", f"/v1/reservations/{slot['id']}").status_code == 200
    assert (bob.ended(long)["state"], bob.ended(tiny)["state"]) == ("completed", "completed")


def test_a_running_job_is_not_booked_away(launch: Callable[..., Any]) -> None:
    engine = launch(ONE_CARD)
    admin = engine.admin()
    ann, bob = engine.someone(admin, "ann", "bio"), engine.someone(admin, "bob", "chem")
    runs = bob.submit("sleep", "300", gpus=1, time_limit_s=7200)
    started = bob.wait_for(runs, "running")["started_at"]
    answer = ann.ask("POST", "/v1/reservations", json={"cards": ["0"], "duration_s": 600})
    (detail,) = answer.json()["error"]["details"]
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "INVALID_STATE")
    assert abs(detail["until"] - (started + 7200)) < 5
    assert "bob" not in answer.text
    bob.ask("DELETE", f"/v1/jobs/{runs}")
    bob.ended(runs)
    slot = ann.post("/v1/reservations", {"cards": ["0"], "duration_s": 600})
    assert slot["active"]


def test_the_edge_of_a_slot_wakes_a_pass(launch: Callable[..., Any], until: Callable[..., Any]) -> None:
    """With passes an hour apart only the timer of the slot's end can let the next job start."""
    engine = launch(ONE_CARD.replace("[scheduling]", "[engine]\npass_interval_s = 3600.0\n[scheduling]"))
    admin = engine.admin()
    before = admin.get("/v1/stats")["passes"]
    begins = time.time() + 2
    admin.post("/v1/reservations", {"gpus": 1, "start_at": begins, "duration_s": 60})
    until(lambda: admin.get("/v1/stats")["passes"] > before)  # the booking itself
    until(lambda: (admin.get("/v1/stats")["last_pass_at"] or 0) >= begins)
