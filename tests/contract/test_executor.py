"""What every executor must do, asked of the fake, of the process executor and of the one for Slurm alike."""

import asyncio
from collections import Counter

import pytest

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.ports import Ending, Launch, Running
from tests.contract.executor_sides import (
    ALL_OF_TREE,
    KILLED,
    MISSING,
    OK,
    SEVEN,
    TREE,
    WAITS,
    WRITES,
    Engine,
    Side,
    launch,
    until,
)


@pytest.mark.parametrize(("argv", "code"), [(OK, 0), (SEVEN, 7)], ids=["ok", "seven"])
async def test_exit_code(side: Side, engine: Engine, argv: tuple[str, ...], code: int) -> None:
    running = await engine.executor.start(launch(side, "1", argv))
    ending = await engine.end_of("1")
    assert running is not None
    assert (running.job, running.attempt, running.pid is not None) == ("1", 1, side.local)
    assert (ending.cause, ending.exit_code, ending.signal) == (Cause.EXIT, code, None)
    assert ending.started_at == running.started_at
    assert ending.ended_at >= running.started_at


async def test_killed_by_signal(side: Side, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", KILLED))
    ending = await engine.end_of("1")
    assert (ending.cause, ending.exit_code, ending.signal) == (Cause.SIGNAL, None, 9)


async def test_command_not_found_is_an_ending(side: Side, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", MISSING))
    ending = await engine.end_of("1")
    assert (ending.cause, ending.exit_code, ending.signal) == (Cause.LAUNCH_ERROR, None, None)
    assert MISSING[0] in (ending.message or "")


async def test_output_lands_in_the_files(side: Side, engine: Engine) -> None:
    one = launch(side, "1", WRITES)
    await engine.executor.start(one)
    await engine.end_of("1")
    assert (one.directory / "stdout.log").read_bytes() == b"out\n"
    assert (one.directory / "stderr.log").read_bytes() == b"err\n"


async def test_time_limit(side: Side, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", TREE, time_limit_s=0.2))
    ending = await engine.end_of("1")
    assert (ending.cause, ending.exit_code, ending.signal) == (Cause.TIME_LIMIT, None, 15)
    assert side.living("1") == 0


async def test_stop_ends_the_whole_tree(side: Side, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", TREE))
    await until(lambda: side.living("1") == ALL_OF_TREE)
    await engine.executor.stop(JobId("1"), Cause.CANCELLED, 2.0)
    ending = await engine.end_of("1")
    assert (ending.cause, ending.signal) == (Cause.CANCELLED, 15)
    assert side.living("1") == 0


async def test_stop_of_what_does_not_run_does_nothing(side: Side, engine: Engine) -> None:
    await engine.executor.stop(JobId("1"), Cause.CANCELLED, 0.0)
    await engine.executor.start(launch(side, "2", SEVEN))
    await engine.end_of("2")
    await engine.executor.stop(JobId("2"), Cause.CANCELLED, 0.0)
    assert [one.cause for one in engine.endings] == [Cause.EXIT]


async def test_adopt_while_it_runs(side: Side, engine: Engine) -> None:
    one = launch(side, "1", WAITS)
    running = await engine.executor.start(one)
    assert running is not None
    await engine.executor.close()
    second = await Engine(side).open()
    assert await second.executor.adopt(one.job, 1, one.directory) == running
    side.release("1")
    ending = await second.end_of("1")
    assert (ending.cause, ending.exit_code, ending.started_at) == (Cause.EXIT, 3, running.started_at)
    assert engine.endings == []
    await second.executor.close()


async def test_stop_of_an_adopted_attempt(side: Side, engine: Engine) -> None:
    one = launch(side, "1", TREE)
    await engine.executor.start(one)
    await until(lambda: side.living("1") == ALL_OF_TREE)
    await engine.executor.close()
    second = await Engine(side).open()
    assert isinstance(await second.executor.adopt(one.job, 1, one.directory), Running)
    await second.executor.stop(one.job, Cause.CANCELLED, 2.0)
    assert (await second.end_of("1")).cause is Cause.CANCELLED
    assert side.living("1") == 0
    await second.executor.close()


async def test_adopt_after_it_ended_meanwhile(side: Side, engine: Engine) -> None:
    one = launch(side, "1", WAITS)
    await engine.executor.start(one)
    await engine.executor.close()
    side.release("1")
    await until(lambda: side.living("1") == 0)
    second = await Engine(side).open()
    found = await adopted_ending(second, one)
    assert (found.cause, found.exit_code, found.attempt) == (Cause.EXIT, 3, 1)
    await second.executor.close()


async def adopted_ending(engine: Engine, one: Launch) -> Ending:
    """The job's processes are gone a moment before its end is written: then it still counts as running."""
    found = await engine.executor.adopt(one.job, one.attempt, one.directory)
    if isinstance(found, Running):
        return await engine.end_of(one.job)
    assert isinstance(found, Ending)
    assert engine.endings == [], "an ending that adopt returns is not told again"
    return found


async def test_adopt_what_never_began(side: Side, engine: Engine) -> None:
    one = launch(side, "1", SEVEN)
    assert await engine.executor.adopt(one.job, 1, one.directory) is None
    assert await engine.executor.adopt(JobId("2"), 1, side.root / "jobs" / "2") is None
    await engine.executor.start(one)
    await engine.end_of("1")
    assert await engine.executor.adopt(one.job, 2, one.directory) is None, "the end of attempt 1 is not that of 2"


async def test_second_start_of_an_attempt_runs_it_once(side: Side, engine: Engine) -> None:
    one = launch(side, "1", WRITES)
    await asyncio.gather(engine.executor.start(one), engine.executor.start(one))
    await engine.end_of("1")
    await engine.executor.start(one)
    second = await Engine(side).open()
    await second.executor.start(one)
    assert (await second.end_of("1")).exit_code == 0
    assert (one.directory / "stdout.log").read_bytes() == b"out\n"
    assert len(engine.endings) == 1
    await second.executor.close()


async def test_next_attempt_runs_again(side: Side, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", SEVEN))
    await engine.end_of("1")
    await engine.executor.start(launch(side, "1", OK, attempt=2))
    await until(lambda: len(engine.endings) == 2)
    assert [(one.attempt, one.exit_code) for one in engine.endings] == [(1, 7), (2, 0)]


async def test_many_at_once(side: Side, engine: Engine) -> None:
    jobs = [launch(side, str(number), SEVEN if number % 2 else WRITES) for number in range(60)]
    started = await asyncio.gather(*(engine.executor.start(one) for one in jobs))
    assert [one and one.job for one in started] == [one.job for one in jobs]
    await until(lambda: len(engine.endings) == 60)
    assert Counter((one.job, one.exit_code) for one in engine.endings) == {
        (one.job, 7 if int(one.job) % 2 else 0): 1 for one in jobs
    }
