"""Jobs that wait for others and for a time: taken in, let go, doomed, held, cancelled."""

import asyncio

import pytest

from engine.api.asks import JobQuery
from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from engine.store.errors import WriteFailed
from tests.daemon.gates import after, codes, launched


async def refusal(world, who=None, **fields):
    (answer,) = await world.jobs.check(who or world.ann, [JobFields(command=["true"], **fields)])
    (taken,) = await world.jobs.submit(who or world.ann, [JobFields(command=["true"], **fields)])
    assert isinstance(taken, Refused)
    assert (taken.code, taken.message) == (answer.code, answer.message)
    assert taken.code == "VALIDATION_ERROR"
    return taken


async def test_a_chain_starts_one_after_the_other(world):
    first = await world.submit()
    second = await world.submit(after=after(first))
    third = await world.submit(after=after(first, second))
    await world.one_pass()
    assert launched(world) == [first]
    row = await world.jobs.show(world.ann, third)
    assert (row.state, row.position, row.expected_start) == ("pending", None, None)
    assert row.reasons == [
        {"code": "DEPENDENCY", "job": str(first), "when": "ok", "state": "running"},
        {"code": "DEPENDENCY", "job": str(second), "when": "ok", "state": "pending"},
    ]
    assert row.after == [{"id": first, "when": "ok"}, {"id": second, "when": "ok"}]
    assert world.books.counts()["pending"] == 2
    world.executor.end(first)
    await world.one_pass()
    assert launched(world) == [first, second]
    assert [one["job"] for one in (await world.jobs.why(world.ann, third)).reasons] == [str(second)]
    world.executor.end(second)
    await world.one_pass()
    assert launched(world) == [first, second, third]
    assert world.books.counts()["pending"] == 0


async def test_what_fails_takes_with_it_what_waits_for_its_good_end_and_lets_the_others_go(world):
    first = await world.submit()
    on_good = await world.submit(after=after(first))
    behind = await world.submit(after=after(on_good), gpus=1)
    on_bad = await world.submit(after=after(first, when="failed"))
    on_any = await world.submit(after=after(behind, when="any"))
    await world.one_pass()
    world.executor.end(first, 3)
    await world.one_pass()
    assert launched(world) == [first, on_bad, on_any]
    for number, other in ((on_good, first), (behind, on_good)):
        shown = await world.jobs.show(world.ann, number)
        assert (shown.state, shown.cause, shown.attempt) == ("failed", "dependency", 0)
        assert f"only after job {other} has completed; that job has failed" in shown.message
        stored = await world.store.jobs.job(number)
        assert (stored.state, stored.cause) == ("failed", Cause.DEPENDENCY)
    assert world.books.counts()["failed"] == 3


async def test_the_end_and_all_that_follows_from_it_share_a_commit(world):
    first = await world.submit()
    second = await world.submit(after=after(first))
    await world.submit(after=after(second))
    await world.one_pass()
    world.executor.end(first, 1, cause=Cause.TIME_LIMIT)
    before = world.store.writer.commits
    await world.engine.passes.one()
    assert world.store.writer.commits == before + 1
    assert {job.state for job in await world.store.jobs.jobs([1, 2, 3])} == {"failed"}
    assert "has failed (time-limit)" in (await world.jobs.show(world.ann, second)).message


@pytest.mark.parametrize(
    ("when", "end", "fate"),
    [
        ("ok", 0, "running"),
        ("ok", 1, "hopeless"),
        ("failed", 0, "hopeless"),
        ("failed", 1, "running"),
        ("any", 1, "running"),
    ],
)
@pytest.mark.parametrize("written", [True, False])
async def test_a_job_that_has_ended_already_is_judged_at_submission(world, when, end, fate, written):
    first = await world.submit()
    await world.one_pass()
    world.executor.end(first, end)
    if written:
        await world.engine.passes.flush()
    if fate == "hopeless":
        refused = await refusal(world, after=after(first, when=when))
        assert f"Job {first} has" in refused.message
        assert "could never start" in refused.message
        assert (refused.details[0]["field"], refused.details[0]["job"]) == ("after", first)
    else:
        number = await world.submit(after=after(first, when=when))
        await world.one_pass()
        assert await world.state_of(number) == fate
    assert len(world.books.gate) == 0


async def test_jobs_that_one_may_not_know_of_are_not_there(world):
    mine, bobs = await world.submit(), await world.submit(world.bob)
    refused = await refusal(world, after=after(mine, bobs, 999))
    assert [detail["job"] for detail in refused.details] == [bobs, 999]
    assert refused.message.startswith(f"There is no job {bobs}, 999, or it is not yours")
    number = await world.submit(world.root, after=after(mine, bobs))
    assert await world.state_of(number) == "pending"
    assert world.books.gate._dependents.keys() == {str(mine), str(bobs)}  # nothing is left of what was refused


