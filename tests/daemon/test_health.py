"""Health in the engine: who is stopped and how their jobs go on, what stands over a restart, how cards come back."""

import asyncio

import pytest

from engine.core.lifecycle import Cause
from engine.daemon import health as rules
from engine.daemon.carduse import CardUse, Stranger
from engine.ports import Running
from engine.protocol.errors import Refused
from engine.store.quarantines import Quarantine

from .attempts import audit_of, id_of
from .sickcards import Canary, Cards


@pytest.fixture
def sick(make):
    """`await sick()`: a world on cards that can fail, again for a later engine. Settings of [gpu] as arguments."""
    from config.settings import GpuSettings, SimulatedCard

    made = []

    async def one(**gpu):
        cards = SimulatedCard(count=2)
        world = await make(gpu=GpuSettings(provider="simulated", simulated=(cards,), **gpu))
        if not made:
            await world.populate()
            made.append(Cards(world.clock))
        world.cards, world.canary = made[0], Canary()
        sampler, minders = world.engine.sampler, world.engine.minders
        sampler._provider = sampler._attribution = world.cards
        health = minders.control._health
        minders.healing._canary = world.canary if gpu.get("canary", True) else None
        world.engine.runs.leaving.insert(0, health.left)
        world.engine.runs.examiners.append(health)
        world.books.cards._cards.clear()
        await sampler.sample()
        return world

    return one


async def sample(world):
    await world.engine.sampler.sample()
    for _ in range(20):
        await asyncio.sleep(0)


def state(world):
    cards = world.books.cards
    return [cards.state(card, world.clock.now()) for card in cards.all()]


async def running(world, **fields):
    job = await world.submit(gpus=1, **fields)
    await world.one_pass()
    assert await world.state_of(job) == "running"
    return job


async def test_a_broken_card_is_left_and_its_job_goes_on_elsewhere_for_nothing(sick, until):
    world = await sick()
    job = await running(world, retries=0)
    world.cards.values[0]["xids"] = (79,)
    await sample(world)
    assert state(world) == ["quarantined", "ok"]
    await until(lambda: world.executor.stopped == [(id_of(job), Cause.PREEMPTED)])
    told = await world.jobs.show(world.ann, job)
    assert [notice["code"] for notice in told.notices] == ["GPU_FAULT"]
    assert (told.notices[0]["cause"], told.notices[0]["action"]) == ("off-bus", "requeue")
    world.executor.end(job, None, cause=Cause.PREEMPTED, signal=15)
    await world.one_pass()
    again = await world.jobs.show(world.ann, job)
    assert (again.state, again.attempt, again.gpu_indices) == ("running", 2, [1])
    assert again.attempts[0].message == "GPU 0 was taken out of use (off-bus: Xid 79)"
    assert world.books.live[id_of(job)].failures == 0
    view = (await world.box.gpus(world.ann))[0]
    assert (view.state, view.why, view.detail, view.since) == ("quarantined", "off-bus", "Xid 79", world.clock.now())
    await world.engine.minders.close()
    (entry,) = await audit_of(world, "gpu.quarantine")
    after = {"state": "quarantined", "cause": "off-bus", "detail": "Xid 79"}
    assert (entry.target, entry.via, entry.detail) == ("GPU-0", "engine", {"after": after})


async def test_a_program_that_errs_fails_by_itself_and_the_card_stays(sick, until):
    world = await sick()
    job = await running(world)
    world.cards.values[0]["xids"] = (13,)
    await sample(world)
    assert state(world) == ["ok", "ok"]
    told = await world.jobs.show(world.ann, job)
    assert [(notice["code"], notice["xid"]) for notice in told.notices] == [("GPU_XID", 13)]
    world.executor.end(job, 1)
    await until(lambda: id_of(job) not in world.books.live)
    await world.one_pass()
    ended = await world.jobs.show(world.ann, job)
    assert (ended.state, ended.cause, ended.exit_code) == ("failed", "exit", 1)


