"""Stories about services: the licences of `folding` allow three jobs at once, whoever runs them, on four cards at most.

Its jobs wait for each other; all other work goes on.
"""

import pytest
from worlds import key, lease, waiting, world

from engine.core.model import ServiceName
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.quota import Quota
from engine.core.snapshot import Quotas

FOLDING = ServiceName("folding")
TOTAL = Quotas(service_totals={FOLDING: Quota(jobs=3, gpus=4)})


def folding(account, group, **shape):
    return key(account, group, service="folding", **shape)


def test_all_accounts_together_stay_within_the_total():
    """Ann runs two; of Bob's and Cleo's jobs one starts, the other is told the total."""
    leases = [lease("one", folding("ann", "vision"), 0), lease("two", folding("ann", "vision"), 1)]
    pending = [
        waiting(folding("bob", "vision"), ("bobs", 60)),
        waiting(folding("cleo", "language", priority=1), ("cleos", 5)),
        waiting(key("cleo", "language", priority=1), ("other", 0)),
    ]
    decided = plan(world(8, pending, leases, quotas=TOTAL), Policy())
    assert [start.lease.job for start in decided.starts] == ["bobs", "other"]
    (hold,) = decided.holds
    (reason,) = hold.reasons
    assert (reason.scope, reason.name, reason.resource) == ("service", "folding", "jobs")
    assert (reason.limit, reason.used, reason.wanted) == (3, 3, 1)


@pytest.mark.parametrize(("gpus", "started"), [(2, 1), (3, 0)])
def test_cards_of_a_service_are_counted_over_all_of_its_jobs(gpus, started):
    leases = [lease("gang", folding("ann", "vision", gpus=2), 0, 1)]
    pending = [waiting(folding("cleo", "language", gpus=gpus), ("next", 5))]
    assert len(plan(world(8, pending, leases, quotas=TOTAL), Policy()).starts) == started


def test_the_cap_of_each_account_and_the_total_are_both_told():
    quotas = Quotas(services={FOLDING: 1}, service_totals={FOLDING: Quota(jobs=1)})
    leases = [lease("one", folding("ann", "vision"), 0)]
    (hold,) = plan(world(8, [waiting(folding("ann", "vision"), ("two", 5))], leases, quotas=quotas), Policy()).holds
    assert [(reason.scope, reason.limit, reason.used) for reason in hold.reasons] == [("service", 1, 1)] * 2
