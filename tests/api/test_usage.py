"""GET /v1/usage over HTTP: what is asked of the engine, what is refused before it is asked."""

from dataclasses import asdict

import pytest

from engine.protocol.errors import Refused
from engine.protocol.people import UsageReport
from tests.api.scripted import USER, Api, refusal

REPORT = UsageReport(
    now=1e9,
    since=None,
    month="2001-09",
    policy="fair-share",
    half_life_s=604_800.0,
    shares=3.0,
    total_gpu_s=0.0,
    core_weight=0.01,
    items=[],
)


@pytest.mark.parametrize(
    ("query", "group", "since"),
    [("", None, None), ("?group=vision", "vision", None), ("?since=900000000.5&group=a", "a", 900_000_000.5)],
)
def test_what_is_asked(api: Api, query: str, group: str | None, since: float | None) -> None:
    api.script.expect("usages.usage", USER, group, since, gives=REPORT)
    answer = api.ask("GET", f"/v1/usage{query}")
    assert (answer.status_code, answer.json()) == (200, asdict(REPORT))


@pytest.mark.parametrize("query", ["?since=yesterday", "?since=-1", "?since=inf", "?grop=a"])
def test_what_is_not_a_question(api: Api, query: str) -> None:
    assert refusal(api.ask("GET", f"/v1/usage{query}")) == (422, "VALIDATION_ERROR")


def test_what_the_engine_refuses(api: Api) -> None:
    api.script.expect("usages.usage", USER, "chem", None, gives=Refused("FORBIDDEN", "Not yours."))
    assert refusal(api.ask("GET", "/v1/usage?group=chem")) == (403, "FORBIDDEN")
