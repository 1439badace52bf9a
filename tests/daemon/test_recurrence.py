"""Recurring jobs: copies at each turn, quotas, refusals, hold, cancel, and turns missed while the engine was down."""

import logging

import pytest

from engine.api.asks import AccountChange
from engine.core.model import JobId
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from engine.protocol.people import QuotaView
from engine.store.errors import WriteFailed

EVERY_MINUTE = "* * * * *"


def next_minute(now: float) -> float:
    return now - now % 60 + 60


async def turn(world, at=None):
    """The clock comes to the next turn, and that is taken."""
    gate = world.books.gate
    world.clock.time = at if at is not None else gate.next_at()
    world.engine.gatekeeper.due()
    await world.engine.recurrence.settle()


def pending(world):
    return [int(waiting.job) for group in world.books.pending.groups() for waiting in group.jobs]


async def test_a_copy_comes_at_each_turn_and_the_template_never_runs(world):
    alarms = []
    world.engine.gatekeeper.alarm = alarms.append
    first = next_minute(world.clock.now())
    template = await world.submit(cron=EVERY_MINUTE, name="nightly", job_id="mine", gpus=1, tags={"a": "b"})
    shown = await world.jobs.show(world.ann, template)
    assert (shown.state, shown.position, shown.cron, shown.expected_start) == ("pending", None, EVERY_MINUTE, first)
    await turn(world)
    await turn(world)
    assert alarms == [first, first + 60.0, first + 120.0]
    copies = pending(world)
    assert copies == [template + 1, template + 2]
    for number in copies:
        copy = await world.jobs.show(world.ann, number)
        assert (copy.name, copy.gpus, copy.tags, copy.cron_of) == ("nightly", 1, {"a": "b"}, template)
        assert (copy.job_id, copy.cron, copy.begin, copy.account) == (None, None, None, "ann")
    await world.engine.sampler.sample()  # a reading from two minutes ago would count for nothing
    await world.one_pass()
    assert sorted(int(launch.job) for launch in world.executor.launched) == copies
    assert (await world.jobs.show(world.ann, template)).expected_start == first + 120.0


async def test_the_first_copy_waits_for_the_begin_time(world):
    begin = next_minute(world.clock.now()) + 3600.0
    for given, first in ((begin, begin), (begin + 1, begin + 60.0), (world.clock.now() - 5, begin - 3600.0)):
        number = await world.submit(cron=EVERY_MINUTE, begin=given)
        assert (await world.jobs.show(world.ann, number)).expected_start == first


@pytest.mark.parametrize("line", ["61 * * * *", "* * * *", "0 0 30 2 *"])
async def test_a_wrong_line_is_refused_with_its_field(world, line):
    (refused,) = await world.jobs.submit(world.ann, [JobFields(command=["true"], cron=line)])
    assert isinstance(refused, Refused)
    assert (refused.code, refused.details[0]["field"]) == ("VALIDATION_ERROR", "cron")
    assert len(world.books.gate) == 0


async def test_a_copy_that_the_quota_refuses_is_the_templates_message_and_the_next_turn_comes(world, caplog):
    template = await world.submit(cron=EVERY_MINUTE, gpus=2)
    await world.people.change_account(world.root, "ann", AccountChange(quota=QuotaView(gpus=1)))
    with caplog.at_level(logging.WARNING):
        await turn(world)
    assert f"Recurring job {template} was not submitted" in caplog.text
    await world.engine.passes.flush()
    shown = await world.jobs.show(world.ann, template)
    assert shown.message.startswith("Not submitted: The quota never allows it: gpus 2 of at most 1")
    assert pending(world) == []
    await world.people.change_account(world.root, "ann", AccountChange(quota=QuotaView()))
    await turn(world)
    assert len(pending(world)) == 1
    assert (await world.jobs.show(world.ann, template)).message is None


