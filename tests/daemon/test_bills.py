"""What runs are charged: at their start, further as they outrun it, corrected at their end; in memory as on disk."""

import random
from datetime import UTC, datetime

import pytest

from config.settings import GpuSettings, SchedulingSettings, SimulatedCard
from engine.bookkeeping import Charged
from engine.core.model import AccountName, GroupName, JobId, Owner
from engine.daemon.journal import merged
from engine.ports import Running
from engine.protocol.fields import JobFields
from engine.protocol.people import ServiceView
from engine.store.errors import WriteFailed

HOUR = 3600.0
ANN = Owner(account=AccountName("ann"), group=GroupName("bio"))


def at(*when):
    return datetime(*when, tzinfo=UTC).timestamp()


def books(world):
    """Everything that is charged, as a pass sees it now: usage of groups and accounts, this month's plain seconds."""
    snapshot = world.books.snapshot(world.clock.now())
    month = snapshot.month
    return {
        **{("usage", group): amount for group, amount in snapshot.usage_gpu_s.items()},
        **{("usage", owner.group, owner.account): amount for owner, amount in snapshot.usage_accounts_gpu_s.items()},
        **{
            ("month", scope, name): amount
            for scope, rows in (("account", month.accounts), ("group", month.groups), ("service", month.services))
            for name, amount in rows.items()
        },
    }


def month(world, scope, name):
    return books(world).get(("month", scope, name), 0.0)


async def disk(world, months):
    """Plain GPU-seconds of the group bio by month, as written down."""
    rows = await world.store.usage.months(months[0])
    found = {month: gpu_s for month, scope, name, gpu_s in rows if (scope, name) == ("group", "bio")}
    return [found.get(month, 0.0) for month in months]


async def move(world, to):
    """The clock goes on, and the cards are read: those that were not for long count as missing."""
    world.clock.time = to
    await world.engine.sampler.sample()


async def started(world, **fields):
    number = await world.submit(**{"gpus": 1, "time_limit_s": int(HOUR), **fields})
    await world.one_pass()
    assert await world.state_of(number) == "running"
    return number


def end(world, job, ran_s, exit_code=0, **values):
    began = world.books.live[JobId(str(job))].lease.started_at
    world.executor.end(job, exit_code, started_at=began, ended_at=began + ran_s, **values)


async def test_a_start_is_charged_to_account_group_service_and_month(world):
    await world.people.set_service(world.root, ServiceView(name="fold", jobs_per_account=None))
    await started(world, service="fold", cpu_cores=2)
    assert books(world) == pytest.approx(
        {
            ("usage", "bio"): 1.02 * HOUR,
            ("usage", "bio", "ann"): 1.02 * HOUR,
            ("month", "account", "ann"): HOUR,
            ("month", "group", "bio"): HOUR,
            ("month", "service", "fold"): HOUR,
        }
    )


async def test_a_part_of_a_card_counts_as_that_part_and_cores_never_count_in_the_month(world):
    await started(world, gpu_share=True, gpu_memory_mb=12_285)
    await started(world, gpus=0, cpu_cores=2)
    assert month(world, "group", "bio") == pytest.approx(HOUR / 4)
    assert books(world)["usage", "bio"] == pytest.approx((0.25 + 0.01 + 0.02) * HOUR)


async def test_the_end_gives_back_what_was_not_run_to_the_second(world):
    job = await started(world)
    other = await started(world)
    end(world, job, 600.0)
    assert month(world, "account", "ann") == pytest.approx(600.0 + HOUR)
    assert books(world)["usage", "bio", "ann"] == pytest.approx(1.01 * (600.0 + HOUR))
    end(world, other, 0.0, None, signal=9)
    await world.one_pass()
    assert month(world, "account", "ann") == pytest.approx(600.0)
    assert await disk(world, ["1970-01"]) == pytest.approx([600.0])
    assert (await world.store.usage.accounts())[ANN].gpu_seconds == pytest.approx(606.0)


