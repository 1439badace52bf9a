"""What groups and their accounts used on each of the last days. Must not know HTTP, nor how it is read."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from engine.api.asks import Identity
from engine.core.model import GroupName, Owner
from engine.daemon.answers import not_ready
from engine.daemon.register import Register
from engine.daemon.usagereport import seen_groups
from engine.daemon.views import J_PER_KWH, Views
from engine.ports import Clock
from engine.protocol.usagedays import AccountDays, GroupDays, UsageDays
from engine.store.errors import StoreError
from engine.store.usagedays import DAY_S, Used
from engine.store.usagedays import UsageDays as StoredDays

USUAL_DAYS = 30


class DailyUsage:
    """Makes the report."""

    def __init__(self, *, register: Register, store: StoredDays, views: Views, clock: Clock) -> None:
        self._register = register
        self._store = store
        self._views = views
        self._clock = clock

    async def of(self, who: Identity, days: int, group: str | None) -> UsageDays:
        """The last days, today included; groups that `who` may see, or that one. FORBIDDEN, NOT_FOUND."""
        names = seen_groups(self._register, who, group)
        now = self._clock.now()
        today = int(now // DAY_S)
        known = range(max(0, today - days + 1), today + 1)
        try:
            found = await self._store.since(known.start, now)
        except StoreError as error:
            raise not_ready(error) from error
        sums = _Sums(known, found)
        return UsageDays(
            now=now,
            days=[datetime.fromtimestamp(day * DAY_S, UTC).strftime("%Y-%m-%d") for day in known],
            items=[self._group(who, GroupName(name), sums) for name in names],
        )

    async def settle(self) -> None:
        """Look at what ended lately, so that nobody has to wait for a month of it."""
        now = self._clock.now()
        with suppress(StoreError):  # whoever asks is told
            await self._store.since(max(0, int(now // DAY_S) - USUAL_DAYS + 1), now)

    def _group(self, who: Identity, name: GroupName, sums: "_Sums") -> GroupDays:
        owners = sums.owners(name)
        gpu_s, energy_kwh = sums.of(owners)
        seen = [owner for owner in owners if self._views.sees_all_of(who, owner)]
        return GroupDays(
            group=name, gpu_s=gpu_s, energy_kwh=energy_kwh, accounts=[_account(owner, sums) for owner in seen]
        )


class _Sums:
    """By owner and day."""

    def __init__(self, days: range, found: Sequence[Used]) -> None:
        self._days = days
        self._gpu_s: dict[Owner, list[float]] = defaultdict(lambda: [0.0] * len(days))
        self._energy_j: dict[Owner, list[float]] = defaultdict(lambda: [0.0] * len(days))
        for used in found:
            if used.day in days:
                self._gpu_s[used.owner][used.day - days.start] += used.gpu_s
                self._energy_j[used.owner][used.day - days.start] += used.energy_j

    def owners(self, group: GroupName) -> list[Owner]:
        """Who used something in a group, by name."""
        return sorted((owner for owner in self._gpu_s if owner.group == group), key=lambda owner: owner.account)

    def of(self, owners: Sequence[Owner]) -> tuple[list[float], list[float]]:
        """GPU-seconds and kWh of all of these by day."""
        places = range(len(self._days))
        gpu_s = [sum(self._gpu_s[owner][place] for owner in owners) for place in places]
        return gpu_s, [sum(self._energy_j[owner][place] for owner in owners) / J_PER_KWH for place in places]


def _account(owner: Owner, sums: _Sums) -> AccountDays:
    gpu_s, energy_kwh = sums.of([owner])
    return AccountDays(account=owner.account, gpu_s=gpu_s, energy_kwh=energy_kwh)
