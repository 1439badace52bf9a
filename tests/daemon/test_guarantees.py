"""Guarantees of groups, limits of services, and that what is changed is in force at the next pass."""

import asyncio

import pytest

from engine.api.asks import AccountChange, GroupChange
from engine.core.snapshot import GroupTerms
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from engine.protocol.people import QuotaView, ServiceView


async def refused(call):
    with pytest.raises(Refused) as found:
        await call
    assert found.value.code == "VALIDATION_ERROR"
    (detail,) = found.value.details
    return found.value.message, {key: value for key, value in detail.items() if isinstance(value, int)}


async def guarantee(world, group, cards, **quota):
    change = GroupChange(guarantee_gpus=cards, quota=QuotaView(**quota) if quota else None)
    return await world.people.change_group(world.root, group, change)


async def test_a_guarantee_is_in_force_at_once_and_survives_a_restart(make):
    world = await make()
    await world.populate()
    shown = await guarantee(world, "bio", 2)
    assert shown.guarantee_gpus == 2
    assert world.books.snapshot(0.0).groups["bio"] == GroupTerms(guarantee_gpus=2)
    again = await make()
    assert again.books.groups["bio"].guarantee_gpus == 2


async def test_more_than_the_cards_of_the_box_cannot_be_guaranteed(world):
    await guarantee(world, "bio", 1)
    message, numbers = await refused(guarantee(world, "chem", 2))
    assert numbers == {"guarantee_gpus": 2, "guaranteed_to_others": 1, "gpus": 2}
    assert message == "Other groups are guaranteed 1 of 2 GPUs: 2 cannot be guaranteed, at most 1."
    await guarantee(world, "chem", 1)
    await guarantee(world, "bio", 0)
    await guarantee(world, "chem", 2)
    add = world.people.add_group(world.root, "math", GroupChange(guarantee_gpus=1))
    assert (await refused(add))[1]["guaranteed_to_others"] == 2
    assert "math" not in world.engine.register.groups


async def test_a_guarantee_is_not_above_the_cap_whichever_is_changed_last(world):
    await guarantee(world, "bio", 1, gpus=1)
    assert (await refused(guarantee(world, "bio", 2)))[1] == {"guarantee_gpus": 2, "gpus": 1}
    await guarantee(world, "bio", 2, gpus=2)
    lower = world.people.change_group(world.root, "bio", GroupChange(quota=QuotaView(gpus=1)))
    assert (await refused(lower))[1] == {"guarantee_gpus": 2, "gpus": 1}
    assert world.books.quotas.groups["bio"].gpus == 2


async def test_two_groups_at_once_do_not_both_get_the_last_card(world):
    found = await asyncio.gather(guarantee(world, "bio", 2), guarantee(world, "chem", 2), return_exceptions=True)
    assert sorted(isinstance(one, Refused) for one in found) == [False, True]
    assert sum(terms.guarantee_gpus for terms in world.books.groups.values()) == 2


async def test_limits_of_a_service_reach_the_plan_and_stay(make):
    world = await make()
    await world.populate()
    fold = ServiceView(name="fold", jobs_per_account=3, quota=QuotaView(gpus=4, gpu_hours=0.5))
    assert await world.people.set_service(world.root, fold) == fold
    again = await make()
    assert await again.people.services(again.ann) == [fold]
    quotas = again.books.snapshot(0.0).quotas
    assert quotas.services == {"fold": 3}
    assert (quotas.service_totals["fold"].gpus, quotas.service_totals["fold"].gpu_hours) == (4, 0.5)


async def test_a_quota_that_is_raised_lets_the_job_go_at_the_next_pass(world):
    await world.people.change_group(world.root, "bio", GroupChange(quota=QuotaView(jobs=1)))
    first, second = [await world.submit() for _ in range(2)]
    await world.one_pass()
    assert [await world.state_of(job) for job in (first, second)] == ["running", "pending"]
    await world.people.change_group(world.root, "bio", GroupChange(quota=QuotaView(jobs=2)))
    await world.one_pass()
    assert await world.state_of(second) == "running"


