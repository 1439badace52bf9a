"""Who holds what, and what everybody has used, while a pass makes up its mind.

Starts are entered as they are decided, so that each next decision sees them. Pure: it lives for one pass only.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from engine.core import fairshare
from engine.core.backlog import backlog_s
from engine.core.model import AccountName, GpuUuid, GroupKey, GroupName, JobId, Owner, ServiceName, Shape, model_matches
from engine.core.policy import Policy
from engine.core.quota import Bound, Holding, Quota
from engine.core.reasons import ArrayFull, QuotaReached
from engine.core.snapshot import Gpu, Lease, Snapshot


@dataclass(slots=True, frozen=True, kw_only=True)
class TypeCap:
    """At most `left` more cards whose model has the words of `gpu_type`; `reached` says so with numbers."""

    gpu_type: str
    left: int
    reached: QuotaReached

    def covers(self, gpu: Gpu) -> bool:
        """Whether the cap counts this card."""
        return model_matches(gpu.model, self.gpu_type)


class Spare(NamedTuple):
    """How much more all of somebody's quotas allow at least: who wants no more exceeds none of them.

    typed: whether some quota limits cards of a type. gpu_hours is a little less than what is allowed, for rounding.
    """

    gpus: float
    gpu_memory_mb: float
    cpu_cores: float
    memory_mb: float
    jobs: float
    gpu_hours: float
    typed: bool

    def suffices(self, shape: Shape, gpu_hours: float) -> bool:
        """Whether one more job of `shape` surely stays within all limits."""
        return (
            shape.gpus <= self.gpus
            and shape.cpu_cores <= self.cpu_cores
            and shape.memory_mb <= self.memory_mb
            and self.jobs >= 1
            and gpu_hours <= self.gpu_hours
            and shape.gpus * max(1, shape.gpu_memory_mb) <= self.gpu_memory_mb
            and not (self.typed and shape.gpu_type)
        )


def spare(bounds: Iterable[tuple[Bound, float]]) -> Spare:
    """What is spare under these quotas; each comes with the GPU-hours used this month."""
    least = dict.fromkeys(Spare._fields[:-1], math.inf)
    typed = False
    for bound, used_hours in bounds:
        quota, held = bound.quota, bound.holding
        rows: tuple[tuple[str, float | None, float], ...] = (
            ("gpus", quota.gpus, held.gpus),
            ("gpu_memory_mb", quota.gpu_memory_mb, held.gpu_memory_mb),
            ("cpu_cores", quota.cpu_cores, held.cpu_cores),
            ("memory_mb", quota.memory_mb, held.memory_mb),
            ("jobs", quota.jobs, held.jobs),
            ("gpu_hours", quota.gpu_hours, used_hours + 1e-6),
        )
        for name, limit, used in rows:
            if limit is not None:
                least[name] = min(least[name], limit - used)
        typed = typed or bool(quota.gpus_by_type)
    return Spare(**least, typed=typed)


class Ledger:
    """Holdings against quotas, and usage against shares."""

    def __init__(self, snapshot: Snapshot, policy: Policy) -> None:
        self.terms = snapshot.groups
        self.quotas = snapshot.quotas
        self.usage: dict[GroupName, float] = dict(snapshot.usage_gpu_s)
        self.run_s = snapshot.run_s
        self.runs_s = [snapshot.run_s(group.key) for group in snapshot.pending]
        self.backlog_s = backlog_s(snapshot, self.runs_s)
        self.version = self.starts = 0
        self._policy = policy
        self._cards: Mapping[GpuUuid, Gpu] = {gpu.uuid: gpu for gpu in snapshot.all_gpus}
        self._largest = sorted(snapshot.gpus, key=lambda gpu: gpu.memory_mb)[-1:]
        self._fair: dict[Owner, float] = {}
        self._spare: dict[tuple[AccountName, GroupName, ServiceName | None], Spare] = {}
        self._within: dict[Owner, float] = dict(snapshot.usage_accounts_gpu_s)
        self._users = Counter(owner.group for owner in self._within)
        self.settle()
        self._month: dict[str, Mapping[str, float]] = {
            "account": cast(Mapping[str, float], snapshot.month.accounts),
            "group": cast(Mapping[str, float], snapshot.month.groups),
            "service": cast(Mapping[str, float], snapshot.month.services),
        }
        self._started_gpu_s: dict[tuple[str, str], float] = {}
        self._holdings: dict[tuple[str, str], Holding] = {}
        self._services: dict[tuple[AccountName, ServiceName], int] = {}
        self._arrays: dict[JobId, int] = {}
        self._coming: Counter[GroupName] = Counter()
        for lease in snapshot.leases:
            self._hold(lease)
            if lease.ending:
                self._coming[lease.key.owner.group] -= len(lease.gpus)
        self._claims = [claim for claim in snapshot.claims if claim.stands(snapshot.leases)]
        for claim in self._claims:
            self._coming[claim.key.owner.group] += len(claim.gpus)

    def settle(self) -> None:
        """Measure everybody against what all have used by now.

        Between two calls a start makes only its own owner's factor fall, so that an order stays an order.
        """
        self._shares = fairshare.quotas_gpu_s(self.terms, sum(self.usage.values()))
        self._used_before = dict(self.usage)
        self._changed()

    def fair(self, owner: Owner) -> float:
        """The fair-share factor of an account in its group, 0.1 to 2.0."""
        if (known := self._fair.get(owner)) is None:
            known = fairshare.owner_factor(self.fair_of_group(owner.group), self.fair_within(owner))
            self._fair[owner] = known
        return known

    def fair_of_group(self, group: GroupName) -> float:
        """The fair-share factor of a group among the groups, 0.1 to 2.0."""
        return fairshare.fair_factor(self.share_gpu_s(group), self.usage.get(group, 0.0))

    def fair_within(self, owner: Owner) -> float:
        """The factor of an account among those of its group that used anything: equal parts are 1; 0.1 to 2.0."""
        if not self._users[owner.group]:
            return 1.0
        return fairshare.fair_factor(self.part_gpu_s(owner), self._within.get(owner, 0.0))

    def share_gpu_s(self, group: GroupName) -> float:
        """Decayed usage at which the group stands at its share; 0 for a group without terms."""
        return self._shares.get(group, 0.0)

    def part_gpu_s(self, owner: Owner) -> float:
        """Decayed usage at which the account stands at its equal part of what its group used."""
        users = self._users[owner.group] + (owner not in self._within)
        return self._used_before.get(owner.group, 0.0) / users

    def held_gpus(self, group: GroupName) -> int:
        """Cards that the group's jobs hold; a shared one counts whole."""
        holding = self._holdings.get(("group", group))
        return holding.gpus if holding else 0

    def standing_gpus(self, group: GroupName) -> int:
        """The same once all who were told to stop have gone and all whom they made way for have started."""
        return self.held_gpus(group) + self._coming[group]

    def entitled(self, key: GroupKey) -> bool:
        """Whether one more job of `key` stays within what its group is guaranteed."""
        terms = self.terms.get(key.owner.group)
        if terms is None or not terms.guarantee_gpus or not key.shape.gpus:
            return False
        return self.standing_gpus(key.owner.group) + key.shape.gpus <= terms.guarantee_gpus

    def start(self, lease: Lease) -> None:
        """Enter a new lease and charge its owner for the expected run."""
        self._hold(lease)
        for claim in [one for one in self._claims if not one.stands((lease,))]:
            self._claims.remove(claim)
            self._coming[claim.key.owner.group] -= len(claim.gpus)
        sizes = {uuid: self._cards[uuid].memory_mb for uuid in lease.gpus}
        owner = lease.key.owner
        billed = fairshare.charge(lease, lease.expected_end, sizes, self._policy.core_weight)
        self.usage[owner.group] = self.usage.get(owner.group, 0.0) + billed
        if owner in self._within:
            self._within[owner] += billed
        plain = fairshare.charge(lease, lease.expected_end, sizes, 0.0)
        for bearer in _bearers(lease.key):
            self._started_gpu_s[bearer] = self._started_gpu_s.get(bearer, 0.0) + plain
        self.starts += 1
        self._spare = {
            whose: known
            for whose, known in self._spare.items()
            if whose[0] != owner.account and whose[1] != owner.group and (whose[2] or "") != lease.key.service
        }
        self._changed()

    def breaches(self, key: GroupKey, run_s: float | None = None) -> tuple[QuotaReached | ArrayFull, ...]:
        """Every quota, and its array's cap, that one more job of `key` would exceed, whichever cards it got.

        run_s: its expected run, seconds, where that is at hand.
        """
        found: list[QuotaReached | ArrayFull] = []
        expected_s = self.run_s(key) if run_s is None else run_s
        hours = least_cards(key.shape, self._largest) * expected_s / 3600.0
        if not self.spare_of(key).suffices(key.shape, hours):
            for bound in self._bounds(key):
                found += bound.breaches(key.shape)
                if bound.quota.gpu_hours is not None:
                    found += bound.reached("gpu_hours", bound.quota.gpu_hours, self._hours(bound), hours)
        if key.service is not None and (limit := self.quotas.services.get(key.service)) is not None:
            used = self._services.get((key.owner.account, key.service), 0)
            if used + 1 > limit:
                found.append(
                    QuotaReached(scope="service", name=key.service, resource="jobs", limit=limit, used=used, wanted=1)
                )
        if key.array is not None and (running := self._arrays.get(key.array.parent, 0)) >= key.array.most:
            found.append(ArrayFull(parent=key.array.parent, limit=key.array.most, running=running))
        return tuple(found)

    def type_caps(self, key: GroupKey) -> tuple[TypeCap, ...]:
        """How many more cards of each limited type the owner may get."""
        return tuple(
            TypeCap(
                gpu_type=gpu_type,
                left=max(0, limit - (used := bound.holding.of_type(gpu_type))),
                reached=QuotaReached(
                    scope=bound.scope,
                    name=bound.name,
                    resource=f"gpus:{gpu_type}",
                    limit=limit,
                    used=used,
                    wanted=key.shape.gpus,
                ),
            )
            for bound in self._bounds(key)
            for gpu_type, limit in sorted(bound.quota.gpus_by_type.items())
        )

    def memory_breaches(self, key: GroupKey, chosen: Sequence[Gpu]) -> tuple[QuotaReached, ...]:
        """The GPU memory quotas that these cards would exceed."""
        wanted = sum(held_gpu_memory_mb(key, gpu) for gpu in chosen)
        return tuple(
            reason
            for bound in self._bounds(key)
            for reason in bound.reached("gpu_memory_mb", bound.quota.gpu_memory_mb, bound.holding.gpu_memory_mb, wanted)
        )

    def _bounds(self, key: GroupKey) -> Iterator[Bound]:
        quotas = self.quotas
        if (quota := quotas.accounts.get(key.owner.account)) is not None:
            yield self._bound("account", key.owner.account, quota)
        if (quota := quotas.groups.get(key.owner.group)) is not None:
            yield self._bound("group", key.owner.group, quota)
        if key.service is not None and (quota := quotas.service_totals.get(key.service)) is not None:
            yield self._bound("service", key.service, quota)

    def _bound(self, scope: str, name: str, quota: Quota) -> Bound:
        return Bound(scope=scope, name=name, quota=quota, holding=self._holdings.get((scope, name)) or Holding())

    def _hours(self, bound: Bound) -> float:
        """GPU-hours of this month that the bound's bearer used, expected runs included."""
        used = self._month[bound.scope].get(bound.name, 0.0) + self._started_gpu_s.get((bound.scope, bound.name), 0.0)
        return used / 3600.0

    def spare_of(self, key: GroupKey) -> Spare:
        """What all quotas of whoever has jobs of `key` leave spare: one value until one of them starts something."""
        whose = (key.owner.account, key.owner.group, key.service)
        if (known := self._spare.get(whose)) is None:
            known = self._spare[whose] = spare((bound, self._hours(bound)) for bound in self._bounds(key))
        return known

    def _changed(self) -> None:
        """Ranks are others now."""
        self.version += 1
        self._fair.clear()

    def _hold(self, lease: Lease) -> None:
        key = lease.key
        cards = [self._cards[uuid] for uuid in lease.gpus if uuid in self._cards]
        memory_mb = sum(held_gpu_memory_mb(key, gpu) for gpu in cards)
        for bearer in _bearers(key):
            holding = self._holdings.setdefault(bearer, Holding())
            holding.gpus += len(lease.gpus)
            holding.gpu_memory_mb += memory_mb
            holding.cpu_cores += key.shape.cpu_cores
            holding.memory_mb += key.shape.memory_mb
            holding.jobs += 1
            for gpu in cards:
                holding.models[gpu.model] = holding.models.get(gpu.model, 0) + 1
        if key.service is not None:
            of_account = (key.owner.account, key.service)
            self._services[of_account] = self._services.get(of_account, 0) + 1
        if key.array is not None:
            self._arrays[key.array.parent] = self._arrays.get(key.array.parent, 0) + 1


def _bearers(key: GroupKey) -> tuple[tuple[str, str], ...]:
    """Scope and name of everybody whom a job of `key` counts for."""
    owners = (("account", key.owner.account), ("group", key.owner.group))
    return owners if key.service is None else (*owners, ("service", key.service))


def least_cards(shape: Shape, gpus: Iterable[Gpu]) -> float:
    """Cards that a job of `shape` is billed for at least: whole ones, or its part of the largest that there is."""
    if not shape.share:
        return float(shape.gpus)
    largest = max((gpu.memory_mb for gpu in gpus), default=0)
    return shape.gpus * min(1.0, shape.gpu_memory_mb / largest) if largest else 0.0


def held_gpu_memory_mb(key: GroupKey, gpu: Gpu) -> int:
    """MiB of a card that a lease of `key` holds: all of it, or the part it shares."""
    return key.shape.gpu_memory_mb if key.shape.share else gpu.memory_mb
