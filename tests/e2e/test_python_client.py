"""Programs and notebooks on a real engine: submit, wait, sweeps, results, a restart in the middle, what is refused."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import zipfile

import pytest

from rcq_tui.client import AsyncRcq, JobFailed, NotOver, Rcq, Refused, Unreachable, grid

pytestmark = pytest.mark.e2e


def token_of(person):
    return person.http.headers["Authorization"].removeprefix("Bearer ")


@pytest.fixture
def rcq(engine, admin):
    with Rcq(engine.socket, token_of(admin)) as rcq:
        yield rcq


def test_a_job_is_submitted_waited_for_and_read(rcq, tmp_path):
    job = rcq.submit(
        "sh -c 'echo one; echo two >&2; echo $COLOUR > left.txt; cat left.txt; pwd'",
        name="hello", time_limit_s="1m", environment={"COLOUR": "blue & green"}, workdir=tmp_path, tags={"n": 1},
    )  # fmt: skip
    outcome = job.wait(20)
    assert (outcome.ok, outcome.state, outcome.exit_code, outcome.how) == (True, "completed", 0, "exit 0")
    assert (job.state, job.name, job.outcome) == ("completed", "hello", outcome)
    assert job.log() == f"one\nblue & green\n{tmp_path}\n"
    assert job.log("stderr") == "two\n"
    assert list(job.follow()) == ["one", "blue & green", str(tmp_path)]
    detail = job.refresh()
    assert (detail.time_limit_s, detail.tags) == (60, {"n": "1"})
    assert "has ended" in job.why()
    assert repr(job) == f"<Job {job.id} hello: completed>"


def test_a_failed_job_raises_only_where_it_is_asked_to(rcq):
    job = rcq.submit(script="exit 3")
    assert job.wait(20).how == "exit 3"
    with pytest.raises(JobFailed, match=f"job {job.id} failed: exit 3") as caught:
        job.result()
    assert (caught.value.job, caught.value.outcome.exit_code) == (job.id, 3)
    with pytest.raises(JobFailed):
        rcq.job(job.id).wait(check=True)


def test_what_is_refused_says_why(rcq):
    with pytest.raises(Refused, match="gpuss: unknown field; did you mean gpus") as caught:
        rcq.submit("true", gpuss=1)
    assert caught.value.code == "VALIDATION_ERROR"
    with pytest.raises(Refused) as caught:
        rcq.submit("true", gpus=99)
    assert caught.value.code == "IMPOSSIBLE_REQUEST"
    with pytest.raises(Refused) as caught:
        rcq.job(999).wait(10)
    assert caught.value.code == "JOB_NOT_FOUND"
    with pytest.raises(ValueError, match="submit_array"):
        rcq.submit("true", array="0-3")
    first = rcq.submit("true", job_id="mine")
    with pytest.raises(Refused) as caught:
        rcq.submit("true", job_id="mine")
    assert (caught.value.code, caught.value.details[0]["id"]) == ("DUPLICATE_JOB", first.id)


def test_steps_of_a_job(rcq):
    blocker = rcq.submit("sleep 600", gpus=2)
    waiting = rcq.submit("true", gpus=1)
    waiting.hold()
    assert waiting.state == "held"
    waiting.release()
    assert not waiting.done()
    assert "does not start now because" in waiting.why()
    with pytest.raises(NotOver) as caught:
        waiting.wait(0.2)
    assert caught.value.jobs == (waiting.id,)
    assert isinstance(caught.value, TimeoutError)
    assert not rcq.preview("true", gpus=1).starts_now
    assert blocker.cancel()
    assert blocker.wait(20).state == "cancelled"
    assert not blocker.cancel(), "there is nothing left to end"
    assert waiting.wait(20, check=True).run_s >= 0
    waiting.requeue()
    assert waiting.wait(20).ok
    assert waiting.refresh().attempt == 2


def test_a_job_may_wait_for_handles(rcq):
    first = rcq.submit(script="exit 1")
    second = rcq.submit("true", after=[{"id": first, "when": "any"}])
    third = rcq.submit("true", after=[second])
    assert third.wait(20).ok


def test_results_as_a_zip_and_as_a_folder(rcq, tmp_path):
    job = rcq.submit(script='echo 0.93 > "$RCQ_JOB_DIR/score.txt"')
    job.wait(20, check=True)
    zipped = job.results(tmp_path)
    assert zipped == tmp_path / f"job-{job.id}.zip"
    with zipfile.ZipFile(zipped) as opened:
        (name,) = [one for one in opened.namelist() if one.endswith("score.txt")]
    folder = job.unpack(tmp_path / "left")
    assert (folder / name).read_text() == "0.93\n"
    with pytest.raises(FileExistsError):
        job.unpack(folder)
    with pytest.raises(FileExistsError):
        job.results(zipped)
    assert sorted(one.name for one in tmp_path.iterdir() if one.name.startswith((".", "left", "job"))) == [
        f"job-{job.id}.zip", "left",
    ]  # fmt: skip


def test_a_sweep_of_two_hundred(rcq, tmp_path):
    parameters = grid(lr=[0.1, 0.01], seed=range(100))
    out = tmp_path / "out"
    out.mkdir()
    sweep = rcq.map(
        ["sh", "-c", f'echo "$1 $SEED" > {out}/$2-$SEED; test "$SEED" != 42', "-", "{lr:.0e}", "{lr}"],
        parameters, name="try-{lr}", environment={"SEED": "{seed}"}, key="lr-search",
    )  # fmt: skip
    assert (len(sweep), sweep.refusals) == (200, ())
    outcomes = sweep.wait(100)
    assert [outcome.parameters for outcome in outcomes] == parameters
    assert {(out / f"{one['lr']}-{one['seed']}").read_text() for one in parameters} == {
        f"{lr} {seed}\n" for lr in ("1e-01", "1e-02") for seed in range(100)
    }
    assert sweep.states() == {"completed": 198, "failed": 2}
    assert [job.parameters for job in sweep.failed()] == [{"lr": 0.1, "seed": 42}, {"lr": 0.01, "seed": 42}]
    rows = sweep.to_dicts()
    assert [row["seed"] for row in rows if row["exit_code"] == 1] == [42, 42]
    assert rows[0]["run_s"] >= 0
    assert {row["name"] for row in rows} == {"try-0.1", "try-0.01"}
    with pytest.raises(JobFailed):
        sweep.wait(check=True)
    again = rcq.map(
        ["sh", "-c", f'echo "$1 $SEED" > {out}/$2-$SEED; test "$SEED" != 42', "-", "{lr:.0e}", "{lr}"],
        [*parameters, {"lr": 1.0, "seed": 7}], name="try-{lr}", environment={"SEED": "{seed}"}, key="lr-search",
    )  # fmt: skip
    assert [job.id for job in again][:200] == [job.id for job in sweep], "the same jobs, and one that was missing"
    assert again[200].wait(20).ok
    rcq.map("true", [{}], key="LR-search")
    found = rcq.sweep("lr-search")
    assert [job.id for job in found] == sorted(job.id for job in again)
    assert found[0].parameters == {"lr": "0.1", "seed": "0"}
    with pytest.raises(Refused, match="no sweep"):
        rcq.sweep("another")


def test_some_of_many_are_refused(rcq):
    blocker = rcq.submit("sleep 600", gpus=2)
    jobs = [{"command": ["true"], "gpus": 1 if at % 10 else 99, "tags": {"n": at}} for at in range(250)]
    sweep = rcq.submit_many(jobs)
    assert (len(sweep), len(sweep.refusals)) == (225, 25)
    assert [refusal.index for refusal in sweep.refusals] == list(range(0, 250, 10))
    assert {refusal.code for refusal in sweep.refusals} == {"IMPOSSIBLE_REQUEST"}
    assert sweep.refusals[1].parameters == {"n": "10"}
    assert [job.refresh().tags["n"] for job in sweep[:3]] == ["1", "2", "3"]
    with pytest.raises(Refused, match=sweep.refusals[0].message[:20]):
        sweep.check_taken()
    assert sweep.cancel() == 225
    assert sweep.states() == {"cancelled": 225}
    with pytest.raises(Refused) as caught:
        rcq.map("true {x}", [{"x": 1}, {"x": 2}], gpus=99)
    assert caught.value.code == "IMPOSSIBLE_REQUEST"
    blocker.cancel()


def test_large_scripts_go_in_parts(rcq):
    script = "exit 0\n" + "#" * 300_000
    sweep = rcq.map(None, grid(n=range(40)), script=script)
    assert len(sweep) == 40
    assert all(outcome.ok for outcome in sweep.wait(60))


def test_an_array_is_a_sweep(rcq):
    sweep = rcq.submit_array("3,5-7", script="exit $((RCQ_ARRAY_INDEX == 6))")
    assert [job.parameters["index"] for job in sweep] == [3, 5, 6, 7]
    assert [outcome.ok for outcome in sweep.wait(20)] == [True, True, False, True]


def test_jobs_come_as_they_end(rcq):
    slow = rcq.submit("sleep 600")
    sweep = rcq.map("sleep {s}", [{"s": 0.4}, {"s": 0}])
    assert [job.parameters["s"] for job in sweep.as_completed(20)] == [0, 0.4]
    everything = rcq.jobs()
    assert len(everything) == 3
    early = everything.as_completed(0.5)
    assert {next(early).id, next(early).id} == {job.id for job in sweep}
    with pytest.raises(NotOver):
        next(early)
    for job in everything.as_completed(20):
        assert job.outcome
        break
    slow.cancel()


def test_inside_a_loop_that_runs(rcq):
    async def cell():
        return rcq.submit("echo hi").wait(20)  # as a notebook's cell runs: in a running loop, without await

    assert asyncio.run(cell()).ok


def test_from_several_threads(rcq):
    outcomes = []

    def work():
        outcomes.append(rcq.submit("true").wait(30))

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [outcome.ok for outcome in outcomes] == [True] * 16


async def test_the_same_for_asyncio(engine, admin):
    async with AsyncRcq(engine.socket, token_of(admin)) as rcq:
        job = await rcq.submit("sh -c 'echo a; sleep 0.2; echo b'")
        assert [line async for line in job.follow()] == ["a", "b"]
        assert (await job.result(20)).ok
        sweep = await rcq.map("sh -c 'exit {code}'", grid(code=[0, 1, 2]))
        assert [outcome.exit_code for outcome in await sweep.wait(20)] == [0, 1, 2]
        assert [job.parameters["code"] async for job in sweep.as_completed()]
        blocker = await rcq.submit("sleep 600")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(blocker.wait(), 0.1)
        assert await blocker.cancel()
        outcomes = await asyncio.gather(blocker.wait(20), *(one.wait(20) for one in sweep))
        assert [outcome.state for outcome in outcomes] == ["cancelled", "completed", "failed", "failed"]


def test_a_wait_outlasts_an_engine_that_is_killed(engine, rcq, until):
    sweep = rcq.map("sleep {s}", [{"s": 2}, {"s": 3}])
    found = []
    waiting = threading.Thread(target=lambda: found.extend(sweep.wait(60)))
    waiting.start()
    lines = []
    following = threading.Thread(
        target=lambda: [lines.append(one) for one in rcq.submit("sh -c 'echo a; sleep 3; echo b'").follow()]
    )
    following.start()
    until(lambda: lines and sweep.states() == {"running": 2})
    engine.end(signal.SIGKILL)
    with pytest.raises(Unreachable):
        rcq.me()
    engine.start()
    waiting.join(60)
    following.join(60)
    assert [outcome.ok for outcome in found] == [True, True]
    assert lines == ["a", "b"]


def test_an_engine_that_stays_away_ends_a_wait(engine, admin):
    with Rcq(engine.socket, token_of(admin), patience_s=0.5) as rcq:
        job = rcq.submit("sleep 600")
        engine.end(signal.SIGKILL)
        with pytest.raises(Unreachable):
            job.wait()
        with pytest.raises(Unreachable):
            rcq.submit_many([{"command": "true"}])


def test_a_log_in_and_a_session_that_ends(engine, admin):
    with Rcq(engine.socket, "0" * 64) as rcq:
        with pytest.raises(Refused) as caught:
            rcq.submit("true")
        assert caught.value.code == "UNAUTHENTICATED"
        assert rcq.login("root", "correct horse").account == "root"
        assert rcq.submit("true").wait(20).ok
        rcq.submit("sleep 600").cancel()
        with pytest.raises(Refused, match="Wrong name or password"):
            rcq.login("root", "wrong")
        assert rcq.me().account == "root", "a log-in that fails takes nothing away"


PROGRAM = """
from rcq_tui.client import Rcq
with Rcq() as rcq:
    job = rcq.submit("sleep 600", name="long")
    print(job.id, flush=True)
    try:
        job.wait()
    except KeyboardInterrupt:
        print(job.refresh().state)
