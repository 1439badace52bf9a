"""GPU memory as it really is, seen from outside: jobs that run out of it, sharers that have more of it than asked."""

import signal

import pytest

pytestmark = pytest.mark.e2e

SETTINGS = """
[engine]
sample_interval_s = 0.1
pass_interval_s = 0.2
[scheduling]
cpu_cores = 8
memory_mb = 8000
[gpu]
provider = "simulated"
over_declared = "{over}"
[[gpu.simulated]]
count = 1
memory_mb = 24576
[[gpu.simulated]]
count = 1
memory_mb = 49152
[auth]
bcrypt_rounds = 4
peer = false
[executor]
grace_s = 1.0
"""
OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
TRAINS = f"""
echo "attempt $RCQ_ATTEMPT"
if [ "$RCQ_ATTEMPT" = 1 ]; then
    while [ ! -e {{go}} ]; do sleep 0.02; done
    echo "Traceback (most recent call last):" >&2
    echo "{OOM}" >&2
    exit 1
fi
"""


@pytest.fixture
def engine(launch):
    return launch(SETTINGS.format(over="warn"))


def codes(job):
    return [notice["code"] for notice in job["notices"]]


def test_a_job_that_runs_out_of_gpu_memory_is_tried_again_with_more_and_succeeds(engine, admin, tmp_path):
    go = tmp_path / "go"
    go.touch()
    number = admin.script(TRAINS.format(go=go), gpus=1, gpu_share=True, gpu_memory_mb=16_384)
    job = admin.ended(number)
    assert (job["state"], job["attempt"], job["gpu_memory_mb"]) == ("completed", 2, 24_576)
    first, second = job["attempts"]
    assert (first["cause"], first["exit_code"], second["cause"]) == ("gpu-out-of-memory", 1, "exit")
    assert OOM in first["message"]
    shown = engine.rcq(admin, "show", str(number))
    assert "gpu-out-of-memory" in shown and "24G" in shown
    assert admin.log(number) == "attempt 1\nattempt 2\n"


def test_it_does_so_too_if_the_engine_was_killed_meanwhile(engine, admin, tmp_path):
    go = tmp_path / "go"
    number = admin.script(TRAINS.format(go=go), gpus=1, gpu_share=True, gpu_memory_mb=16_384)
    admin.wait_for(number, "running")
    engine.end(signal.SIGKILL)
    go.touch()
    engine.start()
    job = admin.ended(number)
    assert (job["state"], job["attempt"], job["gpu_memory_mb"]) == ("completed", 2, 24_576)
    assert [one["cause"] for one in job["attempts"]] == ["gpu-out-of-memory", "exit"]


def test_who_had_the_largest_card_has_failed_and_is_told_what_it_had(engine, admin):
    number = admin.script(f"echo '{OOM}' >&2; exit 1", gpus=1, gpu_memory_mb=40_000)
    job = admin.ended(number)
    assert (job["state"], job["cause"], job["attempt"]) == ("failed", "gpu-out-of-memory", 1)
    assert job["message"].endswith("it had all 48 GiB of GPU 1, and no GPU here that matches has more")


def test_a_job_that_only_prints_such_a_line_has_completed(engine, admin):
    number = admin.script(f"echo '{OOM}' >&2; exit 0", gpus=1)
    assert admin.ended(number)["cause"] == "exit"
    failed = admin.script(f"echo '{OOM}' >&2; echo 'ValueError: shapes' >&2; exit 2", gpus=1)
    job = admin.ended(failed)
    assert (job["cause"], job["exit_code"], job["attempt"]) == ("exit", 2, 1)


def test_output_that_is_no_file_is_left_alone(engine, admin, tmp_path):
    """A link to a text that says so, and a pipe that would be waited for."""
    (tmp_path / "said").write_text(OOM)
    said = tmp_path / "said"
    hostile = f'cd "$RCQ_JOB_DIR"; rm stdout.log stderr.log; ln -s {said} stderr.log; mkfifo stdout.log; exit 1'
    job = admin.ended(admin.script(hostile, gpus=1))
    assert (job["state"], job["cause"], job["attempt"]) == ("failed", "exit", 1)


