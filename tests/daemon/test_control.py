"""Cancel, hold and release: each step is on disk and audited, or has not happened."""

import pytest

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.protocol.errors import Refused
from engine.store.errors import WriteFailed


async def full(*_):
    raise WriteFailed("The disk is full.")


async def audited(world):
    entries = [row.entry for row in await world.store.audit.page() if row.entry.action.startswith("job.")]
    steps = [entry for entry in entries if entry.action != "job.submit"]
    return [(entry.action, entry.account, entry.detail["before"]["state"]) for entry in steps]


async def test_a_running_job_is_stopped_and_ends_as_cancelled(world):
    number = await world.submit()
    await world.one_pass()
    assert (await world.jobs.cancel(world.ann, number)).state == "running"
    assert world.executor.stopped == [(JobId(str(number)), Cause.CANCELLED)]
    world.executor.end(number, None, cause=Cause.CANCELLED, signal=15)
    assert await world.state_of(number) == "cancelled"
    assert ("job.cancel", "ann", "running") in await audited(world)
    with pytest.raises(Refused, match="cancelled and cannot be cancelled"):
        await world.jobs.cancel(world.ann, number)


async def test_a_waiting_job_leaves_the_queue_and_never_starts(world):
    number = await world.submit()
    assert (await world.jobs.cancel(world.root, number)).state == "cancelled"
    await world.one_pass()
    assert world.executor.launched == []
    assert world.books.counts()["cancelled"] == 1
    assert (await audited(world))[0] == ("job.cancel", "root", "pending")


async def test_hold_and_release_move_it_out_and_back_to_its_place(world):
    first, second = await world.submit(gpus=2), await world.submit(gpus=2)
    assert (await world.jobs.hold(world.ann, first)).state == "held"
    await world.one_pass()
    assert [launch.job for launch in world.executor.launched] == [str(second)]
    assert (await world.jobs.release(world.ann, first)).state == "pending"
    for verb, code in ((world.jobs.release, "INVALID_STATE"), (world.jobs.cancel, None), (world.jobs.hold, None)):
        if code:
            with pytest.raises(Refused) as refused:
                await verb(world.ann, first)
            assert refused.value.code == code
    assert (await world.jobs.cancel(world.ann, first)).state == "cancelled"


@pytest.mark.parametrize("verb", ["cancel", "hold"])
async def test_a_step_that_cannot_be_written_down_has_not_happened(world, monkeypatch, verb):
    number = await world.submit()
    monkeypatch.setattr(world.store.jobs, "record", full)
    with pytest.raises(Refused) as refused:
        await getattr(world.jobs, verb)(world.ann, number)
    assert refused.value.code == "SERVICE_NOT_READY"
    assert await world.state_of(number) == "pending"
    monkeypatch.undo()
    await world.one_pass()
    assert [launch.job for launch in world.executor.launched] == [str(number)]


async def test_a_release_or_cancel_of_a_held_job_that_fails_leaves_it_held(world, monkeypatch):
    number = await world.submit()
    await world.jobs.hold(world.ann, number)
    monkeypatch.setattr(world.store.jobs, "record", full)
    for verb in (world.jobs.release, world.jobs.cancel):
        with pytest.raises(Refused):
            await verb(world.ann, number)
        assert await world.state_of(number) == "held"


async def test_other_peoples_jobs_are_not_there(world):
    number = await world.submit(world.bob)
    for verb in (world.jobs.show, world.jobs.why, world.jobs.cancel, world.jobs.hold, world.jobs.release):
        with pytest.raises(Refused) as refused:
            await verb(world.ann, number)
        assert refused.value.code == "JOB_NOT_FOUND"
    with pytest.raises(Refused) as refused:
        await world.jobs.log(world.ann, number, "stdout", 0, 10)
    assert refused.value.code == "JOB_NOT_FOUND"
    assert await world.state_of(number) == "pending"


async def test_output_comes_in_whole_characters(world):
    number = await world.submit()
    await world.one_pass()
    (world.state / "jobs" / str(number) / "stdout.log").write_bytes("aä".encode() + b"\xc3")
    piece = await world.jobs.log(world.ann, number, "stdout", 0, 100)
    assert (piece.text, piece.next_offset, piece.complete) == ("aä", 3, False)
    world.executor.end(number)
    piece = await world.jobs.log(world.ann, number, "stdout", 3, 100)
    assert (piece.text, piece.next_offset, piece.complete) == ("\N{REPLACEMENT CHARACTER}", 4, True)
    piece = await world.jobs.log(world.ann, number, "stdout", -2, 1)
    assert (piece.offset, piece.next_offset, piece.complete) == (2, 3, False)
