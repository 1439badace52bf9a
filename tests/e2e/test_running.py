"""Jobs on a real engine: they run, say how they ended, can be ended, and keep to their limits."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e


def test_exit_codes_output_and_environment_come_back(admin: Any) -> None:
    good = admin.script('echo "cards $CUDA_VISIBLE_DEVICES"; echo bad >&2', gpus=2, name="first")
    bad = admin.submit("sh", "-c", "exit 7")
    killed = admin.submit("sh", "-c", "kill -9 $$")
    missing = admin.submit("/no/such/program")

    done = admin.ended(good)
    assert (done["state"], done["cause"], done["exit_code"]) == ("completed", "exit", 0)
    assert done["gpu_indices"] == [0, 1]
    assert admin.log(good) == f"cards {','.join(done['gpu_uuids'])}\n"
    assert admin.log(good, "stderr") == "bad\n"
    assert admin.ended(bad)["exit_code"] == 7
    assert admin.ended(bad)["state"] == "failed"
    assert (admin.ended(killed)["cause"], admin.ended(killed)["signal"]) == ("signal", 9)
    assert admin.ended(missing)["cause"] == "launch-error"
    assert "/no/such/program" in admin.ended(missing)["message"]
    assert admin.get("/v1/stats")["jobs"] == {
        **dict.fromkeys(("held", "pending", "scheduled", "running", "cancelled", "preempted"), 0),
        "completed": 1,
        "failed": 3,
    }


def test_a_time_limit_ends_a_job(admin: Any) -> None:
    number = admin.submit("sleep", "60", time_limit_s=1)
    ended = admin.ended(number)
    assert (ended["state"], ended["cause"]) == ("failed", "time-limit")
    assert ended["ended_at"] - ended["started_at"] == pytest.approx(1, abs=0.9)


def test_cancel_ends_a_tree_that_left_its_session(admin: Any, tmp_path: Path, until: Callable[..., Any]) -> None:
    pids = tmp_path / "pids"
    daemon = f"setsid sh -c 'setsid sh -c \"echo \\$\\$ >> {pids}; exec sleep 300\" & sleep 300' & sleep 300"
    number = admin.script(f"echo $$ >> {pids}\n{daemon}")
    until(lambda: pids.exists() and len(pids.read_text().split()) == 2)

    assert admin.ask("DELETE", f"/v1/jobs/{number}").status_code == 200
    assert admin.ended(number)["state"] == "cancelled"
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.read_text().split())
    assert admin.refusal("DELETE", f"/v1/jobs/{number}") == "INVALID_STATE"


def test_waiting_jobs_are_held_released_and_cancelled(admin: Any) -> None:
    blocker = admin.submit("sleep", "300", gpus=2)
    admin.wait_for(blocker, "running")
    waiting = admin.submit("true", gpus=1)
    other = admin.submit("true", gpus=1)

    assert admin.get(f"/v1/jobs/{waiting}/why")["reasons"][0]["code"] == "GPUS_BUSY"
    assert admin.post(f"/v1/jobs/{waiting}/hold")["state"] == "held"
    assert admin.refusal("POST", f"/v1/jobs/{waiting}/hold") == "INVALID_STATE"
    assert [(row["id"], row["position"]) for row in admin.get("/v1/jobs", state="pending")["items"]] == [(other, 1)]
    assert [row["id"] for row in admin.get("/v1/jobs")["items"]] == [blocker, other, waiting]

    assert admin.ask("DELETE", f"/v1/jobs/{other}").json()["state"] == "cancelled"
    admin.ask("DELETE", f"/v1/jobs/{blocker}")
    admin.ended(blocker)
    assert admin.job(waiting)["state"] == "held"
    admin.post(f"/v1/jobs/{waiting}/release")
    assert admin.ended(waiting)["state"] == "completed"
    assert admin.job(other)["started_at"] is None


def test_the_feed_tells_each_step(admin: Any, events: Callable[..., Any]) -> None:
    with admin.http.stream("GET", "/v1/events") as answer:
        told = events(answer)
        number = admin.submit("true")
        seen: list[str] = []
        deadline = time.monotonic() + 30
        for kind, data in told:
            assert time.monotonic() < deadline
            if kind == "job" and data["id"] == number:
                seen.append(data["state"])
                if data["state"] == "completed":
                    break
    assert seen[0] == "pending"
    assert seen[-1] == "completed"
