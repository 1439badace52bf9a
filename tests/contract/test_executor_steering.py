"""Pausing, going on and adopting processes, asked of the fake and of the process executor alike.

What runs on other machines can neither be paused nor adopted: `tests/slurm` asks how that is told.
"""

from dataclasses import replace

import pytest

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.ports import Running
from tests.contract.executor_sides import ALL_OF_TREE, MISSING, SEVEN, TREE, WAITS, Engine, Side, launch, until

pytestmark = pytest.mark.parametrize("side", ["fake", "process"], indirect=True)


async def test_pause_stops_the_whole_tree_and_its_time_limit(side: Side, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", TREE, time_limit_s=0.6))
    await until(lambda: side.living("1") == ALL_OF_TREE)
    await engine.executor.pause(JobId("1"))
    await engine.executor.pause(JobId("1"))
    await until(lambda: side.still("1") == ALL_OF_TREE)
    await engine.executor.start(launch(side, "2", TREE, time_limit_s=1.0))
    await engine.end_of("2")
    ended = [one.job for one in engine.endings]
    assert (ended, side.still("1")) == (["2"], ALL_OF_TREE), "its limit is long over by the clock"
    await engine.executor.go_on(JobId("1"))
    assert (await engine.end_of("1")).cause is Cause.TIME_LIMIT
    assert side.living("1") == 0


async def test_a_job_goes_on_where_it_stood(side: Side, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", WAITS))
    await engine.executor.pause(JobId("1"))
    await until(lambda: side.still("1") > 0)
    await engine.executor.go_on(JobId("1"))
    await until(lambda: side.still("1") == 0)
    side.release("1")
    assert (await engine.end_of("1")).exit_code == 3


async def test_stop_of_a_paused_job(side: Side, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", TREE))
    await until(lambda: side.living("1") == ALL_OF_TREE)
    await engine.executor.pause(JobId("1"))
    await until(lambda: side.still("1") == ALL_OF_TREE)
    await engine.executor.stop(JobId("1"), Cause.CANCELLED, 5.0)
    ending = await engine.end_of("1")
    assert (ending.cause, ending.signal) == (Cause.CANCELLED, 15)
    assert side.living("1") == 0


async def test_pause_of_what_does_not_run_does_nothing(side: Side, engine: Engine) -> None:
    await engine.executor.pause(JobId("1"))
    await engine.executor.go_on(JobId("1"))
    await engine.executor.start(launch(side, "2", SEVEN))
    await engine.end_of("2")
    await engine.executor.pause(JobId("2"))
    assert [one.cause for one in engine.endings] == [Cause.EXIT]


async def test_adopt_of_a_paused_attempt(side: Side, engine: Engine) -> None:
    one = launch(side, "1", TREE)
    running = await engine.executor.start(one)
    assert running is not None
    await until(lambda: side.living("1") == ALL_OF_TREE)
    await engine.executor.pause(one.job)
    await until(lambda: side.still("1") == ALL_OF_TREE)
    await engine.executor.close()
    second = await Engine(side).open()
    found = await second.executor.adopt(one.job, 1, one.directory)
    assert isinstance(found, Running)
    assert found.paused_since is not None
    assert found.paused_since >= running.started_at
    await second.executor.go_on(one.job)
    await until(lambda: side.still("1") == 0)
    await second.executor.close()
    third = await Engine(side).open()
    again = await third.executor.adopt(one.job, 1, one.directory)
    assert isinstance(again, Running)
    assert (again.paused_since, again.paused_s > 0) == (None, True)
    await third.executor.stop(one.job, Cause.CANCELLED, 2.0)
    await third.end_of("1")
    await third.executor.close()


async def test_a_running_process_is_adopted_and_its_end_is_seen(side: Side, engine: Engine) -> None:
    process, other = side.stranger(), side.stranger()
    one = replace(launch(side, "1", MISSING), adopt=process)
    running = await engine.executor.start(one)
    assert running is not None
    assert running.pid == process.pid
    assert [engine.executor.job_of(pid) for pid in (process.pid, other.pid)] == ["1", None]
    await engine.executor.close()
    second = await Engine(side).open()
    assert await second.executor.adopt(one.job, 1, one.directory) == running
    side.leave(process.pid)
    ending = await second.end_of("1")
    assert (ending.cause, ending.exit_code, ending.signal) == (Cause.EXIT, None, None)
    assert second.executor.job_of(process.pid) is None
    side.leave(other.pid)
    await second.executor.close()


async def test_stop_of_an_adopted_process(side: Side, engine: Engine) -> None:
    process = side.stranger()
    await engine.executor.start(replace(launch(side, "1", MISSING), adopt=process))
    await engine.executor.stop(JobId("1"), Cause.CANCELLED, 2.0)
    ending = await engine.end_of("1")
    assert (ending.cause, ending.exit_code, ending.signal) == (Cause.CANCELLED, None, None)
    side.leave(process.pid)


async def test_a_pid_that_is_another_process_now_is_not_adopted(side: Side, engine: Engine) -> None:
    process = side.stranger()
    running = await engine.executor.start(replace(launch(side, "1", MISSING), adopt=replace(process, start=1)))
    assert running is not None
    assert running.pid is None
    assert (await engine.end_of("1")).cause is Cause.LAUNCH_ERROR
    side.leave(process.pid)


async def test_whose_a_process_is(side: Side, engine: Engine) -> None:
    one, two = launch(side, "1", WAITS), launch(side, "2", WAITS)
    first, second = await engine.executor.start(one), await engine.executor.start(two)
    assert first and second
    assert first.pid and second.pid
    assert [engine.executor.job_of(running.pid) for running in (first, second)] == ["1", "2"]
    for job in ("1", "2"):
        side.release(job)
        await engine.end_of(job)
    assert engine.executor.job_of(first.pid) is None
