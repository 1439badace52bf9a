"""Editing a job that waits: judged as a submission, whole or not at all, with its place and its id."""

import pytest

from engine.api.asks import AccountChange, GroupChange
from engine.core.model import JobId
from engine.protocol.errors import Refused
from engine.protocol.fields import After
from engine.protocol.people import QuotaView, ServiceView
from engine.store.errors import WriteFailed


async def edits_of(world):
    return [row.entry for row in await world.store.audit.page() if row.entry.action == "job.edit"]


async def refusal(world, job, **changes):
    with pytest.raises(Refused) as refused:
        await world.jobs.edit(world.ann, job, changes)
    return refused.value


async def test_the_job_runs_as_it_was_edited_and_keeps_its_place(world):
    job, later = await world.submit(gpus=2, name="a"), await world.submit(gpus=2)
    before = await world.jobs.show(world.ann, job)
    changes = {"gpus": 1, "time_limit_s": 77, "command": ["echo", "x"], "environment": {"A": "secret"}, "priority": 5}
    shown = await world.jobs.edit(world.ann, job, changes)
    assert (shown.id, shown.submitted_at, shown.gpus, shown.time_limit_s, shown.name) == (
        job, before.submitted_at, 1, 77, "a",
    )  # fmt: skip
    assert (shown.command, shown.command_line, shown.state) == (["echo", "x"], "echo x", "pending")
    await world.one_pass()
    (launch,) = world.executor.launched
    assert (launch.job, launch.argv, launch.time_limit_s, len(launch.lease.gpus)) == (str(job), ("echo", "x"), 77, 1)
    assert launch.environment["A"] == "secret"
    assert await world.state_of(later) == "pending"
    (entry,) = await edits_of(world)
    assert (entry.account, entry.target) == ("ann", str(job))
    assert entry.owner == "ann"
    assert entry.detail["before"] == {"gpus": 2, "time_limit_s": None}
    assert entry.detail["after"] == {"gpus": 1, "time_limit_s": 77}
    assert sorted(entry.detail["fields"]) == ["command", "environment", "gpus", "time_limit_s"]


async def test_it_is_the_same_after_a_restart(make, hands):
    old = await make(hands())
    await old.populate()
    job = await old.submit(gpus=2, priority=3)
    await old.jobs.edit(old.ann, job, {"priority": 9, "script": "exit 4", "retries": 2, "gpu_type": "A6000"})
    (group,) = old.books.pending.groups()
    new = await make(hands())
    await new.engine.recovery.run()
    assert [one.key for one in new.books.pending.groups()] == [group.key]
    assert group.key.priority == 9
    await new.one_pass()
    assert new.executor.launched[0].argv[0] == "/bin/bash"
    assert (await new.jobs.show(new.ann, job)).retries == 2


async def test_a_new_script_takes_the_place_of_the_command_and_back(world):
    job = await world.submit(command=["python"], args=["x.py"])
    shown = await world.jobs.edit(world.ann, job, {"script": "exit 1"})
    assert (shown.command, shown.args, shown.script) == (None, [], "exit 1")
    shown = await world.jobs.edit(world.ann, job, {"command": ["true"]})
    assert (shown.command, shown.script) == (["true"], None)


async def test_nothing_given_means_the_default(world):
    job = await world.submit(gpus=1, gpu_type="A6000", priority=9, tags={"a": "b"})
    shown = await world.jobs.edit(world.ann, job, {"gpu_type": None, "priority": None, "tags": None})
    assert (shown.gpu_type, shown.priority, shown.tags, shown.gpus) == (None, 5, {}, 1)


async def test_a_held_job_is_edited_and_stays_held(world):
    job = await world.submit(gpus=2)
    await world.jobs.hold(world.ann, job)
    shown = await world.jobs.edit(world.ann, job, {"gpus": 1})
    assert (shown.state, shown.gpus) == ("held", 1)
    await world.jobs.release(world.ann, job)
    await world.one_pass()
    assert len(world.executor.launched[0].lease.gpus) == 1


async def test_what_a_submission_could_not_ask_for_is_refused_whole(world):
    job = await world.submit(gpus=1)
    await world.people.set_service(world.root, ServiceView(name="fold", jobs_per_account=0))
    told = {
        "IMPOSSIBLE_REQUEST": {"gpus": 64},
        "VALIDATION_ERROR": {"service": "none"},
        "FORBIDDEN": {"group": "chem"},
        "QUOTA_EXCEEDED": {"service": "fold"},
    }
    for code, changes in told.items():
        assert (await refusal(world, job, priority=9, **changes)).code == code
    assert (await refusal(world, job, script="x", command=["y"])).code == "VALIDATION_ERROR"
    assert (await refusal(world, job, gpu_share=True)).details[0]["field"] == "gpu_share"
    shown = await world.jobs.show(world.ann, job)
    assert (shown.priority, shown.gpus, shown.service, shown.state) == (5, 1, None, "pending")
    assert await edits_of(world) == []
    await world.one_pass()
    assert len(world.executor.launched) == 1


