"""Who waits is told once the job has ended: with few requests, over lost events and an engine that is away."""

import asyncio

import pytest

from engine.protocol.errors import Refused, Unreachable
from rcq_tui.client.handles import watcher as watching
from rcq_tui.client.handles.asyncrcq import AsyncRcq
from rcq_tui.client.handles.asyncsweep import AsyncSweep
from rcq_tui.client.handles.outcome import NotOver
from rcq_tui.client.handles.watcher import Watcher


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(watching, "_MOST_S", 0.05)


async def test_a_thousand_waits_are_few_requests(engine, rows, until):
    calls = engine(*(rows(number) for number in range(1, 2501)))
    watcher = Watcher(calls)
    waits = asyncio.gather(*(watcher.ended(number) for number in range(1, 2501)))
    await until(lambda: calls.listeners == 1)
    for number in range(1, 2501):
        calls.end(number)
    assert [row.id for row in await waits] == list(range(1, 2501))
    assert len(calls.asked("jobs")) < 30
    assert len(calls.asked("events")) == 1
    await until(lambda: calls.listeners == 0)


async def test_an_event_is_enough(engine, rows, until, monkeypatch):
    calls = engine(rows(1), rows(2))
    watcher = Watcher(calls)
    wait = asyncio.create_task(watcher.ended(1))
    await until(lambda: calls.listeners)
    calls.emit("stats")  # from here on the stream is known to be heard
    monkeypatch.setattr(watching, "_HEARD_S", 600.0)
    await until(lambda: watcher._heard and not watcher._asked)
    seen = len(calls.asked("jobs"))
    calls.change(2, state="completed")
    calls.end(1)
    assert (await wait).state == "completed"
    assert len(calls.asked("jobs")) <= seen + 2


async def test_a_lost_event_is_noticed(engine, rows, until, monkeypatch):
    monkeypatch.setattr(watching, "_HEARD_S", 0.2)
    calls = engine(rows(1))
    wait = asyncio.create_task(Watcher(calls).ended(1))
    await until(lambda: calls.listeners)
    calls.emit("stats")
    calls.rows[1].state = "failed"  # and nobody hears of it
    assert (await wait).state == "failed"


async def test_without_a_stream_looks_come_often(engine, rows, until):
    calls = engine(rows(1))

    async def refused(after=None):
        raise Refused("RATE_LIMITED", "Too many streams.")
        yield

    calls.events = refused
    wait = asyncio.create_task(Watcher(calls).ended(1))
    await until(lambda: len(calls.asked("jobs")) > 3)
    calls.rows[1].state = "cancelled"
    assert (await wait).state == "cancelled"


async def test_it_outlasts_an_engine_that_is_away(engine, rows, until):
    calls = engine(rows(1))
    wait = asyncio.create_task(Watcher(calls).ended(1))
    await until(lambda: calls.listeners)
    calls.cut_off()
    calls.rows[1].state = "completed"
    await until(lambda: len(calls.asked("jobs")) > 4)
    assert not wait.done()
    calls.mend()
    assert (await wait).state == "completed"


async def test_patience_has_an_end_and_the_next_wait_starts_anew(engine, rows):
    calls = engine(rows(1))
    watcher = Watcher(calls, patience_s=0.2)
    calls.cut_off()
    with pytest.raises(Unreachable):
        await watcher.ended(1)
    calls.mend()
    calls.end(1)
    assert (await watcher.ended(1)).state == "completed"


async def test_no_such_job_and_no_log_in(engine, rows, until):
    calls = engine(rows(1))
    watcher = Watcher(calls)
    with pytest.raises(Refused, match="no job 9"):
        await watcher.ended(9)
    wait = asyncio.create_task(watcher.ended(1))
    await until(lambda: calls.listeners)
    calls.identity = None
    with pytest.raises(Refused, match="Log in"):
        await wait


async def test_a_defect_leaves_nobody_waiting(engine, rows):
    calls = engine(rows(1))

    async def broken(wanted):
        raise KeyError("a defect")

    calls.jobs = broken
    with pytest.raises(KeyError):
        await Watcher(calls).ended(1)


async def test_who_gives_up_is_forgotten(engine, rows, until):
    calls = engine(rows(1))
    watcher = Watcher(calls)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watcher.ended(1), 0.1)
    await until(lambda: calls.listeners == 0)
    wait = asyncio.create_task(watcher.ended(1))
    await until(lambda: calls.listeners)
    await watcher.close()
    with pytest.raises(asyncio.CancelledError):
        await wait


async def test_handles_know_how_it_ended(engine, rows, until):
    calls = engine(rows(1), rows(2, started_at=1500.0))
    rcq = AsyncRcq.over(calls)
    job = rcq.job(2)
    wait = asyncio.create_task(job.wait())
    await until(lambda: calls.listeners)
    calls.end(2, state="failed", cause="exit", started_at=1500.0)
    outcome = await wait
    assert (outcome.how, outcome.run_s, job.outcome, job.state) == ("exit 1", 500.0, outcome, "failed")
    assert str(outcome) == "job 2 failed: exit 1 after 8m20s"
    await rcq.close()
    assert calls.closed


@pytest.mark.parametrize("time_s", [0, -1, 0.0001])
async def test_what_has_ended_is_told_when_there_is_no_time(engine, rows, time_s):
    calls = engine(rows(1), rows(2))
    calls.end(1)
    async with AsyncRcq.over(calls) as rcq:
        assert (await rcq.job(1).wait(time_s)).ok
        with pytest.raises(NotOver):
            await rcq.job(2).wait(time_s)
        both = AsyncSweep(rcq._link, "both", [rcq.job(2), rcq.job(1)])
        late = both.as_completed(time_s)
        assert (await anext(late)).id == 1
        with pytest.raises(NotOver, match="job 2 is not over") as caught:
            await anext(late)
        assert caught.value.jobs == (2,)


async def test_no_time_and_no_engine_is_not_over(engine, rows):
    calls = engine(rows(1))
    calls.cut_off()
    async with AsyncRcq.over(calls) as rcq:
        with pytest.raises(NotOver):
            await rcq.job(1).wait(0)


async def test_many_that_end_one_by_one_do_not_cost_more_each(monkeypatch):
    class Waited:
        def __init__(self, number):
            self.id, self.outcome, self.end = number, None, asyncio.Event()

        async def wait(self):
            await self.end.wait()

    told = []
    jobs = [Waited(number) for number in range(200)]
    monkeypatch.setattr(asyncio, "wait", lambda *_args, **_more: pytest.fail("asks all of them for each end"))
    sweep = AsyncSweep(None, "many", jobs)
    ends = aiter(sweep.as_completed())
    for job in reversed(jobs):
        job.end.set()
        told.append((await anext(ends)).id)
    assert told == list(reversed(range(200)))


async def test_who_follows_has_no_more_patience_than_was_asked_for(engine, rows):
    calls = engine(rows(1))
    async with AsyncRcq.over(calls, patience_s=0.05) as rcq:
        calls.cut_off()
        with pytest.raises(Unreachable):
            async with asyncio.timeout(10):
                await anext(rcq.job(1).follow())
