"""The pass and what it leads to: leases, commits, starts, endings, and what happens when one of them fails."""

import asyncio
import errno
from pathlib import Path
from typing import Any

import pytest

from engine.bookkeeping import Started
from engine.core.lifecycle import Cause, JobState
from engine.core.model import JobId
from engine.daemon import tries
from engine.protocol.responses import JobDetail
from engine.store.errors import WriteFailed


async def stored_states(world: Any, *jobs: int) -> list[str]:
    return [str(job.state) for job in await world.store.jobs.jobs(list(jobs))]


async def test_a_job_goes_from_submission_to_its_end(world):
    job = await world.submit(gpus=1, name="n")
    await world.one_pass()
    (launch,) = world.executor.launched
    assert (launch.job, launch.attempt, launch.argv) == (str(job), 1, ("true",))
    assert launch.environment["RCQ_ACCOUNT"] == "ann"
    assert launch.environment["CUDA_VISIBLE_DEVICES"] == launch.lease.gpus[0]
    assert await world.state_of(job) == "running"
    assert await stored_states(world, job) == ["scheduled"]  # that it runs rides along with the next commit

    world.executor.end(job, 3)
    assert world.books.live == {}
    shown: JobDetail = await world.jobs.show(world.ann, job)
    assert (shown.state, shown.exit_code, shown.gpu_indices) == ("failed", 3, [0])  # before it is on disk
    await world.one_pass()
    assert await stored_states(world, job) == ["failed"]
    assert world.books.counts()["failed"] == 1


async def test_what_a_commit_holds_is_one_write(world):
    jobs = [await world.submit(gpus=1) for _ in range(3)]
    await world.one_pass()
    world.executor.end(jobs[0])
    world.executor.end(jobs[1])
    before = world.store.writer.commits
    await world.one_pass()
    assert world.store.writer.commits == before + 1
    assert await stored_states(world, *jobs) == ["completed", "completed", "scheduled"]


async def test_a_failed_commit_starts_nothing_and_the_next_pass_does(world, monkeypatch):
    job = await world.submit(gpus=1)
    ended = await world.submit(gpus=1)
    record = world.store.jobs.record

    async def full(changes: Any) -> None:
        raise WriteFailed("the disk is full")

    monkeypatch.setattr(world.store.jobs, "record", full)
    with pytest.raises(WriteFailed):
        await world.engine.passes.one()
    assert world.executor.launched == []
    assert world.books.live == {}
    assert len(world.books.pending) == 2
    assert world.books.usage.of("bio", world.clock.now()) == 0

    monkeypatch.setattr(world.store.jobs, "record", record)
    await world.one_pass()
    assert [launch.attempt for launch in world.executor.launched] == [1, 1]

    monkeypatch.setattr(world.store.jobs, "record", full)
    world.executor.end(ended)
    with pytest.raises(WriteFailed):
        await world.engine.passes.one()
    assert await world.state_of(ended) == "completed"
    monkeypatch.setattr(world.store.jobs, "record", record)
    await world.one_pass()
    assert await stored_states(world, job, ended) == ["running", "completed"]


async def test_an_impossible_change_does_not_keep_others_off_the_disk(world):
    job = await world.submit()
    await world.one_pass()
    world.engine.passes._journal.add(Started(job=JobId("999"), started_at=1.0))
    world.executor.end(job, 0)
    with pytest.raises(Exception, match="no job 999"):
        await world.engine.passes.one()
    assert await stored_states(world, job) == ["completed"]
    await world.one_pass()


async def test_the_loop_survives_a_pass_that_fails(world, monkeypatch, until):
    monkeypatch.setattr("engine.daemon.passes.RETRY_S", 0.01)
    plan, calls = world.engine.passes._plan, []

    def broken(snapshot: Any, policy: Any) -> Any:
        calls.append(snapshot)
        if len(calls) == 1:
            raise ZeroDivisionError
        return plan(snapshot, policy)

    monkeypatch.setattr(world.engine.passes, "_plan", broken)
    job = await world.submit()
    running = asyncio.create_task(world.engine.passes.run())
    await until(lambda: len(world.executor.launched) == 1)
    assert (world.engine.passes.failed, world.executor.launched[0].job) == (1, str(job))
    world.engine.passes.stop()
    await asyncio.wait_for(running, 5)