async def test_an_admin_edits_for_the_owner_who_goes_on_paying(world):
    job = await world.submit(gpus=1)
    await world.jobs.edit(world.root, job, {"priority": 10})
    (group,) = world.books.pending.groups()
    assert (group.key.owner.account, group.key.owner.group, group.key.priority) == ("ann", "bio", 10)
    await world.jobs.edit(world.root, job, {"group": "chem"})
    (group,) = world.books.pending.groups()
    assert (group.key.owner.account, group.key.owner.group) == ("ann", "chem")


async def test_who_changed_groups_may_still_edit_what_was_submitted_before(world):
    job = await world.submit(gpus=1)
    await world.people.change_account(world.root, "ann", AccountChange(group="chem"))
    await world.jobs.edit(world.root, job, {"gpus": 2})
    (group,) = world.books.pending.groups()
    assert group.key.owner.group == "bio"


async def test_a_group_that_may_queue_no_more_does_not_get_it_by_an_edit(world):
    job = await world.submit(gpus=1)
    await world.people.change_group(world.root, "chem", GroupChange(quota=QuotaView(queued=0)))
    with pytest.raises(Refused) as refused:
        await world.jobs.edit(world.root, job, {"group": "chem"})
    assert refused.value.code == "QUOTA_EXCEEDED"
    await world.people.change_group(world.root, "bio", GroupChange(quota=QuotaView(queued=1)))
    await world.jobs.edit(world.root, job, {"gpus": 2})  # it waits already: no one more


async def test_what_runs_or_has_ended_keeps_its_request(world):
    job = await world.submit()
    await world.one_pass()
    refused = await refusal(world, job, priority=9)
    assert (refused.code, "running one keeps its request" in refused.message) == ("INVALID_STATE", True)
    world.executor.end(job)
    await world.one_pass()
    assert (await refusal(world, job, priority=9)).code == "INVALID_STATE"
    with pytest.raises(Refused) as refused:
        await world.jobs.edit(world.bob, job, {"priority": 9})
    assert refused.value.code == "JOB_NOT_FOUND"


async def test_between_two_attempts_it_can_be_edited(world):
    job = await world.submit(gpus=1, retries=1)
    await world.one_pass()
    world.executor.end(job, 1)
    await world.jobs.edit(world.ann, job, {"gpus": 2})
    await world.one_pass()
    assert [len(launch.lease.gpus) for launch in world.executor.launched] == [1, 2]
    assert [one.gpu_indices for one in (await world.jobs.show(world.ann, job)).attempts] == [[0]]


@pytest.mark.parametrize("held", [False, True])
async def test_an_edit_that_cannot_be_written_down_has_not_happened(world, monkeypatch, held):
    job = await world.submit(gpus=2)
    if held:
        await world.jobs.hold(world.ann, job)

    async def full(*_):
        raise WriteFailed("The disk is full.")

    monkeypatch.setattr(world.store.jobs, "edit", full)
    assert (await refusal(world, job, gpus=1, after=None)).code == "SERVICE_NOT_READY"
    shown = await world.jobs.show(world.ann, job)
    assert (shown.gpus, shown.state) == (2, "held" if held else "pending")
    assert world.books.waits(JobId(str(job))) is not None


async def test_what_it_waits_for_can_be_changed_and_a_circle_is_refused(world):
    first = await world.submit()
    second = await world.submit(after=[After(id=first)])
    assert world.books.gate.of(JobId(str(second))) is not None
    refused = await refusal(world, first, after=[{"id": second}])
    assert (refused.code, refused.details[0]["jobs"]) == ("VALIDATION_ERROR", [first, second, first])
    assert (await refusal(world, first, after=[{"id": first}])).details[0]["message"] == "makes a circle"
    await world.jobs.edit(world.ann, second, {"after": None})
    await world.one_pass()
    assert {launch.job for launch in world.executor.launched} == {str(first), str(second)}


async def test_a_job_can_be_put_behind_another_one_later_on(make, hands):
    old = await make(hands())
    await old.populate()
    first, second = await old.submit(), await old.submit(gpus=1)
    await old.jobs.edit(old.ann, second, {"after": [{"id": first}]})
    await old.jobs.edit(old.ann, second, {"gpus": 2})  # which leaves the gate alone
    new = await make(hands())
    await new.engine.recovery.run()
    await new.one_pass()
    assert [launch.job for launch in new.executor.launched] == [str(first)]
    new.executor.end(first)
    await new.one_pass()
    assert new.executor.launched[1].job == str(second)
    assert len(new.executor.launched[1].lease.gpus) == 2


async def test_a_begin_time_can_be_moved(world):
    job = await world.submit()
    await world.jobs.edit(world.ann, job, {"begin": world.clock.time + 100})
    await world.one_pass()
    assert world.executor.launched == []
    await world.jobs.edit(world.ann, job, {"begin": None})
    await world.one_pass()
    assert len(world.executor.launched) == 1
