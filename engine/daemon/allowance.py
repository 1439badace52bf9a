"""Whether a job may be submitted now: how many wait already, and how many came in the last minute, against quotas.

In memory alone: after a restart everybody has a full minute's allowance again. Must not know what a job asks for, nor
how it is written down.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from engine.core.model import AccountName, GroupKey, GroupName, ServiceName
from engine.core.quota import Quota
from engine.core.snapshot import Quotas
from engine.daemon.tally import Bearer, Tally, bearers_of
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields, size_of

MINUTE_S = 60.0
INGEST_FACTOR = 100
"""Where single submissions are limited and ingest is not, so many times as many lines may come: they share commits."""

Pace = Literal["submissions_per_minute", "ingest_per_minute"]
"""Which limit a batch comes under: that of single submissions, or that of the lines of files and batches."""


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
        self.buckets: Mapping[Pace, Buckets] = {"submissions_per_minute": Buckets(), "ingest_per_minute": Buckets()}
        self.coming = Tally()

    def batch(self, pace: Pace | None = "submissions_per_minute") -> "Batch":
        """For the submissions of one request; they see each other. pace: `None`: however fast they come."""
        return Batch(self, pace)

    def clock_set(self, by_s: float) -> None:
        """The clock jumped."""
        for buckets in self.buckets.values():
            buckets.clock_set(by_s)


class Batch:
    """Asked job by job; `keep` makes it count for others too, `settle` says that the jobs are in the queue by now."""

    def __init__(self, allowances: Allowances, pace: Pace | None) -> None:
        self._all = allowances
        self._pace = pace
        self._quotas = allowances.quotas()
        self._now = allowances.clock.now()
        self._new: Counter[Bearer] = Counter()
        self._made: Counter[Bearer] = Counter()
        self._limits: dict[GroupKey, list[tuple[Bearer, Quota]]] = {}
        self._kept: list[tuple[GroupKey, int]] = []

    def admit(self, jobs: Sequence[JobFields], keys: Sequence[GroupKey | Refused]) -> list[GroupKey | Refused]:
        """The keys of the submissions that may be made, in order; the others' refusals."""
        free = {id(key) for key in {id(key): key for key in keys}.values() if self._is_free(key)}
        return [
            key if id(key) in free or isinstance(key, Refused) else self.ask(key, size_of(job)) or key
            for job, key in zip(jobs, keys, strict=True)
        ]

    def ask(self, key: GroupKey, jobs: int) -> Refused | None:
        """Count a submission that makes so many jobs (an array's elements) in, or say why it is one too many."""
        limits = self._limits_of(key)
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
        if self._pace is None:
            return
        for limits in self._limits.values():
            for bearer, quota in limits:
                limit = per_minute(quota, self._pace)
                if (made := self._made.pop(bearer, 0)) and limit is not None:
                    self._all.buckets[self._pace].take(bearer, limit, made, self._now)

    def settle(self) -> None:
        """What was kept waits in the queue now, or was not taken after all."""
        for key, jobs in self._kept:
            self._all.coming.add(key, -jobs)
        self._kept.clear()

    def _is_free(self, key: GroupKey | Refused) -> bool:
        """Whether no quota limits submissions of that key: then there is nothing to count."""
        return not isinstance(key, Refused) and not self._limits_of(key)

    def _limits_of(self, key: GroupKey) -> list[tuple[Bearer, Quota]]:
        limits = self._limits.get(key)
        if limits is None:
            limits = self._limits[key] = list(_limits(self._quotas, key, self._pace))
        return limits

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
        limit = per_minute(quota, self._pace)
        if limit is None or self._pace is None:
            return None
        scope, name = bearer
        numbers: dict[str, float] = {"limit": limit}
        how = "submit" if self._pace == "submissions_per_minute" else "ingest"
        told = f"{scope.capitalize()} {name} may {how} {limit} jobs a minute"
        if limit == 0:
            told += ": none. Ask an admin for more."
            return _refused("QUOTA_EXCEEDED", told, self._pace, bearer, numbers)
        left = self._all.buckets[self._pace].level(bearer, limit, self._now) - self._made[bearer]
        if left >= 1.0:
            return None
        wait_s = (1.0 - left) * MINUTE_S / limit
        told += f" (an array is one). Try again in {max(1, round(wait_s))} s."
        refused = _refused("RATE_LIMITED", told, self._pace, bearer, {**numbers, "retry_after_s": wait_s})
        refused.retry_after_s = wait_s
        return refused


def per_minute(quota: Quota, pace: Pace | None) -> int | None:
    """How many submissions a minute may hold; `None` is no limit."""
    if pace is None:
        return None
    single = quota.submissions_per_minute
    if pace == "submissions_per_minute":
        return single
    if quota.ingest_per_minute is not None:
        return quota.ingest_per_minute
    return None if single is None else single * INGEST_FACTOR


def _limits(quotas: Quotas, key: GroupKey, pace: Pace | None) -> Iterator[tuple[Bearer, Quota]]:
    """The quotas that limit submissions of `key`, with their bearers."""
    for scope, name in bearers_of(key):
        quota = quota_of(quotas, scope, name)
        if quota is not None and (quota.queued is not None or per_minute(quota, pace) is not None):
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