async def test_a_disabled_owner_gets_no_copies(world):
    template = await world.submit(cron=EVERY_MINUTE)
    await world.people.change_account(world.root, "ann", AccountChange(disabled=True))
    await turn(world)
    await world.engine.passes.flush()
    assert pending(world) == []
    assert "disabled" in (await world.jobs.show(world.root, template)).message


async def test_a_full_disk_puts_a_turn_off_a_little(world, monkeypatch):
    template = await world.submit(cron="0 0 * * *")

    async def full(jobs):
        raise WriteFailed("The disk is full.")

    monkeypatch.setattr(world.store.jobs, "add", full)
    await turn(world)
    monkeypatch.undo()
    assert world.books.gate.next_at() == world.clock.now() + 60.0
    await turn(world)
    assert pending(world) == [template + 1]


async def test_a_turn_that_trips_over_a_defect_does_not_end_the_recurrence(world, monkeypatch, caplog):
    await world.submit(cron=EVERY_MINUTE)

    async def broken(job):
        raise ZeroDivisionError

    monkeypatch.setattr(world.engine.recurrence._store, "fields", broken)
    await turn(world)
    monkeypatch.undo()
    assert "A turn of job" in caplog.text
    await turn(world)
    assert len(pending(world)) == 1


async def test_hold_pauses_release_goes_on_and_cancel_ends_it(world):
    template = await world.submit(cron=EVERY_MINUTE)
    await world.jobs.hold(world.ann, template)
    await turn(world)
    await turn(world)
    assert pending(world) == []
    assert (await world.jobs.release(world.ann, template)).state == "pending"
    await turn(world)
    assert len(pending(world)) == 1
    assert (await world.jobs.cancel(world.ann, template)).state == "cancelled"
    assert world.books.gate.next_at() is None
    await turn(world, world.clock.now() + 600.0)
    assert len(pending(world)) == 1


async def test_a_template_that_is_cancelled_while_its_turn_is_taken_does_not_come_again(world):
    template = await world.submit(cron=EVERY_MINUTE)
    world.clock.time = world.books.gate.next_at()
    world.engine.gatekeeper.due()
    await world.jobs.cancel(world.ann, template)
    await world.engine.recurrence.settle()
    assert world.books.gate.next_at() is None
    assert len(world.books.gate) == 0


async def test_a_copy_comes_even_if_the_one_before_still_runs(world):
    await world.submit(cron=EVERY_MINUTE)
    await turn(world)
    await world.one_pass()
    await turn(world)
    await world.one_pass()
    assert world.books.counts()["running"] == 2


async def test_turns_missed_while_the_engine_was_down_make_one_copy(make, hands):
    old = await make(hands())
    await old.populate()
    template = await old.submit(cron=EVERY_MINUTE)
    at = old.books.gate.next_at()
    old.clock.time = at + 600.0
    new = await make(hands())
    await new.engine.recovery.run()
    await new.engine.recurrence.settle()
    assert pending(new) == [template + 1]
    assert new.books.gate.next_at() == at + 660.0
    third = await make(hands())
    await third.engine.recovery.run()
    await third.engine.recurrence.settle()
    assert pending(third) == [template + 1]
    assert third.books.gate.next_at() == at + 660.0
    assert JobId(str(template)) in third.books.gate


async def test_a_turn_that_was_skipped_on_hold_is_not_made_up_for(make, hands):
    old = await make(hands())
    await old.populate()
    template = await old.submit(cron=EVERY_MINUTE)
    await old.jobs.hold(old.ann, template)
    await turn(old)
    await old.jobs.release(old.ann, template)
    await old.engine.passes.flush()
    new = await make(hands())
    await new.engine.recovery.run()
    await new.engine.recurrence.settle()
    assert pending(new) == []


async def test_each_turn_of_a_recurring_array_is_a_whole_array(world):
    template = await world.submit(cron=EVERY_MINUTE, array="1-3")
    assert len(world.books.gate) == 1
    await turn(world)
    assert pending(world) == [template + 1, template + 2, template + 3]
    indices = [(await world.jobs.show(world.ann, number)).array_index for number in pending(world)]
    assert indices == [1, 2, 3]
