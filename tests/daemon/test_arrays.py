"""Job arrays in the engine: what becomes of a submission, what a pass sees, and changing many elements at once."""

import dataclasses

import pytest

from config.settings import SchedulingSettings
from engine.api.asks import JobQuery
from engine.core.lifecycle import Cause
from engine.core.model import ArrayCap, JobId
from engine.protocol.errors import Refused
from engine.protocol.fields import After, JobFields
from engine.store.errors import WriteFailed


async def submit(world, array, who=None, **fields):
    (answer,) = await world.jobs.submit(
        who or world.ann, [JobFields(**{"command": ["true"], "array": array, **fields})]
    )
    assert isinstance(answer, int), answer.message
    return answer


async def refusal(action):
    with pytest.raises(Refused) as refused:
        await action
    return refused.value


async def states(world, array):
    page = await world.jobs.page(world.root, JobQuery(array=array, limit=1000))
    return {row.array_index: row.state for row in page.items}


async def test_a_submission_makes_one_job_for_each_index(world):
    first = await submit(world, "1,3,7-9", name="train", job_id="k")
    page = await world.jobs.page(world.ann, JobQuery(array=first))
    assert [(row.id, row.array_parent, row.array_index, row.job_id) for row in page.items] == [
        (first + place, first, index, f"k[{index}]") for place, index in enumerate((1, 3, 7, 8, 9))
    ]
    assert {row.name for row in page.items} == {"train"}
    detail = await world.jobs.show(world.ann, first + 2)
    assert (detail.array, detail.array_index) == ("1,3,7-9", 7)


async def test_an_uncapped_array_waits_in_the_group_of_equal_jobs(world):
    await world.submit()
    await submit(world, "0-3")
    capped = await submit(world, "0-3%2")
    keys = {group.key.array: len(group.jobs) for group in world.books.pending.groups()}
    assert keys == {None: 5, ArrayCap(parent=JobId(str(capped)), most=2): 4}


async def test_everything_is_there_again_after_a_restart(world, make):
    capped, plain = await submit(world, "0-3%2"), await submit(world, "5-6")
    before = {group.key: list(group.jobs) for group in world.books.pending.groups()}
    await world.store.close()
    again = await make()
    await again.engine.recovery.run()
    assert {group.key: list(group.jobs) for group in again.books.pending.groups()} == before
    assert [await states(again, array) for array in (capped, plain)] == [
        dict.fromkeys(range(4), "pending"),
        {5: "pending", 6: "pending"},
    ]


async def test_each_element_starts_once_and_knows_its_index(world):
    first = await submit(world, "3,5", name="train", environment={"A": "b"})
    await world.one_pass()
    seen = sorted((launch.environment for launch in world.executor.launched), key=lambda one: one["RCQ_JOB_ID"])
    assert [(one["RCQ_JOB_ID"], one["RCQ_ARRAY_INDEX"], one["SLURM_ARRAY_JOB_ID"]) for one in seen] == [
        (str(first), "3", str(first)),
        (str(first + 1), "5", str(first)),
    ]
    assert {(one["RCQ_JOB_NAME"], one["A"], one["SLURM_ARRAY_TASK_COUNT"]) for one in seen} == {("train", "b", "2")}


async def test_no_more_than_the_cap_run_at_once(world):
    """Twelve elements, two at a time; what comes after them is not held up."""
    first = await submit(world, "0-11%2")
    other = await world.submit()
    counts = []
    for _ in range(12):
        await world.one_pass()
        running = [int(job) for job in world.books.live if int(job) != other]
        counts.append(len(running))
        assert await world.state_of(other) == "running"
        world.executor.end(running[0])
    await world.one_pass()
    assert counts == [*[2] * 11, 1]
    assert await states(world, first) == dict.fromkeys(range(12), "completed")


