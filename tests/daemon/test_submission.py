"""Submission: defaults, what is refused and why, order, and that good jobs go in whatever the bad ones hold."""

import asyncio

import pytest

from config.settings import SchedulingSettings
from engine.api.asks import AccountChange, GroupChange
from engine.core.model import JobId
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from engine.protocol.people import QuotaView, ServiceView
from engine.store.errors import WriteFailed


def job(**fields):
    return JobFields(command=["true"], **fields)


async def refusal(world, who=None, **fields):
    (answer,) = await world.jobs.check(who or world.ann, [job(**fields)])
    (taken,) = await world.jobs.submit(who or world.ann, [job(**fields)])
    assert isinstance(taken, Refused)
    assert (taken.code, taken.message) == (answer.code, answer.message)
    return taken


async def test_defaults_are_filled_in_and_submitted_at_is_the_engines(world):
    number = await world.submit(submitted_at=5.0, gpu_type="RTX  A6000", gpus=1)
    shown = await world.jobs.show(world.ann, number)
    assert (shown.group, shown.time_limit_s, shown.gpu_type) == ("bio", 86_400, "rtx a6000")
    assert shown.submitted_at == pytest.approx(world.clock.now(), abs=1e-3)


async def test_good_jobs_go_in_beside_bad_ones_in_order(world):
    jobs = [job(name=str(n), gpus=9 if n % 3 == 1 else 0) for n in range(9)]
    answers = await world.jobs.submit(world.ann, jobs)
    numbers = [answer for answer in answers if isinstance(answer, int)]
    assert [isinstance(answer, Refused) for answer in answers] == [n % 3 == 1 for n in range(9)]
    assert numbers == sorted(numbers)
    assert len(numbers) == 6
    (group,) = world.books.pending.groups()
    assert [int(waiting.job) for waiting in group.jobs] == numbers


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "admin"}, {"group": "chem"}])
async def test_who_was_changed_while_a_file_is_on_its_way_takes_nothing_more_in(world, change):
    assert isinstance(await world.submit(), int)
    await world.people.change_account(world.root, "ann", AccountChange(**change))
    assert (await refusal(world)).code == "UNAUTHENTICATED"
    assert len(world.books.pending) == 1


async def test_batches_at_the_same_instant_keep_their_order(world):
    first = await world.jobs.submit(world.ann, [job(priority=5) for _ in range(2000)])
    second = await world.jobs.submit(world.ann, [job(priority=5) for _ in range(10)])
    (group,) = world.books.pending.groups()
    assert [int(waiting.job) for waiting in group.jobs] == [*first, *second]
    assert len({waiting.submitted_at for waiting in group.jobs}) == 2010


async def test_a_job_id_is_taken_once_for_each_account(world):
    first = await world.submit(job_id="k")
    answers = await world.jobs.submit(world.ann, [job(job_id="k"), job(job_id="new"), job(job_id="new")])
    assert [getattr(answer, "code", "taken") for answer in answers] == ["DUPLICATE_JOB", "taken", "DUPLICATE_JOB"]
    assert [answer.details[0]["id"] for answer in (answers[0], answers[2])] == [first, answers[1]]
    assert isinstance(await world.submit(world.bob, job_id="k"), int)
    assert len(world.books.pending) == 3


async def test_a_repeat_is_told_its_job_by_dry_runs_too(world):
    first = await world.submit(job_id="k")
    (answer, fine) = await world.jobs.check(world.ann, [job(job_id="k"), job(job_id="other")])
    assert (answer.code, answer.details[0]["id"], fine) == ("DUPLICATE_JOB", first, None)
    with pytest.raises(Refused) as refused:
        await world.jobs.preview(world.ann, job(job_id="k"))
    assert refused.value.details[0]["id"] == first


async def test_a_repeat_is_told_its_job_whatever_else_speaks_against_it_by_now(world):
    await world.people.change_account(world.root, "ann", AccountChange(quota=QuotaView(queued=1)))
    first = await world.submit(job_id="k")
    assert (await refusal(world)).code == "QUOTA_EXCEEDED"
    again = await refusal(world, job_id="k", gpus=1000)
    assert (again.code, again.details[0]["id"]) == ("DUPLICATE_JOB", first)


