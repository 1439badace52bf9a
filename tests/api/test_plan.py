"""GET /v1/plan: how far ahead, and what is no number of hours."""

from dataclasses import asdict

import pytest

from engine.protocol.planned import PlanCard, PlanItem, Planned
from tests.api.scripted import USER, Api, refusal

PLANNED = Planned(
    now=1.0, until=2.0, known_until=3.0, later=4,
    cards=[PlanCard(index=0, uuid="GPU-0", model="A6000", state="ok")],
    items=[PlanItem(kind="promised", id=None, name=None, account=None, group="g", gpus=[0], start=1.0, end=2.0,
                    basis="time limit", redacted=True)],
)  # fmt: skip


def test_a_day_unless_told_otherwise(api: Api) -> None:
    api.script.expect("jobs.planned", USER, 24.0, gives=PLANNED)
    api.script.expect("jobs.planned", USER, 0.5, gives=PLANNED)
    assert api.ask("GET", "/v1/plan").json() == asdict(PLANNED)
    assert api.ask("GET", "/v1/plan?hours=0.5").status_code == 200


@pytest.mark.parametrize("query", ["hours=0", "hours=-1", "hours=nan", "hours=inf", "hours=1e9", "hours=x", "days=1"])
def test_what_are_no_hours_is_refused(api: Api, query: str) -> None:
    assert refusal(api.ask("GET", f"/v1/plan?{query}")) == (422, "VALIDATION_ERROR")
