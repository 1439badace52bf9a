"""How much somebody may book: the settings' bounds for users, and the quotas that bind everybody.

Must not know whether the cards are free, nor how a booking is written down.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from config.settings import SchedulingSettings
from engine.api.asks import Identity
from engine.core.model import AccountName, GpuUuid, GroupName, model_matches
from engine.core.quota import Quota
from engine.core.snapshot import Gpu, Quotas
from engine.daemon.access import Action, may
from engine.daemon.calendar import clock_time, peak
from engine.protocol.errors import Refused
from engine.store.slots import BookedSlot

PAST_TOLERANCE_S = 60.0
"""A start so little ago means now: people type whole minutes."""
DAY_S = 86_400.0


@dataclass(slots=True, frozen=True, kw_only=True)
class Wish:
    """Who wants to book from `start` to `end` (Unix seconds), beside the slots that stand."""

    who: Identity
    start: float
    end: float
    standing: Sequence[BookedSlot]


def start_of(asked: float | None, now: float) -> float:
    """When a booking begins. INVALID_STATE for what is past."""
    if asked is None or now - PAST_TOLERANCE_S <= asked <= now:
        return now
    if asked < now:
        told = f"{clock_time(asked)} is past. Give a time to come, or now."
        raise Refused("INVALID_STATE", told, [{"field": "start_at", "message": "is past", "wanted": asked, "now": now}])
    return asked


def check_times(wish: Wish, settings: SchedulingSettings, now: float) -> None:
    """Whether a user may book for so long and so far ahead. FORBIDDEN, QUOTA_EXCEEDED."""
    if may(wish.who, Action.BOOK_WITHOUT_LIMITS):
        return
    if settings.reserve_max_h == 0:
        raise Refused("FORBIDDEN", "Only admins may book cards here (scheduling.reserve_max_h is 0): ask one.")
    if (hours := (wish.end - wish.start) / 3600) > settings.reserve_max_h:
        told = f"{hours:g} h are asked for; a user may book {settings.reserve_max_h:g} h at most. Ask for less."
        raise _over("duration_s", told, limit_h=settings.reserve_max_h, wanted_h=hours)
    if (ahead := (wish.start - now) / DAY_S) > settings.reserve_ahead_days:
        last = clock_time(now + settings.reserve_ahead_days * DAY_S - 60)
        most = f"{settings.reserve_ahead_days:g} days"
        told = f"A user's booking starts at most {most} ahead: by {last} today. Choose an earlier start."
        raise _over("start_at", told, limit_days=settings.reserve_ahead_days, wanted_days=round(ahead, 3))


def check_count(wish: Wish, settings: SchedulingSettings, wanted: int) -> None:
    """Whether a user may have `wanted` more cards booked at once. QUOTA_EXCEEDED."""
    if may(wish.who, Action.BOOK_WITHOUT_LIMITS):
        return
    mine = [slot for slot in wish.standing if slot.account == wish.who.account]
    used, limit = peak(mine, wish.start, wish.end, lambda slot: len(slot.gpus)), settings.reserve_gpus
    if used + wanted > limit:
        told = f"A user may have {limit} cards booked at once; you have {used} in that time and ask for {wanted} more."
        raise _over("gpus", told, limit=limit, used=used, wanted=wanted)


def check_quotas(wish: Wish, quotas: Quotas, booked: Sequence[Gpu], gpus: Sequence[Gpu]) -> None:
    """Whether these cards fit the GPU quotas of account and group, beside what they have booked. QUOTA_EXCEEDED.

    gpus: all cards, to tell the types of those that are booked.
    """
    account, group = AccountName(wish.who.account), GroupName(wish.who.group)
    for scope, name, quota, theirs in (
        ("account", account, quotas.accounts.get(account), [slot for slot in wish.standing if slot.account == account]),
        ("group", group, quotas.groups.get(group), [slot for slot in wish.standing if slot.group == group]),
    ):
        for resource, limit, among in _limits(quota, gpus) if quota else ():
            used = peak(theirs, wish.start, wish.end, partial(_cards_among, among))
            wanted = len(among.intersection(gpu.uuid for gpu in booked))
            if wanted and used + wanted > limit:
                has = f"{scope.capitalize()} {name} may hold {limit} ({resource}) at once"
                told = f"{has}; {used} are booked in that time and {wanted} more are asked for. Ask for fewer."
                numbers = {"scope": scope, "name": name, "resource": resource, "limit": limit}
                raise _over("gpus", told, **numbers, used=used, wanted=wanted)


def _limits(quota: Quota, gpus: Sequence[Gpu]) -> Iterator[tuple[str, int, frozenset[GpuUuid]]]:
    """Each limit on cards, with the cards that count under it."""
    if quota.gpus is not None:
        yield "gpus", quota.gpus, frozenset(gpu.uuid for gpu in gpus)
    for kind, limit in sorted(quota.gpus_by_type.items()):
        yield f"gpus:{kind}", limit, frozenset(gpu.uuid for gpu in gpus if model_matches(gpu.model, kind))


def _cards_among(among: frozenset[GpuUuid], slot: BookedSlot) -> int:
    return len(among.intersection(slot.gpus))


def _over(field: str, message: str, **numbers: object) -> Refused:
    return Refused("QUOTA_EXCEEDED", message, [{"field": field, "message": "over the limit", **numbers}])
