"""Figures over time: who sees them, each number from where it is said to come from."""

from dataclasses import replace

import pytest

from config.settings import PrivacySettings
from engine.bookkeeping import Measured
from engine.core.model import JobId
from engine.protocol.errors import Refused
from engine.store.usagedays import DAY_S
from tests.daemon.conftest import until

HOUR = 3600.0
MIDNIGHT = 12 * DAY_S
"""After the time at which the clock of these tests begins."""


async def ran(world, who, began, hours, *, gpus=1, watts=0.0):
    """A job that ran on these cards for so long, and drew so many watts."""
    world.clock.time = began
    await world.engine.sampler.sample()
    job = await world.submit(who, gpus=gpus, time_limit_s=int(90 * HOUR))
    await world.one_pass()
    live = world.books.live[JobId(str(job))]
    world.clock.time = began + hours * HOUR
    energy_j = watts * hours * HOUR
    world.engine.passes._journal.add(
        Measured(job=live.job, attempt=1, owner=live.lease.key.owner, at=began, energy_j=energy_j)
    )
    world.executor.end(job, 0, started_at=began, ended_at=began + hours * HOUR)
    await world.one_pass()


def days_of(report, group):
    return {day: gpu_s for day, gpu_s in zip(report.days, next(
        item.gpu_s for item in report.items if item.group == group), strict=True) if gpu_s}  # fmt: skip


async def test_a_job_across_midnights_counts_on_each_day_by_its_time_there(world):
    await ran(world, world.ann, MIDNIGHT + 22 * HOUR, 28.0, gpus=2, watts=1000.0)
    await ran(world, world.bob, MIDNIGHT + 2 * DAY_S + 6 * HOUR, 1.0)
    report = await world.engine.backend.figures.usage_days(world.root, 4, None)
    assert report.days == ["1970-01-12", "1970-01-13", "1970-01-14", "1970-01-15"]
    assert days_of(report, "bio") == pytest.approx(
        {"1970-01-13": 4 * HOUR, "1970-01-14": 48 * HOUR, "1970-01-15": 4 * HOUR}, abs=1.0
    )
    assert days_of(report, "chem") == pytest.approx({"1970-01-15": HOUR}, abs=1.0)
    bio = next(item for item in report.items if item.group == "bio")
    assert bio.energy_kwh == pytest.approx([0.0, 2.0, 24.0, 2.0], abs=0.01)
    assert [(one.account, one.gpu_s) for one in bio.accounts] == [("ann", bio.gpu_s)]
    short = await world.engine.backend.figures.usage_days(world.root, 1, "bio")
    assert (short.days, [item.gpu_s for item in short.items]) == (report.days[-1:], [bio.gpu_s[-1:]])


async def test_what_runs_counts_up_to_now_and_not_what_it_may_still_run(world):
    world.clock.time = MIDNIGHT + HOUR
    await world.engine.sampler.sample()
    await world.submit(world.ann, gpus=1, time_limit_s=int(90 * HOUR))
    await world.one_pass()
    world.clock.time += 2 * HOUR
    report = await world.engine.backend.figures.usage_days(world.ann, 2, None)
    assert days_of(report, "bio") == pytest.approx({"1970-01-13": 2 * HOUR})


async def test_people_see_their_own_group_and_of_it_what_privacy_lets_them(make):
    world = await make(privacy=PrivacySettings(others="redacted"))
    await world.populate()
    await ran(world, world.ann, MIDNIGHT, 1.0)
    figures = world.engine.backend.figures
    colleague = replace(world.bob, account="cleo", group="bio")
    seen = await figures.usage_days(colleague, 1, None)
    assert [(item.group, len(item.accounts), sum(item.gpu_s) > 0) for item in seen.items] == [("bio", 0, True)]
    with pytest.raises(Refused) as refused:
        await figures.usage_days(colleague, 1, "chem")
    assert refused.value.code == "FORBIDDEN"
    with pytest.raises(Refused) as refused:
        await figures.usage_days(world.root, 1, "nobody")
    assert refused.value.code == "NOT_FOUND"


async def test_a_series_is_shown_to_who_may_see_the_job_of_attempts_that_there_were(world):
    job = await world.submit(gpus=1)
    figures = world.engine.backend.figures
    blank = await figures.series(world.ann, job, None)
    assert (blank.attempt, blank.attempts, blank.start_at, blank.points.power_w) == (0, [], None, [])
    await world.one_pass()
    world.clock.time += 1.0
    await world.engine.sampler.sample()
    running = await figures.series(world.ann, job, None)
    assert (running.attempt, running.attempts, running.gpus) == (1, [1], 1)
    world.executor.end(job)
    await world.engine.passes.flush()
    over = await figures.series(world.root, job, 1)
    assert over.points.gpu_utilization == running.points.gpu_utilization != []
    assert len(over.points.power_w) == len(over.points.gpu_memory_mb) == len(over.points.gpu_utilization)
    for who, number, attempt, code in [(world.bob, job, None, "JOB_NOT_FOUND"), (world.ann, job, 2, "NOT_FOUND")]:
        with pytest.raises(Refused) as refused:
            await figures.series(who, number, attempt)
        assert refused.value.code == code