async def test_good_lines_of_a_batch_go_in_beside_hopeless_ones(world):
    first = await world.submit()
    jobs = [JobFields(command=["true"], after=after(one)) for one in (first, 999, first)]
    answers = await world.jobs.submit(world.ann, jobs)
    assert [isinstance(answer, int) for answer in answers] == [True, False, True]
    assert len(world.books.gate) == 2


async def test_an_end_while_the_submission_is_being_written_counts(world, monkeypatch):
    first = await world.submit()
    await world.one_pass()
    add = world.store.jobs.add

    async def slow(jobs, note):
        ids = await add(jobs, note)
        world.executor.end(first, 1)
        return ids

    monkeypatch.setattr(world.store.jobs, "add", slow)
    jobs = [JobFields(command=["true"], after=after(first, when=when)) for when in ("ok", "any")]
    numbers = await world.jobs.submit(world.ann, jobs)
    monkeypatch.undo()
    await world.one_pass()
    assert [await world.state_of(number) for number in numbers] == ["failed", "running"]


async def test_what_was_not_written_down_is_not_waited_for(world, monkeypatch):
    first = await world.submit()

    async def full(*_):
        raise WriteFailed("The disk is full.")

    monkeypatch.setattr(world.store.jobs, "add", full)
    with pytest.raises(Refused):
        await world.jobs.submit(world.ann, [JobFields(command=["true"], after=after(first))])
    assert not world.books.gate._dependents


async def test_a_begin_time_holds_until_it_has_come(world):
    alarms = []
    world.engine.gatekeeper.alarm = alarms.append
    now = world.clock.now()
    later = await world.submit(begin=now + 200.0)
    soon = await world.submit(begin=now + 100.0)
    over = await world.submit(begin=now - 5.0)
    await world.one_pass()
    assert launched(world) == [over]
    assert alarms == [now + 200.0, now + 100.0]
    row = await world.jobs.show(world.ann, soon)
    assert (codes(row), row.expected_start, row.basis, row.begin) == (["BEGIN_TIME"], now + 100.0, "begin", now + 100.0)
    why = await world.jobs.why(world.ann, soon)
    assert (why.expected_start, why.basis, why.position) == (now + 100.0, "begin", None)
    world.clock.time = now + 100.0
    world.engine.gatekeeper.due()
    assert alarms[2:] == [now + 200.0]
    await world.one_pass()
    assert launched(world) == [soon, over]
    assert await world.state_of(later) == "pending"


async def test_both_a_time_and_a_job_keep_it_and_no_start_is_told_then(world):
    first = await world.submit()
    number = await world.submit(after=after(first), begin=world.clock.now() + 50.0)
    row = await world.jobs.show(world.ann, number)
    assert (codes(row), row.expected_start, row.basis) == (["BEGIN_TIME", "DEPENDENCY"], None, None)


async def test_waiting_at_the_gate_buys_no_age(world):
    first = await world.submit()
    number = await world.submit(after=after(first), gpus=1)
    await world.one_pass()
    world.clock.time += 48 * 3600.0
    world.executor.end(first)
    (group,) = world.books.pending.groups()
    assert group.jobs[0].submitted_at == pytest.approx(world.clock.now())
    assert (await world.jobs.cancel(world.ann, number)).state == "cancelled"  # although its row has the old time yet
    again = await world.submit(after=after(first))
    await world.one_pass()
    assert (await world.jobs.show(world.ann, again)).submitted_at == pytest.approx(world.clock.now())


async def test_a_row_learns_when_its_job_passed(world):
    first = await world.submit()
    number = await world.submit(after=after(first), gpus=2)
    blocker = await world.submit(gpus=1)
    await world.one_pass()
    world.clock.time += 500.0
    world.executor.end(first)
    await world.one_pass()
    assert (await world.store.jobs.job(number)).submitted_at == pytest.approx(world.clock.now())
    assert await world.state_of(blocker) == "running"
    assert (await world.jobs.why(world.ann, number)).position == 1


async def test_hold_release_and_cancel_work_at_the_gate(world):
    first = await world.submit()
    number = await world.submit(after=after(first))
    behind = await world.submit(after=after(number))
    assert (await world.jobs.hold(world.ann, number)).state == "held"
    assert world.books.counts()["held"] == 1
    assert world.books.counts()["pending"] == 2
    with pytest.raises(Refused, match="is held and cannot be held"):
        await world.jobs.hold(world.ann, number)
    assert (await world.jobs.release(world.ann, number)).state == "pending"
    assert codes(await world.jobs.show(world.ann, number)) == ["DEPENDENCY"]
    assert (await world.jobs.cancel(world.ann, number)).state == "cancelled"
    await world.engine.passes.flush()
    shown = await world.jobs.show(world.ann, behind)
    assert (shown.state, shown.cause) == ("failed", "dependency")
    assert f"job {number} has completed; that job has been cancelled" in shown.message


