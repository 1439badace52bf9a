"""A job that holds cards and uses none is told everywhere and by policy makes room; what jobs drew is told and kept."""

import json
import signal

import pytest

pytestmark = pytest.mark.e2e

QUICK = """
[engine]
sample_interval_s = 0.1
pass_interval_s = 0.2
[scheduling]
cpu_cores = 8
memory_mb = 8000
[gpu]
provider = "simulated"
idle_minutes = 0.01
idle_action = "{action}"
[[gpu.simulated]]
count = 2
[auth]
bcrypt_rounds = 4
peer = false
[executor]
grace_s = 1.0
"""
IDLE = {"gpus": 1, "tags": {"sim_load": "0"}}


def codes(job):
    return [notice["code"] for notice in job["notices"]]


def test_its_owner_is_told_and_nobody_else(launch, until, events):
    engine = launch(QUICK.format(action="warn"))
    admin = engine.admin()
    ann, eve = engine.someone(admin, "ann", "bio"), engine.someone(admin, "eve", "chem")
    with ann.http.stream("GET", "/v1/events") as answer:
        stream = events(answer)
        idle = ann.submit("sleep", "60", **IDLE)
        excused = ann.submit("sleep", "60", **IDLE, idle_ok=True)
        told = next(data for kind, data in stream if kind == "notice")
    assert (told["code"], told["job"], told["gpus"]) == ("GPU_IDLE", idle, 1)
    until(lambda: codes(ann.job(idle)))
    until(lambda: "rcq: this job used none of its GPUs" in ann.log(idle, "stderr"))
    assert codes(ann.job(excused)) == []
    (seen,) = [row for row in eve.get("/v1/jobs")["items"] if row["id"] == idle]
    assert seen["redacted"]
    assert seen["notices"] == []
    assert "! " not in engine.rcq(eve, "queue")
    for words in (("queue", "--mine"), ("show", str(idle)), ("why", str(idle))):
        assert "GPU" in engine.rcq(ann, *words)
    assert "It has not used its GPU for " in engine.rcq(ann, "show", str(idle))
    assert "no GPU in use for " in engine.rcq(ann, "queue", "--mine")
    assert "idle ok" in engine.rcq(ann, "show", str(excused))


def test_it_makes_room_and_goes_on_at_the_end_of_the_queue(launch, until):
    engine = launch(QUICK.format(action="preempt"))
    admin = engine.admin()
    ann, bob = engine.someone(admin, "ann", "bio"), engine.someone(admin, "bob", "chem")
    idle = ann.submit("sh", "-c", '[ "$RCQ_ATTEMPT" = 1 ] && sleep 60', gpus=2, tags={"sim_load": "0"})
    ann.wait_for(idle, "running")
    wants = bob.submit("true", gpus=2)
    assert bob.ended(wants)["state"] == "completed"
    told = until(lambda: ann.job(idle)["attempts"])[0]
    assert told["state"] == "preempted"
    assert "used none of its GPUs" in told["message"]
    assert told["measures"]["gpus_used"] == 0
    assert until(lambda: ann.ended(idle))["attempt"] == 2
    assert ann.job(idle)["submitted_at"] >= told["ended_at"]
    assert "GPUs used 0 of 2" in engine.rcq(ann, "show", str(idle))


def test_energy_memory_and_cards_in_use_are_told_and_survive_a_kill(launch, until):
    engine = launch(QUICK.format(action="warn"))
    ann = engine.someone(engine.admin(), "ann", "bio")
    tags = {"sim_load": "0.5", "sim_memory_mb": "2048"}
    loop = "trap 'exit 0' TERM; while :; do sleep 0.02; done"
    job = ann.submit("sh", "-c", loop, gpus=1, gpu_memory_mb=4096, tags=tags)
    measured = until(lambda: (ann.job(job)["measures"] or {}).get("gpus_used") and ann.job(job)["measures"])
    assert measured["peak_gpu_memory_mb"] == 2048
    assert measured["gpu_utilization"] == pytest.approx(0.5, abs=0.05)
    assert measured["energy_kwh"] > 0
    engine.end(signal.SIGTERM)
    before = measured["energy_kwh"]
    engine.start()
    ann = engine.log_in("ann")
    kept = ann.job(job)["measures"]
    assert kept["energy_kwh"] >= before
    assert kept["gpus_used"] == 1
    grown = until(lambda: ann.job(job)["measures"]["energy_kwh"] > kept["energy_kwh"])
    assert grown
    ann.ask("DELETE", f"/v1/jobs/{job}")
    ended = ann.ended(job)
    last = until(lambda: ended["measures"])["energy_kwh"]
    shown = engine.rcq(ann, "show", str(job))
    assert "peak GPU memory" in shown
    assert "2G on one card (4G asked)" in shown
    assert "1 of 1, " in shown
    report = json.loads(engine.rcq(ann, "usage", "--since", "1h", "--json"))["items"][0]
    until(lambda: ann.get("/v1/usage")["items"][0]["month_energy_kwh"] == pytest.approx(last, rel=0.01))
    assert report["accounts"][0]["since_energy_kwh"] <= last * 1.01
    assert "KWH" in engine.rcq(ann, "usage")