async def test_an_array_that_is_too_large_is_refused_with_the_numbers(make):
    world = await make(scheduling=SchedulingSettings(cpu_cores=4, memory_mb=1000, max_array=10))
    await world.populate()
    ok = JobFields(command=["true"], array="0-9")
    (fits, wide) = await world.jobs.check(world.ann, [ok, dataclasses.replace(ok, array="0-10")])
    assert fits is None
    assert (wide.code, wide.details) == (
        "VALIDATION_ERROR",
        [{"field": "array", "message": "11 elements, at most 10"}],
    )


async def test_a_repeated_key_takes_nothing_in(world):
    await submit(world, "0-3", job_id="k")
    again = JobFields(command=["true"], array="3-9", job_id="k")
    (answer,) = await world.jobs.submit(world.ann, [again])
    assert (answer.code, len(world.books.pending)) == ("DUPLICATE_JOB", 4)


async def test_cancelling_all_ends_what_waits_and_what_runs_and_leaves_the_rest(world):
    beside = await world.submit(priority=1)
    first = await submit(world, "0-9", priority=9)
    await world.one_pass()
    running = sorted(int(job) for job in world.books.live)
    assert running == [first, first + 1, first + 2, first + 3]
    world.executor.end(first)
    done = await world.jobs.change_array(world.ann, first, "cancel", ())
    assert (done.changed, done.ending, done.unchanged) == (6, 3, 1)
    assert [job for job, _ in world.executor.stopped] == [str(number) for number in running[1:]]
    for number in running[1:]:
        world.executor.end(number, None, cause=Cause.CANCELLED)
    await world.one_pass()
    assert await states(world, first) == {0: "completed", **dict.fromkeys(range(1, 10), "cancelled")}
    assert await world.state_of(beside) == "running"
    assert world.books.finished["cancelled"] == 9


async def test_one_commit_however_many(world):
    first = await submit(world, "0-4999")
    before = world.store.writer.commits
    done = await world.jobs.change_array(world.ann, first, "cancel", ())
    assert done.changed == 5000
    assert world.store.writer.commits - before <= 2  # the change, and the audit entry
    assert len(world.books.pending) == 0
    [entry] = [one.entry for one in await world.store.audit.page() if one.entry.action == "job.cancel"]
    told = {"changed": 5000, "ending": 0}
    assert (entry.target, entry.owner, entry.detail) == (f"{first}[all]", "ann", told)


async def test_hold_and_release_of_some_elements(world):
    first = await submit(world, "0-9", priority=9, cpu_cores=4)
    held = await world.jobs.change_array(world.ann, first, "hold", [0, 3, 4])
    assert (held.changed, held.unchanged) == (3, 0)
    assert [index for index, state in (await states(world, first)).items() if state == "held"] == [0, 3, 4]
    again = await refusal(world.jobs.change_array(world.ann, first, "hold", [0, 3]))
    assert again.code == "INVALID_STATE"
    await world.one_pass()
    assert [int(job) for job in world.books.live] == [first + 1]
    released = await world.jobs.change_array(world.ann, first, "release", ())
    assert (released.changed, released.unchanged) == (3, 7)
    queue = [waiting for group in world.books.pending.groups() for waiting in group.jobs]
    assert [int(waiting.job) for waiting in queue] == [first, *range(first + 2, first + 10)]
    assert world.books.waiting(("account", "ann")) == 9


async def test_elements_at_the_gate_are_changed_too(world):
    before = await world.submit()
    first = await submit(world, "0-3", after=[After(id=before)])
    follower = await world.submit(after=[After(id=first + 3, when="any")])
    assert (await world.jobs.change_array(world.ann, first, "hold", [0, 1])).changed == 2
    assert (await world.jobs.change_array(world.ann, first, "release", [1])).changed == 1
    assert (await world.jobs.change_array(world.ann, first, "cancel", [2, 3])).changed == 2
    assert await states(world, first) == {0: "held", 1: "pending", 2: "cancelled", 3: "cancelled"}
    assert len(world.books.gate) == 2
    assert JobId(str(follower)) in world.books.pending
    await world.one_pass()
    world.executor.end(before)
    assert [int(job) for group in world.books.pending.groups() for _, job in group.jobs] == [first + 1]
    assert (await world.jobs.change_array(world.ann, first, "release", ())).changed == 1
    assert world.books.waiting(("account", "ann")) == 2


