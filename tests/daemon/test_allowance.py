"""Waiting jobs and submissions a minute against quotas: at submission, with numbers, all or nothing per job."""

import asyncio

import pytest

from config.settings import QuotaSettings
from engine.api.asks import AccountChange, GroupChange
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from engine.protocol.people import QuotaView, ServiceView


def jobs(count, **fields):
    return [JobFields(command=["true"], **fields) for _ in range(count)]


async def limit(world, **quota):
    await world.people.change_account(world.root, "ann", AccountChange(quota=QuotaView(**quota)))


def codes(answers):
    return [answer.code if isinstance(answer, Refused) else "taken" for answer in answers]


def waiting(world, name="ann", scope="account"):
    return world.books.waiting((scope, name))


async def test_the_job_that_is_one_too_many_is_refused_with_the_numbers(world):
    await limit(world, queued=2)
    *_, refused = answers = await world.jobs.submit(world.ann, jobs(3))
    assert codes(answers) == ["taken", "taken", "QUOTA_EXCEEDED"]
    (detail,) = refused.details
    assert {name: detail[name] for name in ("scope", "name", "resource", "limit", "used", "wanted")} == {
        "scope": "account", "name": "ann", "resource": "queued", "limit": 2, "used": 2, "wanted": 1,
    }  # fmt: skip
    assert "At most 2 jobs of account ann may wait; 2 do" in refused.message
    assert codes(await world.jobs.submit(world.bob, jobs(3))) == ["taken"] * 3


async def test_what_starts_or_is_cancelled_makes_room_and_what_is_held_does_not(world):
    await limit(world, queued=2)
    first, second = await world.jobs.submit(world.ann, jobs(2))
    await world.jobs.hold(world.ann, first)
    assert codes(await world.jobs.submit(world.ann, jobs(1))) == ["QUOTA_EXCEEDED"]
    await world.one_pass()
    assert waiting(world) == 1
    assert codes(await world.jobs.submit(world.ann, jobs(2))) == ["taken", "QUOTA_EXCEEDED"]
    await world.jobs.cancel(world.ann, first)
    assert codes(await world.jobs.submit(world.ann, jobs(2))) == ["taken", "QUOTA_EXCEEDED"]
    assert await world.state_of(second) == "running"


async def test_who_waits_at_the_gate_counts(world):
    await limit(world, queued=1)
    later = world.clock.now() + 3600
    assert codes(await world.jobs.submit(world.ann, jobs(2, begin=later))) == ["taken", "QUOTA_EXCEEDED"]
    assert len(world.books.pending) == 0
    assert waiting(world) == 1


async def test_an_array_goes_in_whole_or_not_at_all(world):
    await limit(world, queued=10)
    assert codes(await world.jobs.submit(world.ann, jobs(1, array="0-10"))) == ["QUOTA_EXCEEDED"]
    assert waiting(world) == 0
    answers = await world.jobs.submit(world.ann, [*jobs(1, array="0-8"), *jobs(1, array="0-1"), *jobs(1)])
    assert codes(answers) == ["taken", "QUOTA_EXCEEDED", "taken"]
    assert answers[1].details[0]["wanted"] == 2
    assert waiting(world) == 10


async def test_groups_and_services_have_their_own(world):
    await world.people.set_service(
        world.root, ServiceView(name="fold", jobs_per_account=None, quota=QuotaView(queued=1))
    )
    await world.people.change_group(world.root, "bio", GroupChange(quota=QuotaView(queued=2)))
    answers = await world.jobs.submit(world.ann, [*jobs(2, service="fold"), *jobs(2)])
    assert codes(answers) == ["taken", "QUOTA_EXCEEDED", "taken", "QUOTA_EXCEEDED"]
    assert [answer.details[0]["scope"] for answer in answers if isinstance(answer, Refused)] == ["service", "group"]
    assert codes(await world.jobs.submit(world.bob, jobs(1, service="fold"))) == ["QUOTA_EXCEEDED"]


async def test_two_batches_at_once_do_not_both_get_the_last_place(world):
    await limit(world, queued=5)
    answers = await asyncio.gather(*[world.jobs.submit(world.ann, jobs(4)) for _ in range(2)])
    assert sorted(codes([one for answer in answers for one in answer])) == ["QUOTA_EXCEEDED"] * 3 + ["taken"] * 5
    assert waiting(world) == 5


async def test_what_was_not_taken_in_counts_no_more(world, monkeypatch):
    from engine.store.errors import WriteFailed

    await limit(world, queued=1)
    add = world.store.jobs.add

    async def full(*_):
        raise WriteFailed("The disk is full.")

    monkeypatch.setattr(world.store.jobs, "add", full)
    with pytest.raises(Refused, match="full"):
        await world.jobs.submit(world.ann, jobs(1))
    monkeypatch.setattr(world.store.jobs, "add", add)
    assert codes(await world.jobs.submit(world.ann, jobs(1, job_id="k"))) == ["taken"]
    await world.jobs.cancel(world.ann, 1)
    assert codes(await world.jobs.submit(world.ann, jobs(1, job_id="k"))) == ["DUPLICATE_JOB"]
    assert codes(await world.jobs.submit(world.ann, jobs(1))) == ["taken"]