async def test_a_full_disk_is_told_in_words_and_a_defect_with_its_trace(world, caplog):
    for error, words, traced in (
        (WriteFailed("The disk is full."), "1.0 s: The disk is full.", False),
        (ZeroDivisionError("by 0"), "1.0 s: a defect (ZeroDivisionError: by 0)", True),
    ):
        world.engine.passes._failed(error)
        [told] = caplog.records
        assert words in told.message
        assert (told.exc_info is not None) is traced
        caplog.clear()


async def test_many_wakes_make_one_pass(world, until):
    running = asyncio.create_task(world.engine.passes.run())
    for _ in range(50):
        world.engine.passes.wake()
    await until(lambda: world.engine.passes.count >= 1)
    world.engine.passes.stop()
    await asyncio.wait_for(running, 5)
    assert world.engine.passes.count == 1
    assert world.engine.passes.last_at == world.clock.now()


async def test_a_lease_is_free_the_moment_its_job_ends(world):
    first, second = await world.submit(gpus=2), await world.submit(gpus=2)
    await world.one_pass()
    assert [launch.job for launch in world.executor.launched] == [str(first)]
    world.executor.end(first)
    await world.one_pass()
    assert [launch.job for launch in world.executor.launched] == [str(first), str(second)]


async def test_an_ending_that_is_told_twice_or_of_another_attempt_counts_once(world):
    job = await world.submit()
    await world.one_pass()
    world.executor.end(job, 1, attempt=2)
    assert await world.state_of(job) == "running"
    world.executor.end(job, 0)
    world.executor.end(job, 9)
    await world.one_pass()
    assert (await world.jobs.show(world.ann, job)).exit_code == 0
    assert world.books.counts()["completed"] == 1


async def test_a_start_that_breaks_off_is_begun_again_as_the_same_attempt(world, monkeypatch, until, caplog):
    monkeypatch.setattr("engine.daemon.tries.RETRY_S", 0.01)
    world.executor.breaks = 2
    job = await world.submit()
    await world.engine.passes.one()
    await until(lambda: len(world.executor.launched) == 1)
    assert (world.executor.launched[0].job, world.executor.launched[0].attempt) == (str(job), 1)
    await until(lambda: world.books.live[JobId(str(job))].state is JobState.RUNNING)
    told = [record for record in caplog.records if "trying again" in record.message]
    assert len(told) == 1  # the same words again are no news
    assert all("the supervisor went away" in one.message and one.exc_info is None for one in told)


async def test_who_owns_a_job_that_cannot_be_started_is_told_why_until_it_starts(world, monkeypatch, until):
    monkeypatch.setattr("engine.daemon.tries.RETRY_S", 0.01)
    monkeypatch.setattr("engine.daemon.startdelays.TELL_S", 0.0)
    world.executor.breaks = 10**9
    job = await world.submit()
    await world.engine.passes.one()
    await until(lambda: world.jobs._views.notices(JobId(str(job))))
    (told,) = (await world.jobs.why(world.ann, job)).notices
    assert (told["code"], told["why"]) == ("START_DELAYED", "the supervisor went away")
    world.executor.breaks = 0
    await until(lambda: world.books.live[JobId(str(job))].state is JobState.RUNNING)
    assert (await world.jobs.why(world.ann, job)).notices == []


async def test_a_start_that_broke_off_once_is_not_worth_telling(world, monkeypatch, until):
    monkeypatch.setattr("engine.daemon.tries.RETRY_S", 0.01)
    world.executor.breaks = 2
    job = await world.submit()
    told = []
    monkeypatch.setattr(world.engine.feed, "noticed", lambda *words: told.append(words))
    await world.engine.passes.one()
    await until(lambda: len(world.executor.launched) == 1)
    assert told == [], job