def test_a_sharer_over_what_it_asked_for_is_named_and_nobody_gets_its_memory(engine, admin, until):
    """In the books there is room beside it on card 0; in fact there is not. Card 1 is taken."""
    tags = {"sim_memory_mb": "20000"}
    greedy = admin.submit("sleep", "300", gpus=1, gpu_share=True, gpu_memory_mb=4_000, tags=tags)
    until(lambda: "GPU_OVER_DECLARED" in codes(admin.job(greedy)))
    (notice,) = admin.job(greedy)["notices"]
    assert (notice["declared_mb"], notice["used_mb"], notice["index"]) == (4_000, 20_000, 0)
    assert "3.9G" in engine.rcq(admin, "show", str(greedy))
    blocker = admin.submit("sleep", "300", gpus=1, gpu_memory_mb=40_000)
    admin.wait_for(blocker, "running")
    other = admin.submit("sleep", "300", gpus=1, gpu_share=True, gpu_memory_mb=10_000)
    until(lambda: "GPU_MEMORY_TAKEN" in [reason["code"] for reason in admin.get(f"/v1/jobs/{other}/why")["reasons"]])
    assert "GPU 0 has room in the books, but only 4.5G are really free" in engine.rcq(admin, "why", str(other))
    small = admin.submit("sleep", "300", gpus=1, gpu_share=True, gpu_memory_mb=4_000)
    admin.wait_for(small, "running")
    admin.ask("DELETE", f"/v1/jobs/{greedy}")
    admin.wait_for(other, "running")


def test_by_policy_a_sharer_over_what_it_asked_for_is_stopped_and_asks_for_more(launch, until):
    engine = launch(SETTINGS.format(over="stop"))
    admin = engine.admin()
    number = admin.submit("sleep", "300", gpus=1, gpu_share=True, gpu_memory_mb=4_000, tags={"sim_memory_mb": "8000"})
    until(lambda: admin.job(number)["attempt"] == 2 and admin.job(number)["state"] == "running")
    job = admin.job(number)
    assert job["gpu_memory_mb"] == 12_032
    (first,) = job["attempts"]
    assert (first["state"], first["cause"]) == ("failed", "gpu-out-of-memory")
    assert first["message"] == "it was stopped: it shared GPU 0 with 4000 MiB asked for and used 8000 MiB"
    assert codes(job) == []


def test_real_readings_tell_who_has_more_than_was_asked_for(launch, driver, until, tmp_path):
    """The driver names the processes; the card is offered with what it really has left, and again when it is over."""
    engine = launch(driver.settings(gpu="leak_s = 600"), driver.environment)
    admin = engine.admin()
    script = f"echo $$ > {tmp_path / 'pid'}; exec sleep 300"
    greedy = admin.script(script, gpus=1, gpu_share=True, gpu_memory_mb=4_000)
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    pid = int((tmp_path / "pid").read_text())
    (index,) = admin.wait_for(greedy, "running")["gpu_indices"]
    driver.processes(index, [(pid, 30_000)])
    until(lambda: "GPU_OVER_DECLARED" in codes(admin.job(greedy)))
    assert admin.job(greedy)["notices"][0]["used_mb"] == 30_000
    blocker = admin.submit("sleep", "300", gpus=1)
    admin.wait_for(blocker, "running")
    other = admin.submit("sleep", "300", gpus=1, gpu_share=True, gpu_memory_mb=20_000)
    (reason,) = [
        one for one in until(lambda: admin.get(f"/v1/jobs/{other}/why")["reasons"]) if one["code"] == "GPU_MEMORY_TAKEN"
    ]
    assert (reason["index"], reason["wanted_mb"], reason["free_mb"]) == (index, 20_000, 19_140)
    driver.processes(index, [(pid, 3_900)])
    admin.wait_for(other, "running")
    until(lambda: codes(admin.job(greedy)) == [])


def test_a_whole_card_is_not_promised_to_whom_tolerated_strangers_keep_off_it(launch, driver, until):
    driver.card(0, used_mb=400)
    driver.card(1, used_mb=400)
    admin = launch(driver.settings(), driver.environment).admin()
    number = admin.submit("true", gpus=1, gpu_memory_mb=49_000)
    told = until(lambda: admin.get(f"/v1/jobs/{number}/why")["reasons"])
    assert [one["free_mb"] for one in told if one["code"] == "GPU_MEMORY_TAKEN"] == [48_740, 48_740]
    assert admin.ended(admin.submit("true", gpus=1, gpu_memory_mb=48_000))["state"] == "completed"
    driver.card(0, used_mb=0)
    assert admin.ended(number)["state"] == "completed"