async def test_a_quota_that_is_lowered_stops_the_next_start(world):
    await world.people.change_account(world.root, "ann", AccountChange(quota=QuotaView(cpu_cores=2)))
    await world.submit(cpu_cores=2)
    await world.people.change_account(world.root, "ann", AccountChange(quota=QuotaView(cpu_cores=1)))
    await world.one_pass()
    assert not world.books.live
    (answer,) = await world.jobs.submit(world.ann, [JobFields(command=["true"], cpu_cores=2)])
    assert answer.code == "QUOTA_EXCEEDED"


SHARED = {"gpu_share": True, "gpus": 1, "gpu_memory_mb": 24_570, "time_limit_s": 3600}


@pytest.mark.parametrize(
    ("scope", "quota", "fields", "told"),
    [
        ("service", QuotaView(gpus=1), {"gpus": 2}, ("gpus", 2)),
        ("service", QuotaView(cpu_cores=1), {"cpu_cores": 2}, ("cpu_cores", 2)),
        ("service", QuotaView(gpu_hours=1.5), {"gpus": 2, "time_limit_s": 3600}, ("gpu_hours", 2)),
        ("group", QuotaView(gpu_hours=47.9), {"gpus": 2}, ("gpu_hours", 48)),
        ("account", QuotaView(gpu_hours=0.2), SHARED, ("gpu_hours", 0.5)),
    ],
)
async def test_what_alone_exceeds_a_month_or_a_service_is_refused_with_the_numbers(world, scope, quota, fields, told):
    resource, wanted = told
    name = {"service": "fold", "group": "bio", "account": "ann"}[scope]
    await world.people.set_service(world.root, ServiceView(name="fold", jobs_per_account=None))
    job = JobFields(command=["true"], service="fold", **fields)
    (taken,) = await world.jobs.submit(world.ann, [job])
    assert isinstance(taken, int)
    if scope == "service":
        await world.people.set_service(world.root, ServiceView(name="fold", jobs_per_account=None, quota=quota))
    elif scope == "group":
        await world.people.change_group(world.root, "bio", GroupChange(quota=quota))
    else:
        await world.people.change_account(world.root, "ann", AccountChange(quota=quota))
    (answer,) = await world.jobs.submit(world.ann, [job])
    assert answer.code == "QUOTA_EXCEEDED"
    (detail,) = answer.details
    assert (detail["scope"], detail["name"], detail["resource"], detail["wanted"]) == (scope, name, resource, wanted)
    assert detail["limit"] < detail["wanted"]
    assert f"{resource} {wanted} of at most" in answer.message


async def test_who_used_up_the_month_waits_for_the_next_one(world):
    world.clock.time = 1_793_487_600.0  # 2026-10-31 23:00 UTC
    await world.engine.sampler.sample()
    await world.people.change_group(world.root, "bio", GroupChange(quota=QuotaView(gpu_hours=1.0)))
    first = await world.submit(gpus=1, time_limit_s=2700)
    second = await world.submit(gpus=1, time_limit_s=2700)
    await world.one_pass()
    assert [await world.state_of(job) for job in (first, second)] == ["running", "pending"]
    (reason,) = (await world.jobs.why(world.ann, second)).reasons
    assert (reason["scope"], reason["resource"], reason["limit"]) == ("group", "gpu_hours", 1.0)
    assert (reason["used"], reason["wanted"]) == (pytest.approx(0.75), pytest.approx(0.75))
    world.clock.time += 3601
    await world.engine.sampler.sample()
    await world.one_pass()
    assert await world.state_of(second) == "running"


async def test_jobs_of_a_service_are_counted_together_whoever_runs_them(world):
    quota = QuotaView(gpus=1)
    await world.people.set_service(world.root, ServiceView(name="fold", jobs_per_account=None, quota=quota))
    first = await world.submit(world.ann, gpus=1, service="fold")
    second = await world.submit(world.bob, gpus=1, service="fold")
    await world.one_pass()
    assert [await world.state_of(job) for job in (first, second)] == ["running", "pending"]
    (reason,) = (await world.jobs.why(world.bob, second)).reasons
    assert (reason["scope"], reason["name"], reason["used"], reason["limit"]) == ("service", "fold", 1, 1)