async def test_who_outruns_the_bill_is_charged_further_minute_by_minute(world):
    job = await started(world)
    await move(world, world.clock.now() + HOUR + 59)
    await world.one_pass()
    assert month(world, "group", "bio") == pytest.approx(HOUR)
    commits = world.store.writer.commits
    await move(world, world.clock.now() + 1)
    await world.one_pass()
    assert world.store.writer.commits == commits + 1
    assert month(world, "group", "bio") == pytest.approx(HOUR + 60)
    await move(world, world.clock.now() + 30)
    end(world, job, HOUR + 90)
    assert month(world, "group", "bio") == pytest.approx(HOUR + 90)
    await world.one_pass()
    assert await disk(world, ["1970-01"]) == pytest.approx([HOUR + 90])


async def test_what_runs_over_midnight_of_the_first_belongs_to_the_new_month(world):
    await move(world, at(2026, 10, 31, 23))
    job = await started(world, time_limit_s=int(2 * HOUR))
    assert month(world, "group", "bio") == pytest.approx(HOUR)
    await world.one_pass()
    assert await disk(world, ["2026-10", "2026-11"]) == pytest.approx([HOUR, HOUR])
    await move(world, at(2026, 11, 1, 1, 30))
    await world.one_pass()
    assert month(world, "group", "bio") == pytest.approx(1.5 * HOUR)
    await move(world, at(2026, 11, 1, 1, 45))
    end(world, job, 2.75 * HOUR)
    await world.one_pass()
    assert await disk(world, ["2026-10", "2026-11"]) == pytest.approx([HOUR, 1.75 * HOUR])


async def test_what_was_charged_to_the_coming_month_is_given_back_there(world):
    await move(world, at(2026, 12, 31, 23))
    job = await started(world, time_limit_s=int(3 * HOUR))
    end(world, job, 0.5 * HOUR)
    await world.one_pass()
    assert await disk(world, ["2026-12", "2027-01"]) == pytest.approx([0.5 * HOUR, 0.0])
    await move(world, at(2027, 1, 1, 1))
    assert month(world, "group", "bio") == 0.0


async def test_a_restart_keeps_every_number_and_charges_nothing_twice(make, hands):
    old = await make()
    await old.populate()
    await move(old, at(2026, 10, 31, 23))
    job = await started(old)
    await move(old, old.clock.now() + HOUR + 120)
    await old.one_pass()
    before = books(old)
    assert before["month", "group", "bio"] == pytest.approx(120.0)
    executor = hands()
    began = at(2026, 10, 31, 23)
    executor.found[JobId(str(job))] = Running(job=JobId(str(job)), attempt=1, pid=5, started_at=began)
    new = await make(executor)
    await new.engine.recovery.run()
    await new.one_pass()
    assert books(new) == pytest.approx(before)
    end(new, job, HOUR + 130)
    assert month(new, "group", "bio") == pytest.approx(130.0)
    await new.one_pass()
    assert await disk(new, ["2026-10", "2026-11"]) == pytest.approx([HOUR, 130.0])


async def test_each_attempt_of_a_job_is_charged_for_itself(world):
    job = await started(world, retries=1)
    end(world, job, 100.0, 1)
    await world.one_pass()
    assert await world.state_of(job) == "running"
    assert month(world, "account", "ann") == pytest.approx(100.0 + HOUR)
    end(world, job, 50.0, 1, attempt=2)
    assert month(world, "account", "ann") == pytest.approx(150.0)
    await world.one_pass()
    ran = await world.store.usage.ran_since(0.0, world.clock.now() + HOUR)
    assert ran == {ANN: pytest.approx(150.0)}


async def test_a_clock_that_steps_back_charges_nothing_and_gives_nothing_back(world):
    job = await started(world)
    await move(world, world.clock.now() + HOUR + 600)
    await world.one_pass()
    before = books(world)
    await move(world, world.clock.now() - HOUR)
    await world.one_pass()
    assert books(world) == before  # what fades does not grow again either
    await move(world, world.clock.now() + HOUR)
    end(world, job, HOUR + 600)
    assert month(world, "group", "bio") == pytest.approx(HOUR + 600)