@pytest.mark.parametrize("step", ["cancel", "hold"])
async def test_what_cannot_be_written_down_was_not_done(world, monkeypatch, step):
    blocker = await world.submit(cpu_cores=4)
    await world.one_pass()
    first = await submit(world, "0-3")
    gated = await submit(world, "0-1", after=[After(id=blocker)])

    async def full(changes):
        raise WriteFailed("The disk is full.")

    before = [list(group.jobs) for group in world.books.pending.groups()]
    monkeypatch.setattr(world.store.jobs, "record", full)
    for array in (first, gated):
        assert (await refusal(world.jobs.change_array(world.ann, array, step, ()))).code == "SERVICE_NOT_READY"
    assert [list(group.jobs) for group in world.books.pending.groups()] == before
    assert (len(world.books.gate), len(world.books.held)) == (2, 0)
    assert world.books.waiting(("account", "ann")) == 6


@pytest.mark.parametrize(
    ("number", "elements", "said"),
    [
        (0, [9], "Array {0} has no element 9."),
        (0, [0, 1, 5, 6, 7], "Array {0} has no element 5-7."),
        (1, [], "Job {1} is an element of array {0}: {0}[1]."),
        (4, [], "Job {4} is no job array: write {4} alone."),
        (99, [], "There is no job array {99}"),
    ],
)
async def test_what_is_no_array_or_no_element_is_said(world, number, elements, said):
    first = await submit(world, "0-3")
    await world.submit()
    refused = await refusal(world.jobs.change_array(world.ann, first + number, "cancel", elements))
    assert refused.code == "JOB_NOT_FOUND"
    assert refused.message.startswith(said.format(*range(first, first + 100)))
    assert len(world.books.pending) == 5


async def test_others_change_nothing_and_see_no_names(world):
    first = await submit(world, "0-3", name="secret")
    for step in ("cancel", "hold", "release"):
        assert (await refusal(world.jobs.change_array(world.bob, first, step, ()))).code == "JOB_NOT_FOUND"
    rows = (await world.jobs.page(world.bob, JobQuery(array=first))).items
    assert [(row.array_index, row.name, row.redacted) for row in rows] == [(n, None, True) for n in range(4)]
    assert (await world.jobs.change_array(world.root, first, "cancel", ())).changed == 4


async def test_pages_of_elements_follow_each_other(world):
    first = await submit(world, "0-24")
    await world.jobs.change_array(world.ann, first, "hold", list(range(0, 25, 5)))
    seen, cursor = [], None
    while True:
        page = await world.jobs.page(world.ann, JobQuery(array=first, limit=10, cursor=cursor))
        seen += [row.array_index for row in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == list(range(25))
    held = await world.jobs.page(world.ann, JobQuery(array=first, states=("held",)))
    assert [row.array_index for row in held.items] == [0, 5, 10, 15, 20]
    some = await world.jobs.page(world.ann, JobQuery(array=first, elements=[3, 5], states=("held",)))
    assert [row.array_index for row in some.items] == [5]
    assert (
        await refusal(world.jobs.page(world.ann, JobQuery(array=first, cursor="WzEsMl0")))
    ).code == "VALIDATION_ERROR"


async def test_an_end_that_is_not_written_down_yet_is_found_by_both_states(world):
    first = await submit(world, "0-1")
    await world.one_pass()
    world.executor.end(first, 3)

    async def indices(*names):
        page = await world.jobs.page(world.ann, JobQuery(array=first, states=names))
        return [row.array_index for row in page.items]

    live = ("scheduled", "running")
    assert (await indices(*live), await indices("failed")) == ([0, 1], [0])
    await world.engine.passes.flush()
    assert (await indices(*live), await indices("failed")) == ([1], [0])


async def test_a_card_tells_which_element_is_on_it(world):
    await submit(world, "4", name="train", gpus=1)
    await world.one_pass()
    names = [user.name for card in await world.box.gpus(world.ann) for user in card.jobs]
    assert names == ["train[4]"]
