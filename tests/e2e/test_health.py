"""Faults of cards, injected under the true bindings of a real engine: who is stopped, what stands, what heals."""

import json
import sqlite3
from contextlib import closing

import pytest

GPU = "canary_after_s = 0.3\nleak_s = 1.0\n"
SLEEP = ("sleep", "600")
UNKNOWN = 999


@pytest.fixture
def cuda(tmp_path):
    """What a test of a card finds: `cuda()` a sound one, `cuda(fail=…)` a broken one."""

    def script(**values):
        (tmp_path / "cuda.json").write_text(json.dumps(values))

    script()
    script.environment = {"RCQ_SCRIPTED_CUDA": str(tmp_path / "cuda.json")}
    return script


@pytest.fixture
def start(driver, launch, cuda):
    """`start(gpu)` runs an engine on two scripted cards and logs its admin in. gpu: more lines of [gpu]."""

    def one(gpu=GPU, **settings):
        engine = launch(driver.settings(gpu=gpu, **settings), environment={**driver.environment, **cuda.environment})
        return engine, engine.admin()

    return one


def card(admin, index):
    return admin.get("/v1/gpus")["items"][index]


def in_state(until, admin, index, state):
    def there():
        found = card(admin, index)
        return found if found["state"] == state else None

    return until(there)


def on_card(until, admin, number, index):
    """The job once it runs on that card."""

    def there():
        job = admin.job(number)
        return job if (job["state"], job["gpu_indices"]) == ("running", [index]) else None

    return until(there)


def audit(engine, action):
    """What the log has of it, once that is written."""
    with closing(sqlite3.connect(f"file:{engine.state / 'rcq.db'}?mode=ro", uri=True)) as db:
        found = db.execute("SELECT detail FROM audit WHERE action = ?", [action]).fetchall()
    return [json.loads(detail) for (detail,) in found]


@pytest.mark.parametrize("xid", [13, UNKNOWN])
def test_a_programs_xid_is_its_own_and_the_card_stays(start, driver, until, xid, tmp_path):
    _, admin = start()
    over = tmp_path / "over"
    job = admin.script(f"until [ -e {over} ]; do sleep 0.02; done; exit 3", gpus=1)
    on_card(until, admin, job, 0)
    driver.xid(0, xid)
    notices = until(lambda: admin.job(job)["notices"])
    assert [(notice["code"], notice["index"], notice["xid"]) for notice in notices] == [("GPU_XID", 0, xid)]
    over.touch()
    ended = admin.ended(job)
    assert (ended["state"], ended["cause"], ended["exit_code"]) == ("failed", "exit", 3)
    assert in_state(until, admin, 0, "ok")["why"] is None


def test_a_card_that_falls_off_the_bus_loses_its_job_to_another_and_stays_out_over_a_restart(
    start, driver, until, cuda
):
    engine, admin = start()
    job = admin.submit(*SLEEP, gpus=1)
    on_card(until, admin, job, 0)
    driver.xid(0, 79)
    driver.lose(0)
    again = on_card(until, admin, job, 1)
    assert again["attempt"] == 2
    assert again["attempts"][0]["cause"] == "preempted"
    assert again["attempts"][0]["message"] == "GPU 0 was taken out of use (off-bus: Xid 79)"
    assert (in_state(until, admin, 0, "quarantined")["why"], card(admin, 0)["detail"]) == ("off-bus", "Xid 79")
    assert until(lambda: audit(engine, "gpu.quarantine"))[0] == {
        "after": {"state": "quarantined", "cause": "off-bus", "detail": "Xid 79"}
    }

    driver.heal(0)
    assert engine.end() == 0
    engine.start()
    assert (card(admin, 0)["state"], card(admin, 0)["why"]) == ("quarantined", "off-bus")
    on_card(until, admin, job, 1)
    waiting = admin.submit(*SLEEP, gpus=1)
    until(lambda: any(r["code"] == "GPU_QUARANTINED" for r in admin.get(f"/v1/jobs/{waiting}/why")["reasons"]))

    cuda(fail={"cuInit": 999})
    refused = admin.ask("POST", "/v1/gpus/0/resume")
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "INVALID_STATE"
    assert "its test failed: cuInit failed: error 999" in refused.json()["error"]["message"]
    assert card(admin, 0)["state"] == "quarantined"
    cuda()
    assert admin.post("/v1/gpus/0/resume")["state"] == "ok"
    on_card(until, admin, waiting, 0)