async def test_passes_and_the_engine_are_for_admins(world):
    figures = world.engine.backend.figures
    for _ in range(3):
        await world.submit(gpus=1)
    await world.one_pass()
    (seen,) = await figures.passes(world.root, 60)
    assert (seen.pending, seen.groups, seen.started, seen.promised + seen.held) == (3, 1, 2, 1)
    await world.one_pass()
    assert [one.pending for one in await figures.passes(world.root, 1)] == [1]
    view = await figures.engine(world.root)
    assert (view.passes, view.failed_passes, view.followers, view.trouble) == (2, 0, 0, None)
    assert view.commits > 0
    assert 0 < view.commit_s <= view.slowest_commit_s
    assert view.database_mb > 0
    assert view.memory_mb > 10
    for call in (figures.passes(world.ann, 1), figures.engine(world.ann)):
        with pytest.raises(Refused) as refused:
            await call
        assert refused.value.code == "FORBIDDEN"


async def test_the_host_is_told_as_of_the_last_look(world):
    stats = await world.box.stats(world.ann)
    assert stats.host_cpu is None, "one look tells nothing of the time before it"
    assert 0 < stats.host_memory_used_mb < stats.host_memory_total_mb
    assert 0 < stats.disk_free_mb <= stats.disk_total_mb
    await world.engine.host.look()
    stats = await world.box.stats(world.ann)
    assert 0 <= stats.host_cpu <= 1
    assert stats.load1 >= 0


async def test_a_loop_that_is_kept_is_seen_to_be_late(monkeypatch):
    import asyncio
    import time

    from engine.daemon import looplag

    monkeypatch.setattr(looplag, "LOOK_S", 0.001)
    lag = looplag.LoopLag()
    looking = asyncio.create_task(lag.run())
    await asyncio.sleep(0)
    time.sleep(0.05)  # noqa: ASYNC251 - that nothing else gets the loop is what is looked for
    await until(lambda: lag.worst_s > 0.03)
    looking.cancel()


def since_of(report, account):
    """GPU-seconds and kWh of one account in `rcq usage --since`."""
    [one] = [one for group in report.items for one in group.accounts if one.account == account]
    return one.since_gpu_s, one.since_energy_kwh


async def test_a_stretch_of_time_sums_to_what_usage_and_the_days_say(world):
    await ran(world, world.ann, MIDNIGHT + 22 * HOUR, 28.0, gpus=2, watts=1000.0)
    await ran(world, world.bob, MIDNIGHT + 2 * DAY_S + 6 * HOUR, 1.0, watts=500.0)
    figures, now = world.engine.backend.figures, world.clock.time
    world.clock.time = now = MIDNIGHT + 3 * DAY_S + 5 * HOUR
    everything = await figures.usage_span(world.root, MIDNIGHT, None, None)
    usage = await world.engine.backend.usages.usage(world.root, None, MIDNIGHT)
    assert [(row.group, row.account, row.service, row.jobs) for row in everything.items] == [
        ("bio", "ann", None, 1),
        ("chem", "bob", None, 1),
    ]
    assert (everything.since, everything.until) == (MIDNIGHT, now)
    for row in everything.items:
        assert (row.gpu_s, row.energy_kwh) == pytest.approx(since_of(usage, row.account), abs=1e-6)
    days = await figures.usage_days(world.root, 4, None)
    for place in range(3):
        day = await figures.usage_span(world.root, MIDNIGHT + place * DAY_S, MIDNIGHT + (place + 1) * DAY_S, None)
        for group in days.items:
            rows = [row for row in day.items if row.group == group.group]
            assert sum(row.gpu_s for row in rows) == pytest.approx(group.gpu_s[place], abs=1e-6)
            assert sum(row.energy_kwh for row in rows) == pytest.approx(group.energy_kwh[place], abs=1e-6)
    [month] = [one for one in usage.items if one.group == "bio"]
    assert sum(row.gpu_s for row in everything.items if row.group == "bio") == pytest.approx(month.month_gpu_s, abs=1.0)


async def test_a_report_is_of_time_that_was(world):
    figures, now = world.engine.backend.figures, world.clock.time
    assert (await figures.usage_span(world.root, now - 5, now + 5 * DAY_S, None)).until == now
    for since, end in ((now, None), (now + 1, now + 2), (now - 1, now - 1), (now - 1, now - 2)):
        with pytest.raises(Refused) as refused:
            await figures.usage_span(world.root, since, end, None)
        assert refused.value.code == "VALIDATION_ERROR"


async def test_of_others_a_report_has_one_sum(make):
    world = await make(privacy=PrivacySettings(others="redacted"))
    await world.populate()
    await ran(world, world.ann, MIDNIGHT, 1.0)
    await ran(world, world.bob, MIDNIGHT + 2 * HOUR, 1.0)
    figures = world.engine.backend.figures
    colleague = replace(world.bob, account="cleo", group="bio")
    span = await figures.usage_span(colleague, MIDNIGHT, None, None)
    assert [(row.group, row.account, row.jobs) for row in span.items] == [("bio", None, 1)]
    assert span.items[0].gpu_s == pytest.approx(HOUR, abs=1.0)
    with pytest.raises(Refused) as refused:
        await figures.usage_span(colleague, MIDNIGHT, None, "chem")
    assert refused.value.code == "FORBIDDEN"
