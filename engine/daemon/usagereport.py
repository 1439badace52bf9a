"""What groups and their accounts have used, against what they may: the API's `Usages`.

Nothing is computed here that a pass computes: factors come from the core's ledger. Must not know HTTP, nor how usage
is charged.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

from engine.api.asks import Identity
from engine.core.ledger import Ledger
from engine.core.model import AccountName, GroupName, Owner
from engine.core.policy import Policy
from engine.core.snapshot import Snapshot
from engine.daemon.access import Action, may
from engine.daemon.allowance import quota_of
from engine.daemon.answers import not_ready
from engine.daemon.books import Books
from engine.daemon.months import month_of
from engine.daemon.register import Register
from engine.daemon.views import J_PER_KWH, Views
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.protocol.people import AccountUsage, GroupUsage, UsageReport, UsageRow
from engine.store.errors import StoreError
from engine.store.measures import Measures
from engine.store.usage import Usage

Ran = Mapping[Owner, float] | None
"""Plain GPU-seconds by owner from the asked time on; `None`: nobody asked."""


@dataclass(slots=True, frozen=True, kw_only=True)
class _Energy:
    """Joules: of this month by scope and name, and by owner from the asked time on (`None`: nobody asked)."""

    month: Mapping[tuple[str, str], float] = field(default_factory=dict)
    since: Ran = None


def seen_groups(register: Register, who: Identity, group: str | None) -> list[str]:
    """Groups whose usage `who` may see, by name; or that one. FORBIDDEN, NOT_FOUND."""
    if group is None:
        return sorted(register.groups) if may(who, Action.SEE_ALL_USAGE) else [who.group]
    if group != who.group and not may(who, Action.SEE_ALL_USAGE):
        raise Refused("FORBIDDEN", f"You see the usage of your own group, {who.group}. Leave the group out.")
    if group not in register.groups:
        raise Refused("NOT_FOUND", f"There is no group {group}. See: rcq group list.")
    return [group]


class UsageService:
    """Fulfils `engine.api.backend.Usages`."""

    def __init__(
        self,
        *,
        books: Books,
        register: Register,
        store: Usage,
        measures: Measures,
        views: Views,
        policy: Policy,
        clock: Clock,
    ) -> None:
        self._books = books
        self._register = register
        self._store = store
        self._measures = measures
        self._views = views
        self._policy = policy
        self._clock = clock

    async def usage(self, who: Identity, group: str | None, since: float | None) -> UsageReport:
        """All groups for admins, the own one for others; or one of them."""
        names = seen_groups(self._register, who, group)
        ran = await self._ran(since)
        now = self._clock.now()
        energy = await self._energy(since, now)
        snapshot = self._books.snapshot(now)
        one = _Reader(snapshot, self._policy, ran, energy)
        return UsageReport(
            now=now,
            since=since,
            month=month_of(now),
            policy=self._policy.order.value,
            half_life_s=self._policy.half_life_s,
            shares=sum(terms.share for terms in snapshot.groups.values()),
            total_gpu_s=sum(snapshot.usage_gpu_s.values()),
            core_weight=self._policy.core_weight,
            items=[
                one.group(GroupName(name), self._accounts(who, name, one))
                for name in names
                if name in snapshot.groups  # one that was removed while the store was asked is not told of
            ],
        )

    async def _ran(self, since: float | None) -> Ran:
        if since is None:
            return None
        now = self._clock.now()
        if since > now:
            told = "The time to count from must be over."
            raise Refused("VALIDATION_ERROR", told, [{"field": "since", "message": "is to come", "now": now}])
        try:
            return await self._store.ran_since(since, now)
        except StoreError as error:
            raise not_ready(error) from error

    async def _energy(self, since: float | None, now: float) -> _Energy:
        try:
            month = await self._measures.month(month_of(now))
            return _Energy(month=month, since=None if since is None else await self._measures.since(since, now))
        except StoreError as error:
            raise not_ready(error) from error

    def _accounts(self, who: Identity, group: str, one: "_Reader") -> Iterable[Owner]:
        """Who is in the group, and who used any of it; as far as the caller may know of them."""
        members = (account.name for account in self._register.accounts.values() if account.group == group)
        names = {*members, *(owner.account for owner in one.owners() if owner.group == group)}
        owners = (Owner(account=AccountName(name), group=GroupName(group)) for name in sorted(names))
        return [owner for owner in owners if self._views.sees_all_of(who, owner)]


class _Reader:
    """Reads rows off one snapshot."""

    def __init__(self, snapshot: Snapshot, policy: Policy, ran: Ran, energy: _Energy) -> None:
        self._snapshot = snapshot
        self._energy = energy
        self._ledger = Ledger(snapshot, policy)
        self._ran = ran
        self._held: Counter[tuple[str, str]] = Counter()
        for lease in snapshot.leases:
            for bearer in (("account", lease.key.owner.account), ("group", lease.key.owner.group)):
                self._held[bearer] += len(lease.gpus)

    def owners(self) -> set[Owner]:
        """Everybody who is charged for something."""
        return {*self._snapshot.usage_accounts_gpu_s, *(self._ran or ())}

    def group(self, name: GroupName, owners: Iterable[Owner]) -> GroupUsage:
        """A group with these accounts."""
        terms = self._snapshot.groups[name]
        row = self._row(
            ("group", name),
            usage=self._snapshot.usage_gpu_s.get(name, 0.0),
            quota=self._ledger.share_gpu_s(name),
            fair=self._ledger.fair_of_group(name),
            month=self._snapshot.month.groups.get(name, 0.0),
            since=_sum(self._ran, name),
            since_energy_j=_sum(self._energy.since, name),
        )
        return GroupUsage(
            group=name,
            priority=terms.priority,
            share=terms.share,
            guarantee_gpus=terms.guarantee_gpus,
            accounts=[self._account(owner) for owner in owners],
            **asdict(row),
        )

    def _account(self, owner: Owner) -> AccountUsage:
        row = self._row(
            ("account", owner.account),
            usage=self._snapshot.usage_accounts_gpu_s.get(owner, 0.0),
            quota=self._ledger.part_gpu_s(owner),
            fair=self._ledger.fair(owner),
            month=self._snapshot.month.accounts.get(owner.account, 0.0),
            since=None if self._ran is None else self._ran.get(owner, 0.0),
            since_energy_j=None if self._energy.since is None else self._energy.since.get(owner, 0.0),
        )
        return AccountUsage(account=owner.account, **asdict(row))

    def _row(
        self,
        bearer: tuple[str, str],
        *,
        usage: float,
        quota: float,
        fair: float,
        month: float,
        since: float | None,
        since_energy_j: float | None,
    ) -> UsageRow:
        limits = quota_of(self._snapshot.quotas, *bearer)
        return UsageRow(
            usage_gpu_s=usage,
            quota_gpu_s=quota,
            fair=fair,
            month_gpu_s=month,
            month_limit_gpu_h=limits.gpu_hours if limits else None,
            gpus=self._held[bearer],
            gpus_limit=limits.gpus if limits else None,
            since_gpu_s=since,
            month_energy_kwh=self._energy.month.get(bearer, 0.0) / J_PER_KWH,
            since_energy_kwh=None if since_energy_j is None else since_energy_j / J_PER_KWH,
        )


def _sum(by_owner: Ran, group: GroupName) -> float | None:
    return None if by_owner is None else sum(part for owner, part in by_owner.items() if owner.group == group)