def test_a_card_that_is_lost_and_comes_back_is_tested_and_used_again(start, driver, until, cuda):
    engine, admin = start()
    cuda(wrong=True)
    driver.lose(1)
    assert in_state(until, admin, 1, "quarantined")["why"] == "lost"
    assert "it cannot be read (lost)" in admin.ask("POST", "/v1/gpus/1/resume").json()["error"]["message"]
    driver.heal(1)
    until(lambda: "its test failed: 65536 of 65536 words computed wrong" in (engine.root / "engine.log").read_text())
    assert card(admin, 1)["state"] == "quarantined"
    cuda()
    in_state(until, admin, 1, "ok")
    assert until(lambda: audit(engine, "gpu.return")) == [{"before": {"state": "quarantined", "cause": "lost"}}]


def test_a_job_that_dies_of_a_memory_error_has_failed_of_its_card_and_is_tried_again(start, driver, until, tmp_path):
    _, admin = start(GPU + 'fault_action = "fail"\n')
    over = tmp_path / "over"
    line = f"[ $RCQ_ATTEMPT = 2 ] && exit 0; until [ -e {over} ]; do sleep 0.02; done; exit 1"
    job = admin.script(line, gpus=1, retries=1)
    on_card(until, admin, job, 0)
    driver.card(0, ecc_uncorrected=1)
    ended = admin.ended(job)
    assert (ended["state"], ended["attempt"], ended["gpu_indices"]) == ("completed", 2, [1])
    assert ended["attempts"][0]["cause"] == "gpu-fault"
    found = card(admin, 0)
    assert (found["state"], found["why"], found["detail"]) == ("quarantined", "ecc", "1 uncorrected memory error")


def test_a_card_that_hangs_is_left_and_the_other_goes_on(start, driver, until):
    _, admin = start(timeout_s=0.5)
    job = admin.submit(*SLEEP, gpus=1)
    on_card(until, admin, job, 0)
    driver.hang(0)
    assert in_state(until, admin, 0, "quarantined")["why"] == "driver-hang"
    on_card(until, admin, job, 1)
    driver.heal(0)
    in_state(until, admin, 0, "ok")


def test_a_driver_that_hangs_as_a_whole_costs_nobody_a_run(start, driver, until):
    _, admin = start(timeout_s=0.5)
    job = admin.submit(*SLEEP, gpus=1)
    on_card(until, admin, job, 0)
    driver.hang(None, "nvmlDeviceGetCount_v2")
    assert {in_state(until, admin, index, "quarantined")["why"] for index in (0, 1)} == {"driver-stall"}
    driver.heal(None)
    in_state(until, admin, 1, "ok")
    running = admin.job(job)
    assert (running["state"], running["attempt"]) == ("running", 1)
    admin.ask("DELETE", f"/v1/jobs/{job}")
    in_state(until, admin, 0, "ok")


def test_a_driver_that_is_restarted_stops_nobody_and_its_cards_come_back(start, driver, until):
    _, admin = start()
    job = admin.submit(*SLEEP, gpus=1)
    on_card(until, admin, job, 0)
    driver.unload()
    assert in_state(until, admin, 1, "quarantined")["why"] == "driver"
    in_state(until, admin, 0, "quarantined")
    driver.load()
    in_state(until, admin, 1, "ok")
    running = admin.job(job)
    assert (running["state"], running["attempt"]) == ("running", 1)
    admin.ask("DELETE", f"/v1/jobs/{job}")
    in_state(until, admin, 0, "ok")


def test_what_a_dead_job_leaves_keeps_its_card_until_it_is_gone(start, driver, until, tmp_path):
    _, admin = start()
    admin.post("/v1/gpus/1/drain", {"why": "one card is enough"})
    assert (card(admin, 1)["state"], card(admin, 1)["why"]) == ("drained", "one card is enough")
    over = tmp_path / "over"
    first = admin.script(f"until [ -e {over} ]; do sleep 0.02; done", gpus=1)
    on_card(until, admin, first, 0)
    driver.card(0, used_mb=9000)
    until(lambda: card(admin, 0)["memory_used_mb"] == 9000)
    blocked = admin.submit(*SLEEP, gpus=1)
    over.touch()
    admin.ended(first)
    reasons = until(lambda: [r for r in admin.job(blocked)["reasons"] if r["code"] == "GPU_SETTLING"])
    assert (reasons[0]["index"], reasons[0]["used_mb"]) == (0, 9000)
    found = in_state(until, admin, 0, "quarantined")
    assert (found["why"], found["detail"]) == ("leak", "9000 MiB of nobody")
    driver.card(0, used_mb=3)
    on_card(until, admin, blocked, 0)