async def test_an_array_is_told_its_first_element_or_what_is_in_the_way(world):
    first = await world.submit(array="0-3", job_id="k")
    assert (await refusal(world, array="3-9", job_id="k")).details[0]["id"] == first
    await world.submit(job_id="n[note]")
    taken = await world.submit(job_id="n[2]")
    (answer,) = await world.jobs.submit(world.ann, [job(array="0-3", job_id="n")])
    assert (answer.code, answer.details[0]["id"]) == ("DUPLICATE_JOB", taken)


async def test_two_who_submit_the_same_key_at_once_learn_of_one_job(world):
    answers = await asyncio.gather(*(world.jobs.submit(world.ann, [job(job_id="k")]) for _ in range(8)))
    numbers = [answer for (answer,) in answers if isinstance(answer, int)]
    assert len(numbers) == 1
    assert {answer.details[0]["id"] for (answer,) in answers if not isinstance(answer, int)} == set(numbers)


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"gpus": 3}, "IMPOSSIBLE_REQUEST", "gpus"),
        ({"gpus": 1, "gpu_type": "h100"}, "IMPOSSIBLE_REQUEST", "gpu_type"),
        ({"gpus": 1, "gpu_memory_mb": 50_000}, "IMPOSSIBLE_REQUEST", "gpu_memory_mb"),
        ({"cpu_cores": 5}, "IMPOSSIBLE_REQUEST", "cpu_cores"),
        ({"memory_mb": 1001}, "IMPOSSIBLE_REQUEST", "memory_mb"),
        ({"time_limit_s": 2_592_001}, "VALIDATION_ERROR", "time_limit_s"),
        ({"service": "fold"}, "VALIDATION_ERROR", "service"),
        ({"group": "chem"}, "FORBIDDEN", "group"),
    ],
)
async def test_what_can_never_run_is_refused_with_its_field(world, fields, code, field):
    refused = await refusal(world, **fields)
    assert (refused.code, [detail["field"] for detail in refused.details]) == (code, [field])
    assert len(world.books.pending) == 0


async def test_a_type_that_is_lacking_is_named_with_the_cards_that_there_are(world):
    refused = await refusal(world, gpus=1, gpu_type="H100")
    assert refused.message == "This host can never hold it: 1 of at most 0 GPUs of type h100. Ask for less."


async def test_admins_submit_for_any_group_that_exists(world):
    number = await world.submit(world.root, group="chem")
    assert (await world.jobs.show(world.root, number)).group == "chem"
    assert (await refusal(world, world.root, group="none")).code == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    ("quota", "fields", "resource"),
    [
        (QuotaView(gpus=1), {"gpus": 2}, "gpus"),
        (QuotaView(gpus_by_type={"A6000": 1}), {"gpus": 2}, "gpus:a6000"),
        (QuotaView(gpu_memory_mb=40_000), {"gpus": 1}, "gpu_memory_mb"),
        (QuotaView(cpu_cores=1), {"cpu_cores": 2}, "cpu_cores"),
        (QuotaView(memory_mb=10), {"memory_mb": 11}, "memory_mb"),
        (QuotaView(jobs=0), {}, "jobs"),
    ],
)
async def test_a_quota_that_never_allows_it_refuses_with_numbers_until_it_is_raised(world, quota, fields, resource):
    assert isinstance(await world.submit(**fields), int)
    await world.people.change_account(world.root, "ann", AccountChange(quota=quota))
    refused = await refusal(world, **fields)
    (detail,) = refused.details
    assert (refused.code, detail["resource"], detail["scope"], detail["name"]) == (
        "QUOTA_EXCEEDED",
        resource,
        "account",
        "ann",
    )
    assert detail["wanted"] > detail["limit"]
    await world.people.change_account(world.root, "ann", AccountChange(quota=QuotaView()))
    assert isinstance(await world.submit(**fields), int)


async def test_a_quota_that_never_allows_it_refuses_while_cards_settle_too(world):
    await world.people.change_account(world.root, "ann", AccountChange(quota=QuotaView(gpus_by_type={"A6000": 1})))
    world.books.cards.left([card.reading.uuid for card in world.books.cards.all()])
    assert (await refusal(world, gpus=2)).code == "QUOTA_EXCEEDED"


async def test_a_quota_that_is_only_used_up_now_makes_it_wait(world):
    await world.people.change_group(world.root, "bio", GroupChange(quota=QuotaView(gpus=1)))
    first, second = await world.submit(gpus=1), await world.submit(gpus=1)
    await world.one_pass()
    assert [await world.state_of(number) for number in (first, second)] == ["running", "pending"]
    (reason,) = (await world.jobs.why(world.ann, second)).reasons
    assert (reason["code"], reason["used"], reason["limit"]) == ("QUOTA_REACHED", 1, 1)


