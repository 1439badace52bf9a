"""A plan, bookings and usage for the scripted box: what the screens of plan and usage are looked at with."""

import time
from typing import Any

from engine.protocol.people import AccountUsage, GroupUsage, UsageReport
from engine.protocol.planned import PlanCard, PlanItem, Planned
from engine.protocol.responses import ReservationView
from engine.protocol.usagedays import AccountDays, GroupDays, UsageDays
from rcq_tui.client.fake import FakeApi

HOUR = 3600.0


def item(kind: str, number: int | None, gpus: list[int], start: float, end: float, **what: Any) -> PlanItem:
    """A bar of ada's unless told otherwise."""
    given: dict[str, Any] = {
        "kind": kind, "id": number, "name": None, "account": "ada", "group": "vision", "gpus": gpus,
        "start": start, "end": end, "basis": "time limit",
    }  # fmt: skip
    return PlanItem(**(given | what))


def redacted(kind: str, group: str, gpus: list[int], start: float, end: float) -> PlanItem:
    """A bar of somebody else, as far as one may know it."""
    return item(kind, None, gpus, start, end, account=None, group=group, redacted=True)


def items(now: float) -> list[PlanItem]:
    """The afternoon and night after `now`."""
    return [
        item("running", 141, [0, 1], now - 4380, now + 2700, name="resnet-lr3e-4", basis="history"),
        item("running", 143, [3], now - 192, now + 7000, name="eval"),
        redacted("running", "nlp", [4], now - 9000, now + 34_200),
        redacted("running", "nlp", [3], now - 700, now + 5000),
        item("running", 146, [], now - 20, now + 3000, name="prepare-data"),
        item("promised", 151, [0, 1, 6, 7], now + 2700, now + 9900, name="gang-of-four"),
        redacted("promised", "nlp", [2], now + 3600, now + 15_000),
        item("forecast", 153, [0, 1], now + 9900, now + 17_100, name="resnet-lr1e-3"),
        item("forecast", 154, [7], now + 9900, now + 13_000, name="[red]not markup[/red] \x1b[31mnor colour"),
        redacted("forecast", "robotics", [3], now + 7000, now + 20_000),
        item("forecast", 156, [6, 7], now + 13_000, now + 20_200, name="resnet-lr3e-3"),
        item("slot", None, [7], now + 25_200, now + 39_600, group=None, basis="booked"),
        item("slot", None, [2], now + 21_000, now + 50_000, account="mia", group=None, basis="booked"),
    ]


def plan_of(fake: FakeApi, now: float, **what: Any) -> Planned:
    """The plan over the fake's cards."""
    given: dict[str, Any] = {
        "now": now, "until": now + 24 * HOUR, "known_until": now + 20 * HOUR, "later": 3,
        "cards": [
            PlanCard(index=card.index, uuid=card.uuid, model=card.model, state=card.state) for card in fake.cards
        ],
        "items": items(now),
    }  # fmt: skip
    return Planned(**(given | what))


def bookings(now: float) -> list[ReservationView]:
    """The two that the plan shows."""
    return [
        ReservationView(
            id=number, account=account, group="vision", gpu_indices=[gpu], gpu_uuids=[f"GPU-{gpu:08d}"],
            start_at=now + start, end_at=now + end, created_at=now - HOUR, active=False, mine=account == "ada",
        )
        for number, account, gpu, start, end in ((5, "ada", 7, 25_200.0, 39_600.0), (6, "mia", 2, 21_000.0, 50_000.0))
    ]  # fmt: skip


def script(fake: FakeApi, box: Any) -> FakeApi:
    """Give the fake engine all of that."""
    fake.planned = plan_of(fake, box.NOW)
    fake.slots = bookings(box.NOW)
    fake.report = usage_report(box.NOW)
    fake.daily = usage_days(30)
    return fake


def usage_report(now: float) -> UsageReport:
    """Three groups; ada's has a limit of the month that is near."""
    plain: dict[str, Any] = {
        "usage_gpu_s": 0.0, "quota_gpu_s": 0.0, "fair": 1.0, "month_gpu_s": 0.0, "month_limit_gpu_h": None, "gpus": 0,
        "gpus_limit": None, "since_gpu_s": None, "month_energy_kwh": 0.0,
    }  # fmt: skip

    def account(name: str, **what: Any) -> AccountUsage:
        return AccountUsage(**(plain | {"account": name} | what))

    def group(name: str, accounts: list[AccountUsage], **what: Any) -> GroupUsage:
        given = {"group": name, "priority": 5, "share": 1.0, "guarantee_gpus": 0, "accounts": accounts}
        return GroupUsage(**(plain | given | what))

    ada = account("ada", usage_gpu_s=90_000, quota_gpu_s=180_000, fair=1.6, month_gpu_s=252_000, gpus=3, gpus_limit=4,
                  month_limit_gpu_h=75.0, month_energy_kwh=17.2)  # fmt: skip
    mia = account("mia\x1b[31m", usage_gpu_s=230_000, quota_gpu_s=180_000, fair=0.85, month_gpu_s=391_000, gpus=1,
                  month_energy_kwh=26.4)  # fmt: skip
    return UsageReport(
        now=now, since=None, month="2026-03", policy="fair-share", half_life_s=604_800.0, shares=4.0,
        total_gpu_s=720_000.0, core_weight=0.01,
        items=[
            group("nlp", [], usage_gpu_s=300_000, quota_gpu_s=180_000, fair=0.6, month_gpu_s=540_000, gpus=2,
                  month_energy_kwh=31.0),
            group("vision", [mia, ada], share=2.0, usage_gpu_s=320_000, quota_gpu_s=360_000, fair=1.13, gpus=4,
                  gpus_limit=4, month_gpu_s=643_000, month_energy_kwh=43.6, guarantee_gpus=2),
            group("robotics", [], usage_gpu_s=100_000, quota_gpu_s=180_000, fair=1.8, month_gpu_s=61_000,
                  month_energy_kwh=4.1),
        ],
    )  # fmt: skip


def usage_days(count: int) -> UsageDays:
    """So many days up to the first of March, with a pattern of a week."""
    days = [time.strftime("%Y-%m-%d", time.gmtime(1_772_323_200 - 86_400 * at)) for at in reversed(range(count))]

    def week(most: float, off: int) -> list[float]:
        return [
            most * 3600 * (0.15 if (at + off) % 7 in {0, 6} else 0.5 + ((at * 5 + off) % 7) / 14) for at in range(count)
        ]

    def rated(gpu_s: list[float]) -> list[float]:
        return [one / 3600 * 0.27 for one in gpu_s]

    ada, mia, nlp, robotics = week(30, 0), week(42, 2), week(60, 1), week(12, 4)
    vision = [sum(both) for both in zip(ada, mia, strict=True)]
    people = [
        AccountDays(account=name, gpu_s=used, energy_kwh=rated(used))
        for name, used in (("ada", ada), ("mia\x1b[31m", mia))
    ]
    return UsageDays(
        now=1_772_373_900.0, days=days,
        items=[
            GroupDays(group=name, gpu_s=used, energy_kwh=rated(used), accounts=people if name == "vision" else [])
            for name, used in (("nlp", nlp), ("robotics", robotics), ("vision", vision))
        ],
    )  # fmt: skip
