"""GET /openapi.json tells of every route, every body and every error."""

import json
from typing import Any

import pytest

from engine.api.schema import JOB_NAMES
from engine.protocol.errors import STATUS
from tests.api.scripted import Api

ROUTES = {
    "/healthz": {"get"},
    "/v1/login": {"post"},
    "/v1/logout": {"post"},
    "/v1/me": {"get"},
    "/v1/password": {"post"},
    "/v1/jobs": {"get", "post"},
    "/v1/jobs/batch": {"post"},
    "/v1/jobs/{id}": {"get", "delete", "patch"},
    "/v1/jobs/{id}/hold": {"post"},
    "/v1/jobs/{id}/release": {"post"},
    "/v1/jobs/{id}/requeue": {"post"},
    "/v1/jobs/{id}/why": {"get"},
    "/v1/jobs/{id}/log": {"get"},
    "/v1/jobs/{id}/results": {"get"},
    "/v1/adopt": {"post"},
    "/v1/ingest": {"post"},
    "/v1/gpus": {"get"},
    "/v1/gpus/{uuid}/drain": {"post"},
    "/v1/gpus/{uuid}/resume": {"post"},
    "/v1/usage": {"get"},
    "/v1/audit": {"get"},
    "/v1/audit/chain": {"get"},
    "/v1/reservations": {"get", "post"},
    "/v1/reservations/{id}": {"delete"},
    "/v1/stats": {"get"},
    "/v1/plan": {"get"},
    "/v1/events": {"get"},
    "/v1/accounts": {"get", "post"},
    "/v1/accounts/{name}": {"patch"},
    "/v1/groups": {"get", "post"},
    "/v1/groups/{name}": {"patch", "delete"},
    "/v1/notify": {"get", "put"},
    "/v1/notify/test": {"post"},
    "/v1/notify/{account}": {"get", "delete"},
    "/v1/uploads": {"get", "post"},
    "/v1/uploads/{id}": {"delete"},
    "/v1/tokens": {"get", "post"},
    "/v1/tokens/{id}": {"delete"},
    "/v1/services": {"get"},
    "/v1/services/{name}": {"put"},
}
BODILESS = {
    "/v1/logout",
    "/v1/jobs/{id}/hold",
    "/v1/jobs/{id}/release",
    "/v1/jobs/{id}/requeue",
    "/v1/gpus/{uuid}/resume",
}


@pytest.fixture
def described(api: Api) -> dict[str, Any]:
    answer = api.ask("GET", "/openapi.json", token=None)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, methods in described["paths"].items() for method, one in methods.items()]


def test_every_route_is_there(described: dict[str, Any]) -> None:
    assert {path: set(methods) for path, methods in described["paths"].items()} == ROUTES


def test_every_route_tells_its_errors_in_the_one_shape(described: dict[str, Any]) -> None:
    shape = {"$ref": "#/components/schemas/ErrorAnswer"}
    by_status = {str(status) for status in STATUS.values()}
    for path, method, one in operations(described):
        told = {status: answer for status, answer in one["responses"].items() if status in by_status}
        assert {"422", "500"} <= set(told), (path, method)
        if path not in {"/healthz", "/v1/login"}:
            assert "401" in told, (path, method)
        for status, answer in told.items():
            assert answer["content"]["application/json"]["schema"] == shape, (path, method, status)
            assert all(STATUS[code] == int(status) for code in answer["description"].split(", "))
        assert one["description"], (path, method)


def test_every_answer_has_a_shape(described: dict[str, Any]) -> None:
    for path, method, one in operations(described):
        good = one["responses"].get("200") or one["responses"]["201"]
        schema = good["content"].get("application/json", good["content"].get("text/event-stream"))
        assert "schema" in schema or path == "/v1/events", (path, method)


def test_every_body_is_described(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    for path, method, one in operations(described):
        assert ("requestBody" in one) == (method in {"post", "put", "patch"} and path not in BODILESS), (path, method)
    assert set(schemas["Job"]["properties"]) == set(JOB_NAMES)
    assert schemas["Job"]["additionalProperties"] is False


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    text = json.dumps(described)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(described["components"]["schemas"])
    assert "#/$defs" not in text