async def test_a_service_that_was_made_can_be_asked_for(world):
    await world.people.set_service(world.root, ServiceView(name="fold", jobs_per_account=1))
    assert isinstance(await world.submit(service="fold"), int)


async def test_a_disk_that_is_full_takes_nothing_in(world, monkeypatch):
    async def full(jobs, note):
        raise WriteFailed("The disk is full.")

    monkeypatch.setattr(world.store.jobs, "add", full)
    with pytest.raises(Refused) as refused:
        await world.jobs.submit(world.ann, [job()])
    assert refused.value.code == "SERVICE_NOT_READY"
    assert len(world.books.pending) == 0


async def test_the_default_time_limit_is_the_settings(make):
    world = await make(scheduling=SchedulingSettings(cpu_cores=1, default_time_limit_s=60, max_time_limit_s=100))
    await world.populate()
    number = await world.submit()
    assert world.books.pending.key_of(JobId(str(number))).shape.time_limit_s == 60
    assert (await refusal(world, time_limit_s=101)).code == "VALIDATION_ERROR"


async def test_a_preview_says_when_and_changes_nothing(world):
    now = await world.jobs.preview(world.ann, job(gpus=1))
    assert (now.starts_now, now.position, now.pending) == (True, 1, 1)
    for _ in range(3):
        await world.submit(gpus=2, time_limit_s=600)
    await world.engine.passes.one()
    then = await world.jobs.preview(world.ann, job(gpus=2, time_limit_s=600))
    assert (then.starts_now, then.position, then.pending) == (False, 3, 3)
    assert then.expected_start == pytest.approx(world.clock.now() + 3 * 600, abs=1)
    assert [reason["code"] for reason in then.reasons] == ["GPUS_BUSY"]
    assert len(world.books.pending) == 2
    with pytest.raises(Refused, match="never hold"):
        await world.jobs.preview(world.ann, job(gpus=9))


async def test_lines_of_a_file_go_in_by_several_commits_in_order(world, monkeypatch):
    submission = world.jobs._submission
    monkeypatch.setattr(submission, "_lines", 3)
    first = await world.submit(job_id="old")
    commits = world.store.writer.commits
    jobs = [job(job_id="old" if n == 4 else f"k{n}", gpus=9 if n == 7 else 0) for n in range(10)]
    answers = await world.jobs.submit(world.ann, jobs, many=True)
    numbers = [answer for answer in answers if isinstance(answer, int)]
    assert numbers == list(range(first + 1, first + 9))
    assert {at: answer.code for at, answer in enumerate(answers) if isinstance(answer, Refused)} == {
        4: "DUPLICATE_JOB",
        7: "IMPOSSIBLE_REQUEST",
    }
    assert world.store.writer.commits > commits
    (group,) = world.books.pending.groups()
    assert [int(waiting.job) for waiting in group.jobs] == [first, *numbers]
    again = await world.jobs.submit(world.ann, jobs, many=True)
    assert [answer.details[0]["id"] for answer in again if answer.code == "DUPLICATE_JOB"] == [
        *numbers[:4],
        first,
        *numbers[4:],
    ]


async def test_a_part_that_cannot_be_written_down_takes_no_other_with_it(world, monkeypatch):
    monkeypatch.setattr(world.jobs._submission, "_lines", 2)
    add, calls = world.store.jobs.add, []

    async def failing(jobs, note):
        calls.append(len(jobs))
        if len(calls) == 2:
            raise WriteFailed("the disk is full")
        return await add(jobs, note)

    monkeypatch.setattr(world.store.jobs, "add", failing)
    answers = await world.jobs.submit(world.ann, [job() for _ in range(6)], many=True)
    assert [isinstance(answer, int) for answer in answers] == [True, True, False, False, True, True]
    assert {answer.code for answer in answers[2:4]} == {"SERVICE_NOT_READY"}
    assert len(world.books.pending) == 4


async def test_a_quota_on_waiting_jobs_counts_over_the_parts(world, monkeypatch):
    monkeypatch.setattr(world.jobs._submission, "_lines", 2)
    await world.people.change_account(world.root, "ann", AccountChange(quota=QuotaView(queued=5)))
    answers = await world.jobs.submit(world.ann, [job() for _ in range(8)], many=True)
    assert [isinstance(answer, int) for answer in answers] == [True] * 5 + [False] * 3