async def test_a_held_job_whose_dependency_ends_stays_held_and_then_goes(world):
    first = await world.submit()
    good, bad = await world.submit(after=after(first)), await world.submit(after=after(first, when="failed"))
    await world.jobs.hold(world.ann, good)
    await world.jobs.hold(world.ann, bad)
    await world.one_pass()
    world.executor.end(first)
    await world.one_pass()
    assert (await world.state_of(good), await world.state_of(bad)) == ("held", "failed")
    assert launched(world) == [first]
    await world.jobs.release(world.ann, good)
    await world.one_pass()
    assert launched(world) == [first, good]


@pytest.mark.parametrize("verb", ["cancel", "hold"])
async def test_a_step_that_fails_leaves_it_as_what_happened_meanwhile_made_it(world, monkeypatch, verb):
    first = await world.submit()
    number = await world.submit(after=after(first))
    await world.one_pass()

    async def full(*_):
        world.executor.end(first)
        raise WriteFailed("The disk is full.")

    monkeypatch.setattr(world.store.jobs, "record", full)
    with pytest.raises(Refused):
        await getattr(world.jobs, verb)(world.ann, number)
    monkeypatch.undo()
    await world.one_pass()
    assert launched(world) == [first, number]


async def test_a_job_that_is_tried_again_has_not_ended(world):
    first = await world.submit(retries=1)
    number = await world.submit(after=after(first))
    await world.one_pass()
    world.executor.end(first, 1)
    await world.one_pass()
    assert await world.state_of(number) == "pending"
    world.executor.end(first, 0, attempt=2)
    await world.one_pass()
    assert await world.state_of(number) == "running"


async def test_a_listing_shows_them_behind_the_queue_page_by_page(world):
    running = await world.submit(gpus=2)
    await world.one_pass()
    at_gate = [await world.submit(after=after(running)) for _ in range(3)]
    queued = [await world.submit(gpus=2) for _ in range(2)]
    held = await world.submit(after=after(running))
    await world.jobs.hold(world.ann, held)
    bobs = await world.submit(world.bob, begin=world.clock.now() + 60)
    found, cursor = [], None
    while True:
        page = await world.jobs.page(world.ann, JobQuery(limit=2, cursor=cursor))
        found += [(row.id, row.state, row.redacted) for row in page.items]
        if (cursor := page.cursor) is None:
            break
    waiting = [*queued, *at_gate]
    assert found == [
        (running, "running", False),
        *((number, "pending", False) for number in waiting),
        (bobs, "pending", True),
        (held, "held", False),
    ]
    mine = await world.jobs.page(world.ann, JobQuery(account="ann", states=("pending",)))
    assert [row.id for row in mine.items] == waiting


async def test_a_preview_tells_what_would_keep_it(world):
    first = await world.submit()
    begin = world.clock.now() + 60.0
    found = await world.jobs.preview(world.ann, JobFields(command=["true"], begin=begin))
    assert (found.starts_now, found.expected_start, found.basis) == (False, begin, "begin")
    found = await world.jobs.preview(world.ann, JobFields(command=["true"], after=after(first)))
    assert (found.starts_now, found.expected_start) == (False, None)
    assert [reason["code"] for reason in found.reasons] == ["DEPENDENCY"]
    with pytest.raises(Refused, match="There is no job 999"):
        await world.jobs.preview(world.ann, JobFields(command=["true"], after=after(999)))
    assert world.books.gate._dependents == {}


async def test_a_long_chain_is_doomed_at_once(world):
    first = last = await world.submit()
    for _ in range(500):
        (last,) = await world.jobs.submit(world.ann, [JobFields(command=["true"], after=after(last))])
    await world.one_pass()
    world.executor.end(first, 1)
    assert world.books.counts()["failed"] == 501
    await world.engine.passes.flush()
    assert (await world.store.jobs.job(last)).state == "failed"


# ---------------------------------------------------------------- a later engine


async def test_ends_and_submissions_at_once_lose_nobody(world):
    first = await world.submit()
    await world.one_pass()

    async def one():
        (answer,) = await world.jobs.submit(world.ann, [JobFields(command=["true"], after=after(first, when="any"))])
        return answer

    taken = [asyncio.ensure_future(one()) for _ in range(20)]
    await asyncio.wait(taken, return_when=asyncio.FIRST_COMPLETED)
    world.executor.end(first)
    numbers = [await task for task in taken]
    assert len(world.books.gate) == 0
    assert all(JobId(str(number)) in world.books.pending for number in numbers)