async def test_an_end_before_its_start_costs_nothing(world):
    job = await started(world)
    began = world.clock.now()
    world.executor.end(job, 0, started_at=began, ended_at=began - 500.0)
    assert set(books(world).values()) == {0.0}


async def test_a_commit_that_fails_leaves_no_charge(world, monkeypatch):
    await world.submit(gpus=1)

    async def full(changes):
        raise WriteFailed("The disk is full.")

    monkeypatch.setattr(world.store.jobs, "record", full)
    with pytest.raises(WriteFailed):
        await world.engine.passes.one()
    assert set(books(world).values()) == {0.0}


async def test_a_burst_of_a_thousand_cannot_outrun_its_bill(make):
    """Bio submits 1,000 jobs, then chem submits a few: the first start of bio is billed before the second is chosen."""
    cards = GpuSettings(provider="simulated", simulated=(SimulatedCard(count=4, load=0.1),))
    world = await make(gpu=cards, scheduling=SchedulingSettings(cpu_cores=8, memory_mb=1000, half_life_days=0.05))
    await world.populate()

    def jobs(count):
        return [JobFields(command=["true"], gpus=1, time_limit_s=int(HOUR)) for _ in range(count)]

    await world.jobs.submit(world.ann, jobs(1000))
    await world.jobs.submit(world.bob, jobs(40))
    ran = {"bio": 0, "chem": 0}
    for _ in range(10):
        await world.one_pass()
        live = list(world.books.live.values())
        assert len(live) == 4
        for one in live:
            ran[one.lease.key.owner.group] += 1
        await move(world, world.clock.now() + HOUR)
        for one in live:
            end(world, one.job, HOUR)
    assert ran["bio"] == pytest.approx(20, abs=1)
    assert ran["chem"] == pytest.approx(20, abs=1)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_memory_is_what_is_on_disk_and_what_ran_is_what_was_billed(make, seed):
    dice = random.Random(seed)
    world = await make()
    await world.populate()
    await move(world, at(2026, 10, 31, 20))
    ran = 0.0
    for _ in range(25):
        who = dice.choice([world.ann, world.bob])
        await world.submit(who, gpus=dice.choice([0, 1, 1, 2]), time_limit_s=dice.choice([600, 7200]))
        await world.one_pass()
        await move(world, world.clock.now() + dice.choice([1.0, 90.0, 3000.0]))
        for live in dice.sample(list(world.books.live.values()), k=dice.randint(0, len(world.books.live))):
            ran_s = world.clock.now() - live.lease.started_at
            ran += ran_s * len(live.lease.gpus)
            end(world, live.job, ran_s)
    for live in list(world.books.live.values()):
        ran_s = world.clock.now() - live.lease.started_at
        ran += ran_s * len(live.lease.gpus)
        end(world, live.job, ran_s)
    await world.engine.passes.flush()
    rows = await world.store.usage.months("2026-10")
    assert sum(gpu_s for _, scope, _, gpu_s in rows if scope == "group") == pytest.approx(ran)
    assert sum(gpu_s for _, scope, _, gpu_s in rows if scope == "account") == pytest.approx(ran)
    begin = at(2026, 10, 1)
    assert sum((await world.store.usage.ran_since(begin, world.clock.now())).values()) == pytest.approx(ran)
    again = await make()
    assert books(again) == pytest.approx(books(world), abs=1e-3)


def test_charges_of_one_owner_share_a_row():
    def charge(gpu_seconds, at, account="ann", **months):
        owner = Owner(account=AccountName(account), group=GroupName("bio"))
        return Charged(owner=owner, gpu_seconds=gpu_seconds, at=at, card_s=months)

    found = merged([charge(5.0, 1.0, m1=5.0), charge(7.0, 3.0, "bob"), charge(-2.0, 2.0, m1=-2.0, m2=1.0)])
    assert found == [charge(3.0, 2.0, m1=3.0, m2=1.0), charge(7.0, 3.0, "bob")]
