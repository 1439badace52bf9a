"""Who has which card when, and the first time at which enough of them are free."""

from dataclasses import replace

import pytest

from engine.core.model import AccountName, GpuUuid, GroupName, JobId
from engine.core.snapshot import Claim, Gpu, Host, Lease, Snapshot
from engine.daemon.calendar import OVERDUE_S, Calendar, clock_time, peak
from engine.store.slots import BookedSlot

NOW = 1000.0
CARDS = tuple(Gpu(uuid=GpuUuid(name), index=at, model="A6000", memory_mb=1000) for at, name in enumerate("abc"))
A, B, C = CARDS


def slot(number, start, end, *gpus, account="ann"):
    return BookedSlot(
        id=number, account=AccountName(account), group=GroupName("bio"), gpus=tuple(gpu.uuid for gpu in gpus),
        start_at=start, end_at=end, created_at=0.0,
    )  # fmt: skip


def calendar(leases=(), slots=(), claims=(), account="me"):
    snapshot = Snapshot(
        now=NOW, host=Host(cpu_cores=8, memory_mb=100), gpus=CARDS, leases=tuple(leases), claims=tuple(claims)
    )
    return Calendar(account=AccountName(account), snapshot=snapshot, slots=slots)


@pytest.fixture
def lease(key):
    def made(*gpus, started_at=NOW, limit_s=500, account="ann", **values):
        return Lease(
            job=JobId("1"), key=key(account, gpus=len(gpus), time_limit_s=limit_s),
            gpus=tuple(gpu.uuid for gpu in gpus), started_at=started_at, expected_end=started_at + 10, **values,
        )  # fmt: skip

    return made


def test_the_time_limit_counts_not_the_expected_end(lease):
    seen = calendar([lease(A)])
    clash = seen.clash(A, NOW, NOW + 60)
    assert (clash.until, clash.booked) == (1500.0, False)
    assert seen.clash(A, 1500.0, 1560.0) is None
    assert seen.clash(B, NOW, NOW + 60) is None


def test_of_a_job_that_was_told_to_stop_the_end_of_its_grace_counts(lease):
    stopping = lease(A, ending=True)
    assert calendar([stopping]).clash(A, NOW, NOW + 60).until == stopping.expected_end


def test_a_job_past_its_time_limit_is_gone_a_minute_from_now(lease):
    assert calendar([lease(A, started_at=100.0)]).clash(A, NOW, NOW + 60).until == NOW + OVERDUE_S


def test_of_a_shared_card_the_longest_job_counts(lease):
    assert calendar([lease(A, limit_s=900), lease(A)]).clash(A, NOW, NOW + 60).until == 1900.0


def test_a_card_that_is_being_cleared_for_a_job_is_that_jobs(key):
    claim = Claim(job=JobId("2"), key=key("ann", gpus=1, time_limit_s=300), submitted_at=0.0, gpus=(A.uuid,))
    assert calendar(claims=[claim]).clash(A, NOW, NOW + 60).until == NOW + 300
    assert calendar(claims=[claim], account="ann").clash(A, NOW, NOW + 60) is None


def test_of_what_is_in_the_way_the_last_is_told(lease):
    seen = calendar([lease(A)], [slot(1, 1100.0, 1600.0, A), slot(2, 5000.0, 6000.0, A)])
    assert (seen.clash(A, NOW, 2000.0).until, seen.clash(A, NOW, 2000.0).booked) == (1600.0, True)


def test_the_earliest_start_fits_into_a_gap_that_is_long_enough(lease):
    slots = [slot(1, 1500.0, 2000.0, A), slot(2, 2100.0, 3000.0, A)]
    seen = calendar([lease(A, limit_s=300)], slots)
    assert seen.earliest([A], 1, NOW, 200.0) == 1300.0
    assert seen.earliest([A], 1, NOW, 201.0) == 3000.0
    assert seen.earliest([A], 1, 1900.0, 100.0) == 2000.0
    assert seen.earliest([A, B], 1, NOW, 5000.0) == NOW
    assert seen.earliest([A, B], 2, NOW, 5000.0) == 3000.0


def test_the_cards_that_disturb_least_are_free_soonest_then_last_in_the_row(lease):
    mine = replace(lease(C, account="me", limit_s=100))
    seen = calendar([lease(B, limit_s=50), mine])
    assert seen.least_disturbing(CARDS, 1) == [A]
    assert seen.least_disturbing(CARDS, 2) == [A, B]
    assert calendar().least_disturbing(CARDS, 2) == [B, C]


def test_the_peak_of_what_is_booked_at_one_instant():
    slots = [slot(1, 0.0, 100.0, A), slot(2, 50.0, 150.0, B, C), slot(3, 100.0, 200.0, A)]

    def count(one):
        return len(one.gpus)

    assert peak(slots, 0.0, 50.0, count) == 1
    assert peak(slots, 0.0, 51.0, count) == 3
    assert peak(slots, 150.0, 300.0, count) == 1
    assert peak(slots, 200.0, 300.0, count) == 0


def test_a_time_is_told_in_whole_minutes_never_too_early():
    assert clock_time(60.0) == clock_time(0.5)
    assert clock_time(60.5) == clock_time(120.0) != clock_time(60.0)
