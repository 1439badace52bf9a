"""Who holds what, and what everybody has used, while a pass makes up its mind.

Starts are entered as they are decided, so that each next decision sees them. Pure: it lives for one pass only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.core import fairshare
from engine.core.model import AccountName, GpuUuid, GroupKey, GroupName, Owner, ServiceName, model_matches
from engine.core.policy import Policy
from engine.core.quota import Bound, Holding
from engine.core.reasons import QuotaReached
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


class Ledger:
    """Holdings against quotas, and usage against shares."""

    def __init__(self, snapshot: Snapshot, policy: Policy) -> None:
        self.terms = snapshot.groups
        self.quotas = snapshot.quotas
        self.usage: dict[GroupName, float] = dict(snapshot.usage_gpu_s)
        self._policy = policy
        self._cards: Mapping[GpuUuid, Gpu] = {gpu.uuid: gpu for gpu in snapshot.gpus}
        self._shares = fairshare.quotas_gpu_s(
            snapshot.groups, len(snapshot.gpus), snapshot.host, policy.half_life_s, policy.core_weight
        )
        self._accounts: dict[AccountName, Holding] = {}
        self._groups: dict[GroupName, Holding] = {}
        self._services: dict[tuple[AccountName, ServiceName], int] = {}
        for lease in snapshot.leases:
            self._hold(lease)

    def fair(self, group: GroupName) -> float:
        """The fair-share factor of a group, 0.1 to 2.0."""
        return fairshare.fair_factor(self.share_gpu_s(group), self.usage.get(group, 0.0))

    def share_gpu_s(self, group: GroupName) -> float:
        """Decayed usage at which the group stands at its share; 0 for a group without terms."""
        return self._shares.get(group, 0.0)

    def start(self, lease: Lease) -> None:
        """Enter a new lease and charge its owner for the expected run."""
        self._hold(lease)
        sizes = {uuid: self._cards[uuid].memory_mb for uuid in lease.gpus}
        billed = fairshare.charge(lease, lease.expected_end, sizes, self._policy.core_weight)
        group = lease.key.owner.group
        self.usage[group] = self.usage.get(group, 0.0) + billed

    def breaches(self, key: GroupKey) -> tuple[QuotaReached, ...]:
        """Every quota that one more job of `key` would exceed, whichever cards it got."""
        found = [reason for bound in self._bounds(key.owner) for reason in bound.breaches(key.shape)]
        if key.service is not None and (limit := self.quotas.services.get(key.service)) is not None:
            used = self._services.get((key.owner.account, key.service), 0)
            if used + 1 > limit:
                found.append(
                    QuotaReached(scope="service", name=key.service, resource="jobs", limit=limit, used=used, wanted=1)
                )
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
            for bound in self._bounds(key.owner)
            for gpu_type, limit in sorted(bound.quota.gpus_by_type.items())
        )

    def memory_breaches(self, key: GroupKey, chosen: Sequence[Gpu]) -> tuple[QuotaReached, ...]:
        """The GPU memory quotas that these cards would exceed."""
        wanted = sum(held_gpu_memory_mb(key, gpu) for gpu in chosen)
        return tuple(
            reason
            for bound in self._bounds(key.owner)
            for reason in bound.reached("gpu_memory_mb", bound.quota.gpu_memory_mb, bound.holding.gpu_memory_mb, wanted)
        )

    def _bounds(self, owner: Owner) -> Iterator[Bound]:
        if (quota := self.quotas.accounts.get(owner.account)) is not None:
            holding = self._accounts.get(owner.account) or Holding()
            yield Bound(scope="account", name=owner.account, quota=quota, holding=holding)
        if (quota := self.quotas.groups.get(owner.group)) is not None:
            holding = self._groups.get(owner.group) or Holding()
            yield Bound(scope="group", name=owner.group, quota=quota, holding=holding)

    def _hold(self, lease: Lease) -> None:
        key = lease.key
        cards = [self._cards[uuid] for uuid in lease.gpus if uuid in self._cards]
        for holding in (
            self._accounts.setdefault(key.owner.account, Holding()),
            self._groups.setdefault(key.owner.group, Holding()),
        ):
            holding.gpus += len(lease.gpus)
            holding.gpu_memory_mb += sum(held_gpu_memory_mb(key, gpu) for gpu in cards)
            holding.cpu_cores += key.shape.cpu_cores
            holding.memory_mb += key.shape.memory_mb
            holding.jobs += 1
            for gpu in cards:
                holding.models[gpu.model] = holding.models.get(gpu.model, 0) + 1
        if key.service is not None:
            bearer = (key.owner.account, key.service)
            self._services[bearer] = self._services.get(bearer, 0) + 1


def held_gpu_memory_mb(key: GroupKey, gpu: Gpu) -> int:
    """MiB of a card that a lease of `key` holds: all of it, or the part it shares."""
    return key.shape.gpu_memory_mb if key.shape.share else gpu.memory_mb