@pytest.mark.parametrize(("action", "cause"), [("fail", Cause.GPU_FAULT), ("requeue", Cause.PREEMPTED)])
async def test_what_died_before_anybody_looked_died_of_its_card(sick, until, action, cause):
    world = await sick(fault_action=action)
    job = await running(world)
    world.cards.values[0]["xids"] = (48,)
    world.executor.end(job, 1, ended_at=world.clock.now())
    assert id_of(job) in world.books.live  # its end waits for a reading
    await until(lambda: id_of(job) not in world.books.live or world.books.live[id_of(job)].attempt == 2)
    await world.engine.passes.flush()
    found = await world.jobs.show(world.ann, job)
    if cause is Cause.GPU_FAULT:
        assert (found.state, found.cause) == ("failed", "gpu-fault")
        assert found.message == "GPU 0 was taken out of use (ecc: Xid 48)"
    else:
        assert (found.state, found.attempts[0].cause) == ("pending", "preempted")


async def test_a_contained_error_costs_the_job_and_not_the_card(sick, until):
    world = await sick(fault_action="leave")
    job = await running(world, retries=1)
    world.cards.values[0]["xids"] = (94,)
    world.executor.end(job, 1, ended_at=world.clock.now())
    await until(lambda: id_of(job) not in world.books.live)
    await world.engine.passes.flush()
    found = await world.jobs.show(world.ann, job)
    assert (found.state, found.attempts[0].cause) == ("pending", "gpu-fault")
    assert world.books.failures[id_of(job)] == 1
    assert state(world) == ["ok", "ok"]


async def test_a_failure_long_after_the_fault_is_its_own(sick, until):
    world = await sick(fault_action="leave")
    job = await running(world)
    world.cards.values[0]["xids"] = (94,)
    await sample(world)
    world.clock.time += rules.AROUND_S + 1
    world.executor.end(job, 1, ended_at=world.clock.now())
    await until(lambda: id_of(job) not in world.books.live)
    await world.engine.passes.flush()
    assert (await world.jobs.show(world.ann, job)).cause == "exit"


async def test_a_job_that_breaks_card_after_card_runs_out_of_patience(sick):
    world = await sick()
    job = await running(world)
    world.engine.minders.control._health._moves[id_of(job)] = rules.MOST_MOVES
    world.cards.values[0]["xids"] = (79,)
    await sample(world)
    assert world.books.live[id_of(job)].stopping is Cause.GPU_FAULT
    (told,) = (await world.jobs.show(world.ann, job)).notices
    assert (told["code"], told["action"]) == ("GPU_FAULT", "fail")


@pytest.mark.parametrize("fault", ["driver", "stall"])
async def test_what_a_driver_or_a_pending_reset_is_no_reason_to_stop_anybody(sick, fault):
    world = await sick()
    job = await running(world)
    world.cards.values[0]["remap_pending"] = True
    world.cards.values[1] = {"present": False, "fault": fault}
    await sample(world)
    assert state(world) == ["quarantined", "quarantined"]
    assert world.executor.stopped == []
    assert (await world.jobs.show(world.ann, job)).notices[0]["action"] == "leave"


async def test_a_quarantine_outlasts_the_engine_and_resume_needs_a_sound_card(sick):
    world = await sick()
    world.cards.values[0]["xids"] = (119,)
    await sample(world)
    await world.engine.minders.close()
    await world.store.close()
    world = await sick()
    assert state(world) == ["quarantined", "ok"]
    waiting = await world.submit(gpus=2)
    await world.one_pass()
    (reason,) = [r for r in (await world.jobs.why(world.ann, waiting)).reasons if r["code"] == "GPU_QUARANTINED"]
    assert (reason["index"], reason["cause"]) == (0, "firmware")
    with pytest.raises(Refused) as refused:
        await world.box.resume(world.ann, "0")
    assert refused.value.code == "FORBIDDEN"
    world.canary.failed = "cuInit failed: CUDA_ERROR_NO_DEVICE"
    with pytest.raises(Refused) as refused:
        await world.box.resume(world.root, "0")
    assert refused.value.code == "INVALID_STATE"
    assert "GPU 0 stays quarantined (firmware): its test failed: cuInit failed" in refused.value.message
    await world.box.drain(world.root, "0", "reset it")
    world.canary.failed = None
    assert (await world.box.resume(world.root, "0")).state == "ok"
    assert world.canary.tested == ["GPU-0", "GPU-0"]
    await world.one_pass()
    assert await world.state_of(waiting) == "running"
    assert await world.store.quarantines.all() == {}
    with pytest.raises(Refused, match="neither drained nor quarantined"):
        await world.box.resume(world.root, "0")


