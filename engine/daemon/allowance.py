"""Whether a job may be submitted now: how many wait already, and how many came in the last minute, against quotas.

In memory alone: after a restart everybody has a full minute's allowance again. Must not know what a job asks for, nor
how it is written down.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from engine.core.model import AccountName, GroupKey, GroupName, ServiceName
from engine.core.quota import Quota
from engine.core.snapshot import Quotas
from engine.daemon.tally import Bearer, Tally, bearers_of
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields, size_of

MINUTE_S = 60.0


class Buckets:
    """Token buckets: each holds a minute's submissions at most and is filled evenly."""

    def __init__(self) -> None:
        self._levels: dict[Bearer, tuple[float, float]] = {}

    def level(self, bearer: Bearer, limit: int, now: float) -> float:
        """Submissions left at `now` (Unix seconds) where `limit` may come in a minute."""
        left, at = self._levels.get(bearer, (float(limit), now))
        return min(float(limit), left + max(0.0, now - at) * limit / MINUTE_S)

    def clock_set(self, by_s: float) -> None:
        """The clock jumped: a minute is what passes, not what the clock shows."""
        self._levels = {bearer: (left, at + by_s) for bearer, (left, at) in self._levels.items()}

    def take(self, bearer: Bearer, limit: int, count: int, now: float) -> None:
        """So many submissions were made."""
        self._levels[bearer] = (self.level(bearer, limit, now) - count, now)


class Allowances:
    """Gives each batch of submissions its view of what is left. waiting: how many jobs of a bearer wait."""

    def __init__(self, *, quotas: Callable[[], Quotas], waiting: Callable[[Bearer], int], clock: Clock) -> None:
        self.quotas = quotas
        self.waiting = waiting
        self.clock = clock
        self.buckets = Buckets()
        self.coming = Tally()

    def batch(self) -> "Batch":
        """For the submissions of one request; they see each other."""
        return Batch(self)


class Batch:
    """Asked job by job; `keep` makes it count for others too, `settle` says that the jobs are in the queue by now."""

    def __init__(self, allowances: Allowances) -> None:
        self._all = allowances
        self._quotas = allowances.quotas()
        self._now = allowances.clock.now()
        self._new: Counter[Bearer] = Counter()
        self._made: Counter[Bearer] = Counter()
        self._limits: dict[GroupKey, list[tuple[Bearer, Quota]]] = {}
        self._kept: list[tuple[GroupKey, int]] = []

    def admit(self, jobs: Sequence[JobFields], keys: Sequence[GroupKey | Refused]) -> list[GroupKey | Refused]:
        """The keys of the submissions that may be made, in order; the others' refusals."""
        return [
            key if isinstance(key, Refused) else self.ask(key, size_of(job)) or key
            for job, key in zip(jobs, keys, strict=True)
        ]

    def ask(self, key: GroupKey, jobs: int) -> Refused | None:
        """Count a submission that makes so many jobs (an array's elements) in, or say why it is one too many."""
        limits = self._limits.get(key)
        if limits is None:
            limits = self._limits[key] = list(_limits(self._quotas, key))
        for bearer, quota in limits:
            refused = self._queued(bearer, quota, jobs) or self._too_fast(bearer, quota)
            if refused is not None:
                return refused
        for bearer, _ in limits:
            self._new[bearer] += jobs
            self._made[bearer] += 1
        if limits:
            self._kept.append((key, jobs))
        return None

    def keep(self) -> None:
        """The submissions that were counted in are being made."""
        for key, jobs in self._kept:
            self._all.coming.add(key, jobs)
        for limits in self._limits.values():
            for bearer, quota in limits:
                if (made := self._made.pop(bearer, 0)) and quota.submissions_per_minute is not None:
                    self._all.buckets.take(bearer, quota.submissions_per_minute, made, self._now)

    def settle(self) -> None:
        """What was kept waits in the queue now, or was not taken after all."""
        for key, jobs in self._kept:
            self._all.coming.add(key, -jobs)
        self._kept.clear()

    def _queued(self, bearer: Bearer, quota: Quota, jobs: int) -> Refused | None:
        if quota.queued is None:
            return None
        used = self._all.waiting(bearer) + self._all.coming.of(bearer) + self._new[bearer]
        if used + jobs <= quota.queued:
            return None
        scope, name = bearer
        told = f"At most {quota.queued} jobs of {scope} {name} may wait; {used} do, and this is {jobs} more."
        numbers = {"limit": quota.queued, "used": used, "wanted": jobs}
        return _refused("QUOTA_EXCEEDED", f"{told} Wait until some start, or cancel some.", "queued", bearer, numbers)

    def _too_fast(self, bearer: Bearer, quota: Quota) -> Refused | None:
        limit = quota.submissions_per_minute
        if limit is None:
            return None
        scope, name = bearer
        numbers: dict[str, float] = {"limit": limit}
        told = f"{scope.capitalize()} {name} may submit {limit} jobs a minute"
        if limit == 0:
            told += ": none. Ask an admin for more."
            return _refused("QUOTA_EXCEEDED", told, "submissions_per_minute", bearer, numbers)
        left = self._all.buckets.level(bearer, limit, self._now) - self._made[bearer]
        if left >= 1.0:
            return None
        wait_s = (1.0 - left) * MINUTE_S / limit
        told += f" (an array is one). Try again in {max(1, round(wait_s))} s."
        refused = _refused("RATE_LIMITED", told, "submissions_per_minute", bearer, {**numbers, "retry_after_s": wait_s})
        refused.retry_after_s = wait_s
        return refused


def _limits(quotas: Quotas, key: GroupKey) -> Iterator[tuple[Bearer, Quota]]:
    """The quotas that limit submissions of `key`, with their bearers."""
    for scope, name in bearers_of(key):
        quota = quota_of(quotas, scope, name)
        if quota is not None and (quota.queued is not None or quota.submissions_per_minute is not None):
            yield (scope, name), quota


def quota_of(quotas: Quotas, scope: str, name: str) -> Quota | None:
    """The quota in force for a bearer."""
    if scope == "account":
        return quotas.accounts.get(AccountName(name))
    if scope == "group":
        return quotas.groups.get(GroupName(name))
    return quotas.service_totals.get(ServiceName(name))


def _refused(code: str, message: str, resource: str, bearer: Bearer, numbers: Mapping[str, float]) -> Refused:
    detail = {"field": "", "message": "over the quota", "scope": bearer[0], "name": bearer[1], "resource": resource}
    return Refused(code, message, [{**detail, **numbers}])