"""


def test_an_interrupted_program_leaves_its_job(engine, admin, until):
    environment = os.environ | {"RCQ_SOCKET": str(engine.socket), "RCQ_TOKEN": token_of(admin)}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout
        number = int(program.stdout.readline())
        admin.wait_for(number, "running")
        program.send_signal(signal.SIGINT)
        assert program.stdout.read() == "running\n"
        assert program.wait(20) == 0
    assert admin.job(number)["state"] == "running"


FORGETFUL = """
import threading
from rcq_tui.client import Rcq
print(Rcq().submit("true").wait(20).how)
rcq = Rcq()
print([job.wait(20).how for job in rcq.map("sh -c 'exit {code}'", [{"code": 0}, {"code": 1}])])
job = rcq.submit("sh -c 'echo begun; sleep 600'")
lines = iter(job.follow())
print(next(lines))
threading.Thread(target=job.wait, daemon=True).start()
"""


def test_a_program_that_closes_nothing_ends_without_a_word(engine, admin):
    environment = os.environ | {"RCQ_SOCKET": str(engine.socket), "RCQ_TOKEN": token_of(admin)}
    ran = subprocess.run(
        [sys.executable, "-c", FORGETFUL], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == ("exit 0\n['exit 0', 'exit 1']\nbegun\n", "", 0)