@pytest.mark.parametrize(("later_s", "stopped"), [(1, [Cause.PREEMPTED]), (-1, [])])
async def test_who_was_on_a_card_that_failed_hears_of_it_from_the_next_engine(sick, later_s, stopped):
    old = await sick()
    job = await running(old)
    await old.engine.passes.flush()
    at = old.clock.now() + later_s
    await old.store.quarantines.set(Quarantine(uuid="GPU-0", cause="off-bus", detail="Xid 79", at=at))
    await old.store.close()
    world = await sick()
    found = Running(job=id_of(job), attempt=1, pid=5, started_at=world.clock.now())
    world.executor.found[id_of(job)] = found
    await world.engine.recovery.run()
    await sample(world)
    await sample(world)
    assert [cause for _, cause in world.executor.stopped] == stopped
    told = await world.jobs.show(world.ann, job)
    assert [(notice["code"], notice["index"]) for notice in told.notices] == [("GPU_FAULT", 0)] * len(stopped)


async def test_resume_does_not_wait_for_the_impossible(sick):
    world = await sick()
    job = await running(world)
    world.cards.values[0]["remap_pending"] = True
    world.cards.values[1] = {"present": False, "fault": "lost"}
    await sample(world)
    for card, words in (("0", "it is in use and cannot be tested"), ("1", "it cannot be read")):
        with pytest.raises(Refused, match=words) as refused:
            await world.box.resume(world.root, card)
        assert refused.value.code == "INVALID_STATE"
    assert world.canary.tested == []
    assert await world.state_of(job) == "running"


async def test_a_card_that_heals_is_tested_after_a_while_and_comes_back(sick, until):
    world = await sick(canary_after_s=30)
    world.cards.values[0] |= {"present": False, "fault": "hang"}
    await sample(world)
    world.cards.values[0] = {}
    await sample(world)
    world.clock.time += 29
    await sample(world)
    assert world.canary.tested == []
    world.canary.failed = "memory reads back wrong"
    world.clock.time += 1
    await sample(world)
    assert (world.canary.tested, state(world)) == (["GPU-0"], ["quarantined", "ok"])
    world.canary.failed = None
    world.clock.time += 29
    await sample(world)
    assert len(world.canary.tested) == 1  # a failed test is not tried again at once
    world.cards.used = {"GPU-0": CardUse(strangers=(stranger(),))}
    world.cards.values[0]["memory_used_mb"] = 3000
    world.clock.time += 1
    await sample(world)
    assert len(world.canary.tested) == 1  # nor beside somebody
    world.cards.used = {"GPU-0": CardUse(strangers=(stranger(300),))}  # a desktop, which never goes
    world.cards.values[0]["memory_used_mb"] = 300
    world.engine.passes._due.clear()
    await sample(world)
    assert state(world) == ["ok", "ok"]
    assert world.engine.passes._due.is_set()
    await world.engine.minders.close()
    assert [entry.target for entry in await audit_of(world, "gpu.return")] == ["GPU-0"]


async def test_without_a_test_a_healed_card_comes_back_by_itself_and_a_broken_one_does_not(sick):
    world = await sick(canary=False, canary_after_s=30)
    world.cards.values[0]["xids"] = (79,)
    world.cards.values[1] = {"present": False, "fault": "lost"}
    await sample(world)
    world.cards.values[1] = {}
    await sample(world)
    world.clock.time += 31
    await sample(world)
    assert state(world) == ["quarantined", "ok"]
    assert (await world.box.resume(world.root, "0")).state == "ok"


