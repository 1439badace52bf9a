"""Usage by day: what is remembered of earlier questions never makes another answer than looking at every attempt."""

import random
from collections import defaultdict

import pytest

from engine.bookkeeping import Bill, Billed, Measured
from engine.core.model import JobId
from engine.store.store import Store
from engine.store.usagedays import DAY_S, SETTLES_S
from tests.store.samples import key_of, new_job, ran, scheduled

MONTH = 30 * DAY_S
HOUR = 3600.0


async def bill(
    store: Store, job: JobId, since: float, until: float, *, cards: float = 1.0, energy_j: float = 0
) -> None:
    owner = key_of().owner
    await store.jobs.record(
        [
            Billed(job=job, attempt=1, owner=owner, bill=Bill(rate=cards, cards=cards, since=since, until=until)),
            Measured(job=job, attempt=1, owner=owner, at=until, energy_j=energy_j),
        ]
    )


def by_day(found) -> dict[int, tuple[float, float]]:
    sums: dict[int, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for used in found:
        before = sums[used.day]
        sums[used.day] = (before[0] + used.gpu_s, before[1] + used.energy_j)
    return {day: sums[day] for day in sorted(sums) if sums[day] != (0.0, 0.0)}


def looked_at_alone(bills, first_day, now) -> dict[int, tuple[float, float]]:
    sums: dict[int, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for since, until, cards, energy_j in bills:
        end = min(until, now)
        for day in range(first_day, int(now // DAY_S) + 1):
            there_s = min(end, (day + 1) * DAY_S) - max(since, day * DAY_S)
            if end > since and there_s > 0:
                before = sums[day]
                sums[day] = (before[0] + cards * there_s, before[1] + energy_j * there_s / (end - since))
    return {day: sums[day] for day in sorted(sums)}


async def test_whatever_was_asked_before(store: Store) -> None:
    chance = random.Random(7)
    jobs = await store.jobs.add([new_job(number) for number in range(60)])
    bills = []
    for job in jobs:
        since = MONTH + chance.random() * 10 * DAY_S
        one = (since, since + chance.choice([0.0, 60.0, 5 * HOUR, 3 * DAY_S]), chance.choice([1.0, 0.5, 8.0]), 1e6)
        bills.append(one)
        await store.jobs.record(ran(job, "GPU-1"))
        await bill(store, job, one[0], one[1], cards=one[2], energy_j=one[3])
    for asked, days in [(2, 3), (5, 4), (5, 6), (9, 2), (12, 13), (6, 2), (13, 30)]:  # also an earlier day, and back
        now = MONTH + asked * DAY_S + chance.random() * DAY_S
        first = int(now // DAY_S) - days + 1
        found = by_day(await store.usage_days.since(first, now))
        wanted = looked_at_alone([one for one in bills if one[0] < now], first, now)
        assert found.keys() == wanted.keys()
        for day, (gpu_s, energy_j) in wanted.items():
            assert found[day] == pytest.approx((gpu_s, energy_j), rel=1e-6)


async def test_what_is_under_way_is_not_settled_however_late_its_bill_is_written(store: Store) -> None:
    [job] = await store.jobs.add([new_job()])
    await store.jobs.record([scheduled(job, "GPU-1")])
    await bill(store, job, MONTH, MONTH + HOUR)  # it runs on, and nobody could write that down for a while
    later = MONTH + HOUR + 2 * SETTLES_S
    await store.usage_days.since(30, later)
    await bill(store, job, MONTH, later)
    assert by_day(await store.usage_days.since(30, later)) == {30: (3 * HOUR, 0.0)}