async def test_a_check_and_a_preview_say_the_same_and_take_nothing(world):
    await limit(world, queued=1, submissions_per_minute=1)
    for _ in range(3):
        checked = await world.jobs.check(world.ann, jobs(2))
        assert [answer and answer.code for answer in checked] == [None, "QUOTA_EXCEEDED"]
    await world.jobs.submit(world.ann, jobs(1))
    with pytest.raises(Refused, match="may wait"):
        await world.jobs.preview(world.ann, jobs(1)[0])


async def test_submissions_a_minute_are_a_bucket_that_fills_evenly(world):
    await limit(world, submissions_per_minute=6)
    answers = await world.jobs.submit(world.ann, [*jobs(1, gpus=9), *jobs(5), *jobs(1, array="0-9"), *jobs(1)])
    assert codes(answers) == ["IMPOSSIBLE_REQUEST", *["taken"] * 6, "RATE_LIMITED"]
    assert answers[-1].retry_after_s == pytest.approx(10.0)
    assert answers[-1].details[0]["retry_after_s"] == pytest.approx(10.0)
    assert "Try again in 10 s" in answers[-1].message
    world.clock.time += 9.9
    assert codes(await world.jobs.submit(world.ann, jobs(1))) == ["RATE_LIMITED"]
    world.clock.time += 10.2
    assert codes(await world.jobs.submit(world.ann, jobs(3))) == ["taken", "taken", "RATE_LIMITED"]
    world.clock.time -= 1000.0  # a clock that is set back makes nobody wait longer than a minute
    (refused,) = await world.jobs.submit(world.ann, jobs(1))
    assert refused.retry_after_s < 60
    world.clock.time += 3600.0
    assert codes(await world.jobs.submit(world.ann, jobs(7))) == ["taken"] * 6 + ["RATE_LIMITED"]


async def test_lines_of_files_have_a_limit_of_their_own(world):
    await limit(world, submissions_per_minute=1, ingest_per_minute=3)
    assert codes(await world.jobs.submit(world.ann, jobs(4), many=True)) == ["taken"] * 3 + ["RATE_LIMITED"]
    assert codes(await world.jobs.submit(world.ann, jobs(2))) == ["taken", "RATE_LIMITED"]
    (refused,) = await world.jobs.submit(world.ann, jobs(1), many=True)
    assert refused.details[0]["resource"] == "ingest_per_minute"
    assert refused.details[0]["retry_after_s"] == refused.retry_after_s == pytest.approx(20.0)
    assert "may ingest 3 jobs a minute" in refused.message
    world.clock.time += 20.1
    assert codes(await world.jobs.submit(world.ann, jobs(2), many=True)) == ["taken", "RATE_LIMITED"]


async def test_without_one_it_follows_from_that_of_submissions(world):
    await limit(world, submissions_per_minute=2)
    assert codes(await world.jobs.submit(world.ann, jobs(201), many=True)) == ["taken"] * 200 + ["RATE_LIMITED"]
    await limit(world, ingest_per_minute=0)
    assert codes(await world.jobs.submit(world.ann, jobs(1), many=True)) == ["QUOTA_EXCEEDED"]
    assert codes(await world.jobs.submit(world.ann, jobs(1))) == ["taken"]


async def test_a_limit_of_none_a_minute_is_no_matter_of_waiting(world):
    await limit(world, submissions_per_minute=0)
    (refused,) = await world.jobs.submit(world.ann, jobs(1))
    assert (refused.code, refused.retry_after_s) == ("QUOTA_EXCEEDED", None)


async def test_the_settings_limit_accounts_without_a_quota_of_their_own(make):
    world = await make(quota=QuotaSettings(account_queued=1, submissions_per_minute=2, account_gpus=1))
    await world.populate()
    assert codes(await world.jobs.submit(world.ann, jobs(2))) == ["taken", "QUOTA_EXCEEDED"]
    assert codes(await world.jobs.submit(world.bob, jobs(1, gpus=2))) == ["QUOTA_EXCEEDED"]
    await limit(world, jobs=50)
    assert codes(await world.jobs.submit(world.ann, jobs(5))) == ["taken"] * 5
    assert codes(await world.jobs.submit(world.ann, jobs(1, gpus=2))) == ["taken"]


async def test_a_restart_counts_again_from_what_is_on_disk(make):
    old = await make()
    await old.populate()
    await limit(old, queued=4)
    first, *_ = await old.jobs.submit(old.ann, [*jobs(2), *jobs(1, begin=old.clock.now() + 60)])
    await old.jobs.hold(old.ann, first)
    new = await make()
    await new.engine.recovery.run()
    assert waiting(new) == 3
    assert codes(await new.jobs.submit(new.ann, jobs(2))) == ["taken", "QUOTA_EXCEEDED"]
