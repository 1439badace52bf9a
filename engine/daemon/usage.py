"""What each group and account has used: GPU-seconds that fade with a half-life, and plain ones by calendar month.

Owned by the event loop; the store keeps the same numbers on disk. Must not know what a job costs.
"""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from engine.bookkeeping import Charged
from engine.core.fairshare import decayed
from engine.core.model import AccountName, GroupName, Owner, ServiceName
from engine.core.snapshot import Month
from engine.daemon.months import month_of

Bearer = TypeVar("Bearer", bound=Hashable)
Scoped = tuple[str, str]
"""`account`, `group` or `service`, and the name."""


class Fading(Generic[Bearer]):
    """Amounts that count half after each half-life, by bearer."""

    def __init__(self, half_life_s: float) -> None:
        self._half_life_s = half_life_s
        self._rows: dict[Bearer, tuple[float, float]] = {}

    def load(self, rows: Iterable[tuple[Bearer, float, float]]) -> None:
        """Take over (bearer, amount, as of Unix seconds)."""
        self._rows = {bearer: (amount, as_of) for bearer, amount, as_of in rows}

    def add(self, bearer: Bearer, amount: float, now: float) -> None:
        """Add (negative: give back); the sum never falls below 0. A clock that went back takes nothing away."""
        as_of = max(now, self._rows.get(bearer, (0.0, now))[1])
        self._rows[bearer] = (max(0.0, self.of(bearer, as_of) + amount), as_of)

    def clock_set(self, by_s: float) -> None:
        """The clock jumped, which lets nothing fade."""
        self._rows = {bearer: (amount, as_of + by_s) for bearer, (amount, as_of) in self._rows.items()}

    def of(self, bearer: Bearer, now: float) -> float:
        """What is left of the bearer's amounts at `now`."""
        amount, as_of = self._rows.get(bearer, (0.0, now))
        return decayed(amount, now - as_of, self._half_life_s)

    def all(self, now: float) -> dict[Bearer, float]:
        """The same of every bearer that has any."""
        return {bearer: self.of(bearer, now) for bearer in self._rows}


class UsageBook:
    """Usage of groups and of accounts inside them. half_life_s: seconds after which an amount counts half."""

    def __init__(self, half_life_s: float) -> None:
        self._half_life_s = half_life_s
        self._groups: Fading[GroupName] = Fading(half_life_s)
        self._accounts: Fading[Owner] = Fading(half_life_s)
        self._months: dict[str, dict[Scoped, float]] = {}

    def load(
        self,
        groups: Iterable[tuple[GroupName, float, float]],
        accounts: Iterable[tuple[Owner, float, float]] = (),
        months: Iterable[tuple[str, str, str, float]] = (),
    ) -> None:
        """Take over (bearer, GPU-seconds, as of Unix seconds), and (month, scope, name, GPU-seconds)."""
        self._groups.load(groups)
        self._accounts.load(accounts)
        self._months = {}
        for month, scope, name, gpu_s in months:
            self._months.setdefault(month, {})[(scope, name)] = gpu_s

    def clock_set(self, by_s: float) -> None:
        """The clock jumped."""
        self._groups.clock_set(by_s)
        self._accounts.clock_set(by_s)

    def charge(self, charged: Charged) -> None:
        """Add to all that the charge is about; no sum falls below 0."""
        self._groups.add(charged.owner.group, charged.gpu_seconds, charged.at)
        self._accounts.add(charged.owner, charged.gpu_seconds, charged.at)
        for month, gpu_s in charged.card_s.items():
            rows = self._months.setdefault(month, {})
            for bearer in charged.bearers:
                rows[bearer] = max(0.0, rows.get(bearer, 0.0) + gpu_s)

    def of(self, group: GroupName, now: float) -> float:
        """Decayed GPU-seconds of one group at `now`."""
        return self._groups.of(group, now)

    def left(self, gpu_s: float, age_s: float) -> float:
        """What an amount that was charged `age_s` seconds ago counts now; so much of it can be given back."""
        return decayed(gpu_s, age_s, self._half_life_s)

    def all(self, now: float) -> dict[GroupName, float]:
        """Decayed GPU-seconds of every group that has any."""
        return self._groups.all(now)

    def accounts(self, now: float) -> dict[Owner, float]:
        """Decayed GPU-seconds of every account in every group that it used any for."""
        return self._accounts.all(now)

    def month(self, now: float) -> Month:
        """What was charged to the calendar month of `now`."""
        rows = self._months.get(month_of(now), {})
        return Month(
            accounts={AccountName(name): gpu_s for (scope, name), gpu_s in rows.items() if scope == "account"},
            groups={GroupName(name): gpu_s for (scope, name), gpu_s in rows.items() if scope == "group"},
            services={ServiceName(name): gpu_s for (scope, name), gpu_s in rows.items() if scope == "service"},
        )
