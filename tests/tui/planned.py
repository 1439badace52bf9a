"""A plan, bookings and usage for the scripted box: what the screens of plan and usage are looked at with."""

from typing import Any

from engine.protocol.responses import PlanCard, PlanItem, Planned, ReservationView
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
    return fake
