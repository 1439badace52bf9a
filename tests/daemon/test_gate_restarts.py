"""Jobs that wait for others and for a time, taken up by the engine that comes after."""

from engine.core.model import JobId
from engine.ports import Running
from tests.daemon.gates import after, codes, launched


async def restarted(make, hands, old, *running):
    """A new engine on the old one's books, which were written up to the last commit."""
    executor = hands()
    for number in running:
        job = JobId(str(number))
        executor.found[job] = Running(job=job, attempt=1, pid=5, started_at=999_999.0)
    new = await make(executor)
    await new.engine.recovery.run()
    return new


async def test_a_chain_survives_a_restart(make, hands):
    old = await make(hands())
    await old.populate()
    first = await old.submit()
    second = await old.submit(after=after(first))
    third = await old.submit(after=after(second), begin=old.clock.now() + 60.0)
    await old.one_pass()
    await old.engine.passes.flush()
    new = await restarted(make, hands, old, first)
    assert codes(await new.jobs.show(new.ann, second)) == ["DEPENDENCY"]
    assert codes(await new.jobs.show(new.ann, third)) == ["BEGIN_TIME", "DEPENDENCY"]
    new.executor.end(first)
    await new.one_pass()
    assert launched(new) == [second]
    new.clock.time += 60.0
    new.engine.gatekeeper.due()
    new.executor.end(second)
    await new.one_pass()
    assert launched(new) == [second, third]


async def test_an_end_whose_consequences_were_not_written_has_them_after_a_restart(make, hands):
    old = await make(hands())
    await old.populate()
    first = await old.submit()
    on_good, on_bad = await old.submit(after=after(first)), await old.submit(after=after(first, when="failed"))
    behind = await old.submit(after=after(on_good))
    await old.jobs.hold(old.ann, on_good)
    await old.jobs.cancel(old.ann, first)  # on disk; what follows from it waits for a pass that never comes
    new = await restarted(make, hands, old)
    await new.one_pass()
    assert launched(new) == [on_bad]
    assert [(await new.store.jobs.job(number)).state for number in (on_good, behind)] == ["failed", "failed"]
    assert new.books.counts()["held"] == 0


async def test_who_has_passed_does_not_wait_again(make, hands):
    old = await make(hands())
    await old.populate()
    first = await old.submit()
    passed = await old.submit(after=after(first, when="any"), gpus=2)
    blocker = await old.submit(gpus=1)
    await old.one_pass()
    old.executor.end(first, 1)
    await old.one_pass()
    await old.engine.passes.flush()
    new = await restarted(make, hands, old, blocker)
    assert JobId(str(passed)) in new.books.pending
    assert len(new.books.gate) == 0


async def test_a_begin_time_that_came_while_the_engine_was_down_is_over(make, hands):
    old = await make(hands())
    await old.populate()
    number = await old.submit(begin=old.clock.now() + 60.0)
    old.clock.time += 100.0
    new = await restarted(make, hands, old)
    await new.one_pass()
    assert launched(new) == [number]