async def test_a_job_whose_directory_cannot_be_made_ends_and_frees_its_lease(world, until):
    job = await world.submit(gpus=2)
    (world.state / "jobs" / str(job)).write_text("in the way")
    await world.engine.passes.one()
    await until(lambda: not world.books.live)
    await world.one_pass()
    shown = await world.jobs.show(world.ann, job)
    assert (shown.state, shown.cause) == ("failed", "launch-error")


async def test_a_cancel_before_the_start_means_it_never_runs(world, monkeypatch, until):
    job = await world.submit()
    fields, gate = world.store.jobs.fields, asyncio.Event()

    async def slow(number: JobId) -> Any:
        await gate.wait()
        return await fields(number)

    monkeypatch.setattr(world.store.jobs, "fields", slow)
    await world.engine.passes.one()
    cancelling = asyncio.create_task(world.jobs.cancel(world.ann, job))
    await until(lambda: world.books.live[JobId(str(job))].cancelled)
    gate.set()
    assert (await cancelling).state == "cancelled"
    assert world.executor.launched == []


async def test_a_cancel_while_it_starts_stops_it_right_after(world, until):
    job = await world.submit()
    world.executor.gate = asyncio.Event()
    await world.engine.passes.one()
    live = world.books.live[JobId(str(job))]
    await until(lambda: live.tried)
    cancelling = asyncio.create_task(world.jobs.cancel(world.ann, job))
    await until(lambda: live.cancelled)
    world.executor.gate.set()
    await cancelling
    assert world.executor.stopped == [(JobId(str(job)), Cause.CANCELLED)]
    world.executor.end(job, None, cause=Cause.CANCELLED, signal=15)
    assert await world.state_of(job) == "cancelled"


async def test_a_group_pays_for_the_expected_run_at_once_and_for_the_real_one_at_the_end(world):
    job = await world.submit(gpus=1, cpu_cores=1, time_limit_s=100)
    await world.one_pass()
    assert world.books.usage.of("bio", world.clock.now()) == pytest.approx(101)
    world.executor.end(job, 0, ended_at=world.clock.now() + 10)
    assert world.books.usage.of("bio", world.clock.now()) == pytest.approx(10.1)
    await world.one_pass()
    on_disk = (await world.store.usage.all())["bio"]
    assert on_disk.gpu_seconds == pytest.approx(10.1)


async def test_what_is_given_back_has_faded_like_the_bill_it_is_taken_from(world):
    week = 7 * 86_400  # the half-life
    job = await world.submit(gpus=1, cpu_cores=1, time_limit_s=2 * week)
    await world.one_pass()
    world.clock.time += week
    world.executor.end(job, 0, ended_at=world.clock.now())
    assert world.books.usage.of("bio", world.clock.now()) == pytest.approx(1.01 * week / 2)
    await world.one_pass()
    on_disk = (await world.store.usage.all())["bio"]
    assert on_disk.gpu_seconds == pytest.approx(1.01 * week / 2)


async def test_what_the_host_lacks_is_no_fault_of_the_job(world, monkeypatch, until):
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tries, "RETRY_S", 0.01)
    first, second = [await world.submit(gpus=1) for _ in range(2)]
    with monkeypatch.context() as short:
        short.setattr(Path, "mkdir", full)
        await world.engine.passes.one()
        await world.jobs.cancel(world.ann, second)
        await until(lambda: JobId(str(second)) not in world.books.live)
        assert await world.state_of(first) == "scheduled"
    await until(lambda: [launch.job for launch in world.executor.launched] == [str(first)])
    assert await world.state_of(first) == "running"
    assert await world.state_of(second) == "cancelled"


async def test_what_a_job_says_of_its_end_reaches_the_engines_log_as_data(world, caplog):
    job = await world.submit()
    await world.one_pass()
    with caplog.at_level("INFO", "engine.daemon.runs"):
        world.executor.end(job, message="not found: \x1b]0;x\x07\nJob 7 ended")
    assert "not found" in caplog.text
    assert "\x1b" not in caplog.text
    assert caplog.text.count("\n") == 1
