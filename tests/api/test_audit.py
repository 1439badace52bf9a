"""GET /v1/audit over HTTP: what is asked of the engine, what is refused before it is asked."""

from dataclasses import asdict
from typing import Any

import pytest

from engine.api.asks import AuditQuery
from engine.protocol.audit import AuditChain, AuditEntry, AuditPage
from engine.protocol.errors import Refused
from tests.api.scripted import ADMIN, USER, Api, refusal

ENTRY = AuditEntry(
    id=7, at=1e9, account="ada", via="peer", uid=5, pid=6, user="ada", action="job.edit", target="3", owner="ada",
    sha256="ab", before={"priority": 5}, after={"priority": 6}, detail={"fields": ["priority"]},
)  # fmt: skip


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", {}),
        ("?account=a%20b&action=job.*&target=GPU-1", {"account": "a b", "action": "job.*", "target": "GPU-1"}),
        ("?since=1&until=2.5&limit=1000&cursor=x", {"since": 1.0, "until": 2.5, "limit": 1000, "cursor": "x"}),
    ],
)
def test_what_is_asked(api: Api, query: str, asked: dict[str, Any]) -> None:
    page = AuditPage(items=[ENTRY], cursor="next")
    api.script.expect("audit.entries", USER, AuditQuery(**asked), gives=page)
    answer = api.ask("GET", f"/v1/audit{query}")
    assert (answer.status_code, answer.json()) == (200, asdict(page))


@pytest.mark.parametrize(
    "query",
    [
        "?limit=0", "?limit=1001", "?since=yesterday", "?since=-1", "?until=inf", "?action=JOB", "?action=job.*x",
        "?action=*", "?who=a",
    ],
)  # fmt: skip
def test_what_is_not_a_question(api: Api, query: str) -> None:
    assert refusal(api.ask("GET", f"/v1/audit{query}")) == (422, "VALIDATION_ERROR")


def test_the_chain_is_for_who_the_engine_lets(api: Api) -> None:
    found = AuditChain(entries=2, last_id=3, head="cd", broken=3)
    api.script.expect("audit.chain", ADMIN, gives=found)
    answer = api.ask("GET", "/v1/audit/chain", token="root")
    assert (answer.status_code, answer.json()) == (200, asdict(found))
    api.script.expect("audit.chain", USER, gives=Refused("FORBIDDEN", "Not yours."))
    assert refusal(api.ask("GET", "/v1/audit/chain")) == (403, "FORBIDDEN")
