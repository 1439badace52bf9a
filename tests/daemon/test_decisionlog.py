"""What passes leave in the decision log, and what happens when they cannot."""

from typing import Any

import pytest

from config.settings import RetentionSettings
from engine.core import record as records
from engine.core.decisions import Plan, Preempt
from engine.core.model import JobId
from engine.core.policy import Policy
from engine.core.replay import differences, planned_again
from engine.core.snapshot import Claim, Lease
from engine.daemon import decisionlog
from engine.daemon.replay import read, replay
from engine.daemon.replaywords import story
from engine.store.decisions import Logged, logged
from engine.store.errors import WriteFailed


def log_of(world: Any) -> list[Any]:
    return list(logged(world.state / "rcq.db"))


async def test_a_pass_that_starts_something_leaves_a_record_in_the_same_commit(world):
    job = await world.submit(gpus=2, priority=9)
    waiting = [await world.submit(gpus=2) for _ in range(20)]
    before = world.store.writer.commits
    await world.one_pass()
    assert world.store.writer.commits == before + 1
    (one,) = log_of(world)
    record = read(one)
    assert (one.at, record.moment.snapshot.now) == (world.clock.now(), world.clock.now())
    assert [start.lease.job for start in record.moment.outcome.plan.starts] == [str(job)]
    (queue,) = (queue for queue in record.moment.queues if queue.key.priority == 5)
    assert queue.count == len(waiting)
    assert len(queue.heads) < len(waiting)
    assert set(record.steady.groups) == {"bio", "chem", "ops"}
    replayed = replay(log_of(world))
    assert (replayed.passes, replayed.differences) == (1, [])


async def test_a_pass_that_starts_nothing_leaves_nothing(world):
    await world.submit(gpus=2)
    await world.one_pass()
    await world.submit(gpus=2)
    await world.one_pass()
    await world.one_pass()
    assert len(log_of(world)) == 1


async def test_a_pass_that_only_stops_something_leaves_a_record_too(world, key):
    await world.submit(gpus=1)
    snapshot = world.books.snapshot(world.clock.now())
    victim = Lease(job=JobId("7"), key=key(gpus=1), gpus=(), started_at=0.0, expected_end=1.0)
    claim = Claim(job=JobId("1"), key=key(gpus=1), submitted_at=0.0, gpus=())
    stops = Preempt(victim=victim, by=claim, rule="priority", lost_gpu_s=60.0)
    decided = Plan(now=snapshot.now, starts=(), reservations=(), holds=(), hot=frozenset(), preemptions=(stops,))
    (made,) = world.engine.decisions.note(snapshot, Policy(), decided)
    record = read(Logged(id=1, at=made.at, steady=made.steady, own=made.blob))
    assert record.moment.outcome.plan == decided
    (found,) = (one for one in differences(record, planned_again(record)) if one.what == "preemption")
    assert (found.job, found.decided, found.now) == ("7", stops, None)
    assert story(record)["stopped"] == ["job 7 of ann (bio) is stopped for job 1 (priority), which gets no card"]


async def test_what_records_have_in_common_is_kept_once_until_it_changes(world):
    for _ in range(3):
        world.executor.end(await world.submit(gpus=1)) if world.executor.launched else await world.submit(gpus=1)
        await world.one_pass()
    log = log_of(world)
    assert len({one.steady for one in log}) == 1
    await world.engine.register.load()  # the same again, as new objects
    await world.submit(gpus=0)
    await world.one_pass()
    assert len({one.steady for one in log_of(world)}) == 1
    assert await world.store.readers.read(lambda db: db.table("decision_parts").count) == 1


async def test_a_record_goes_the_way_of_the_commit_that_it_is_in(world, monkeypatch):
    await world.submit(gpus=1)
    record = world.store.jobs.record

    async def full(changes: Any) -> None:
        raise WriteFailed("the disk is full")

    monkeypatch.setattr(world.store.jobs, "record", full)
    with pytest.raises(WriteFailed):
        await world.engine.passes.one()
    monkeypatch.setattr(world.store.jobs, "record", record)
    await world.one_pass()
    assert len(log_of(world)) == 1


async def test_a_record_that_cannot_be_made_costs_no_start_and_is_told_once(world, monkeypatch, caplog):
    monkeypatch.setattr(records, "MOST_HEADS", 0)
    for _ in range(2):
        await world.submit(gpus=1)
        await world.one_pass()
    assert len(world.executor.launched) == 2
    assert log_of(world) == []
    assert world.engine.decisions.broken == 2
    assert caplog.text.count("leaves no record") == 1
    monkeypatch.undo()
    await world.submit(gpus=0)
    await world.one_pass()
    assert len(log_of(world)) == 1


async def test_no_log_is_kept_where_none_is_wanted(make):
    world = await make(retention=RetentionSettings(decisions_mb=0))
    await world.populate()
    await world.submit(gpus=1)
    await world.one_pass()
    assert len(world.executor.launched) == 1
    assert log_of(world) == []


async def test_pruning_keeps_what_the_settings_keep(make):
    world = await make(retention=RetentionSettings(decisions_days=1.0))
    await world.populate()
    for _ in range(2):
        await world.submit(gpus=0)
        await world.one_pass()
        world.clock.time += 50_000.0
    await world.engine.decisions.prune()
    (left,) = log_of(world)
    assert left.at == world.clock.now() - 50_000.0


async def test_a_busy_hour_is_pruned_before_it_is_over(world, monkeypatch, until):
    monkeypatch.setattr(world.engine.decisions, "_keep_bytes", 2000)
    for _ in range(4):
        await world.submit(gpus=0)
        await world.one_pass()
        await until(lambda: world.engine.decisions._pruning is not None and world.engine.decisions._pruning.done())
    assert 0 < sum(len(one.own) for one in log_of(world)) <= 2000 + 2000 // decisionlog.PRUNES


async def test_a_log_that_cannot_be_shortened_is_told_and_goes_on(world, monkeypatch, caplog):
    async def full(**_: Any) -> None:
        raise WriteFailed("the disk is full")

    monkeypatch.setattr(world.store.decisions, "prune", full)
    await world.engine.decisions.prune()
    assert "was not shortened: the disk is full" in caplog.text
