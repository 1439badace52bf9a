"""Stories about the month: Ann has ten GPU-hours in it and used six; what is started counts with its expected run.

Who is out of hours waits for the next month and holds nobody up.
"""

import pytest
from worlds import A100, HOUR, card, key, waiting, world

from engine.core.model import AccountName, GroupName, ServiceName
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.quota import Quota
from engine.core.snapshot import Month, Quotas

ANN = AccountName("ann")
TEN = Quotas(accounts={ANN: Quota(gpu_hours=10.0)})
SIX = Month(accounts={ANN: 6 * HOUR})


def outcome(of, jobs=1, quotas=TEN, month=SIX, **more):
    pending = [waiting(of, *((f"{at}", 10 - at) for at in range(jobs)))]
    decided = plan(world(more.pop("cards", 8), pending, quotas=quotas, month=month, **more), Policy())
    told = [
        (reason.scope, reason.resource, reason.limit, reason.used, reason.wanted)
        for hold in decided.holds
        for reason in hold.reasons
    ]
    return len(decided.starts), told


def test_what_fits_in_the_month_starts_and_no_more():
    assert outcome(key(time_limit_s=7200), jobs=5) == (2, [("account", "gpu_hours", 10.0, 10.0, 2.0)])


def test_a_gang_uses_them_up_faster():
    assert outcome(key(gpus=2, time_limit_s=7200)) == (1, [])
    assert outcome(key(gpus=3, time_limit_s=7200)) == (0, [("account", "gpu_hours", 10.0, 6.0, 6.0)])


def test_the_expected_run_counts_not_the_limit():
    of = key(time_limit_s=86_400)
    assert outcome(of) == (0, [("account", "gpu_hours", 10.0, 6.0, 24.0)])
    assert outcome(of, estimates={of: HOUR}) == (1, [])


def test_a_sharer_uses_the_part_of_the_card_that_it_asked_for():
    """A quarter of an 80 GB card for 16 hours: four GPU-hours."""
    of = key(share=True, gpu_memory_mb=20_480, time_limit_s=16 * 3600)
    assert outcome(of, jobs=2, cards=[card(0, A100)]) == (1, [("account", "gpu_hours", 10.0, 10.0, 4.0)])


def test_a_new_month_begins_at_nothing_and_jobs_without_gpus_use_none():
    assert outcome(key(time_limit_s=7200), jobs=5, month=Month())[0] == 5
    assert outcome(key(gpus=0, time_limit_s=86_400), month=Month(accounts={ANN: 11 * HOUR})) == (1, [])


@pytest.mark.parametrize("scope", ["group", "service"])
def test_groups_and_services_have_hours_too(scope):
    quota, used = Quota(gpu_hours=1.5), HOUR
    vision, folding = GroupName("vision"), ServiceName("folding")
    quotas = Quotas(groups={vision: quota}) if scope == "group" else Quotas(service_totals={folding: quota})
    month = Month(groups={vision: used}) if scope == "group" else Month(services={folding: used})
    of = key(service="folding")
    assert outcome(of, quotas=quotas, month=month) == (0, [(scope, "gpu_hours", 1.5, 1.0, 1.0)])


def test_who_is_out_of_hours_holds_nobody_up():
    """Ann's gang is at the head and out of hours: it is promised nothing, and Bob's long job starts."""
    pending = [
        waiting(key("ann", gpus=8, priority=10, time_limit_s=7200), ("gang", 60)),
        waiting(key("bob", time_limit_s=86_400), ("long", 0)),
    ]
    decided = plan(world(8, pending, quotas=TEN, month=SIX), Policy())
    assert [start.lease.job for start in decided.starts] == ["long"]
    assert decided.reservations == ()