async def test_a_worse_fault_takes_the_place_of_a_lesser_one_and_not_the_other_way(sick):
    world = await sick()
    for values, cause in (
        ({"fault": "lost", "present": False}, "lost"),
        ({"xids": (79,)}, "off-bus"),
        ({"xids": (63,)}, "off-bus"),
    ):
        world.cards.values[0] = dict(values)
        await sample(world)
        assert world.books.cards.quarantines["GPU-0"].cause == cause
    await world.engine.minders.close()
    assert [q.cause for q in (await world.store.quarantines.all()).values()] == ["off-bus"]


def stranger(memory_mb=3000):
    return Stranger(pid=7, start=1, user="eve", command="python", account=None, memory_mb=memory_mb)


async def test_a_card_is_offered_again_when_it_was_seen_free(sick, until):
    world = await sick()
    await world.box.drain(world.root, "1", None)
    first = await running(world)
    waiting = await world.submit(gpus=1)
    world.cards.values[0]["memory_used_mb"] = 4000
    world.cards.used = {"GPU-0": CardUse(held_mb=4000)}
    await sample(world)
    began = world.engine.sampler._begun
    world.cards.used = {"GPU-0": CardUse(leaked_mb=4000)}
    world.executor.end(first)
    await world.one_pass()
    assert (await world.box.gpus(world.ann))[0].settling
    reasons = {r["code"]: r for r in (await world.jobs.why(world.ann, waiting)).reasons}
    assert reasons["GPU_SETTLING"]["index"] == 0
    await until(lambda: world.engine.sampler._begun > began)  # asked for at once
    await sample(world)
    assert (await world.box.gpus(world.ann))[0].settling
    world.cards.values[0]["memory_used_mb"], world.cards.used = 400, {"GPU-0": CardUse(leaked_mb=400)}
    await sample(world)
    assert not (await world.box.gpus(world.ann))[0].settling
    await world.one_pass()
    assert await world.state_of(waiting) == "running"


async def test_a_reading_that_began_before_the_end_tells_nothing(sick):
    world = await sick()
    first = await running(world)
    cards = world.books.cards
    before = cards.departures
    world.executor.end(first)
    cards.update(world.cards.read(), {}, before)
    for watch in world.engine.sampler.watchers:
        watch(world.clock.now())
    assert "GPU-0" in cards.settling
    await sample(world)
    assert not cards.settling


async def test_a_strangers_memory_is_no_leftover(sick):
    world = await sick()
    first = await running(world)
    world.cards.values[0]["memory_used_mb"] = 3000
    world.cards.used = {"GPU-0": CardUse(strangers=(stranger(),))}
    world.executor.end(first)
    await sample(world)
    assert world.books.cards.settling == {}


async def test_memory_that_a_dead_job_left_is_a_leak_until_it_is_gone(sick):
    world = await sick(leak_s=60, canary_after_s=30)
    first = await running(world)
    world.cards.values[0]["memory_used_mb"] = 4000
    world.cards.used = {"GPU-0": CardUse(leaked_mb=4000)}
    world.executor.end(first)
    await sample(world)
    world.clock.time += 59
    await sample(world)
    assert state(world) == ["ok", "ok"]
    assert "GPU-0" in world.books.cards.settling
    world.clock.time += 1
    await sample(world)
    view = (await world.box.gpus(world.ann))[0]
    assert (view.state, view.why, view.detail) == ("quarantined", "leak", "4000 MiB of nobody")
    world.cards.values[0]["memory_used_mb"], world.cards.used = 0, {}
    await sample(world)
    world.clock.time += 31
    await sample(world)
    assert state(world) == ["ok", "ok"]
    assert world.canary.tested == ["GPU-0"]


async def test_why_a_card_is_drained_is_told_over_a_restart(sick):
    world = await sick()
    await world.box.drain(world.root, "1", "the fan is loud")
    await world.store.close()
    world = await sick()
    view = (await world.box.gpus(world.ann))[1]
    assert (view.state, view.why, view.since) == ("drained", "the fan is loud", world.clock.now())
