"""Figures of groups and accounts: what they hold, what waits, what they used against what they may.

Must not know HTTP, nor who may see whom: the caller names them.
"""

from collections import Counter
from collections.abc import Iterable

from engine.core.model import GroupName, Owner
from engine.daemon.allowance import quota_of
from engine.daemon.books import Books
from engine.daemon.metrics.catalogue import Part
from engine.daemon.metrics.page import Page
from engine.daemon.tally import Bearer

HOUR_S = 3600


def tell(page: Page, books: Books, groups: Iterable[str], accounts: Iterable[Owner], now: float) -> None:
    """Of these groups, and of these accounts in their groups."""
    gpus, jobs = _held(books)
    month = books.usage.month(now).groups
    for group in map(GroupName, groups):
        page.put("rcq_group_usage_gpu_seconds", books.usage.of(group, now), group)
        page.put("rcq_group_gpus", gpus["group", group], group)
        page.put("rcq_group_jobs_running", jobs["group", group], group)
        page.put("rcq_group_jobs_waiting", books.waiting(("group", group)), group)
        page.put("rcq_group_month_gpu_seconds", month.get(group, 0.0), group)
        _terms(page, books, group)
    usage = books.usage.accounts(now) if Part.ACCOUNTS in page else {}
    for owner in accounts:
        account = owner.account
        page.put("rcq_account_usage_gpu_seconds", usage.get(owner, 0.0), account, owner.group)
        page.put("rcq_account_gpus", gpus["account", account], account)
        page.put("rcq_account_jobs_running", jobs["account", account], account)
        page.put("rcq_account_jobs_waiting", books.waiting(("account", account)), account)


def _terms(page: Page, books: Books, group: GroupName) -> None:
    """What it was promised, and its limits where it has any."""
    if (terms := books.groups.get(group)) is not None:
        page.put("rcq_group_share", terms.share, group)
        page.put("rcq_group_gpus_guaranteed", terms.guarantee_gpus, group)
    if (quota := quota_of(books.quotas, "group", group)) is not None:
        hours = quota.gpu_hours
        page.put("rcq_group_gpus_limit", quota.gpus, group)
        page.put("rcq_group_month_limit_gpu_seconds", None if hours is None else hours * HOUR_S, group)


def _held(books: Books) -> tuple[Counter[Bearer], Counter[Bearer]]:
    """GPUs and leases by who holds them."""
    gpus: Counter[Bearer] = Counter()
    jobs: Counter[Bearer] = Counter()
    for live in books.live.values():
        owner = live.lease.key.owner
        for bearer in (("account", owner.account), ("group", owner.group)):
            gpus[bearer] += len(live.lease.gpus)
            jobs[bearer] += 1
    return gpus, jobs
