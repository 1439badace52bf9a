"""GET /openapi.json tells of every route, every body, every error, and loses nothing that it ever told.

`python -m tests.api.test_openapi` writes the golden file anew: do that after adding something, never to take away.
"""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.api.app import ROUTERS, create_app
from engine.api.openapi import TAGS
from engine.api.schema import JOB_NAMES
from engine.protocol.errors import STATUS
from tests.api.scripted import Api

GOLDEN = Path(__file__).with_name("openapi-v1.json")


@pytest.fixture
def described(api: Api) -> dict[str, Any]:
    answer = api.ask("GET", "/openapi.json", token=None)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, methods in described["paths"].items() for method, one in methods.items()]


def outline(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Names alone: of each operation its parameters and good statuses, of each schema its fields, and all codes."""
    return {
        "operations": {
            f"{method.upper()} {path}": {
                "id": one["operationId"],
                "parameters": sorted(f"{each['in']} {each['name']}" for each in one.get("parameters", ())),
                "answers": sorted(status for status in one["responses"] if int(status) < 400),
            }
            for path, method, one in operations(described)
        },
        "fields": {
            name: sorted(schema["properties"])
            for name, schema in described["components"]["schemas"].items()
            if "properties" in schema
        },
        "codes": {"all": described["components"]["schemas"]["ErrorPart"]["properties"]["code"]["enum"]},
    }


def lost(before: Any, now: Any, where: str = "") -> list[str]:
    """What is no longer there, or has another name."""
    if isinstance(before, dict):
        return [
            one
            for key, inner in before.items()
            for one in (lost(inner, now[key], f"{where}{key}: ") if key in now else [where + key])
        ]
    if isinstance(before, list):
        return [where + str(one) for one in before if one not in now]
    return [] if before == now else [f"{where}{before}"]


def test_nothing_that_was_ever_told_is_lost(described: dict[str, Any]) -> None:
    golden = json.loads(GOLDEN.read_text())
    assert lost(golden, outline(described)) == []
    assert outline(described) == golden, "something was added: python -m tests.api.test_openapi writes it down"


def test_what_is_lost_is_noticed(described: dict[str, Any]) -> None:
    now = outline(described)
    fewer = json.loads(json.dumps(now))
    del fewer["operations"]["GET /v1/jobs"]
    fewer["fields"]["JobRow"].remove("id")
    assert lost(now, fewer) == ["operations: GET /v1/jobs", "fields: JobRow: id"]


def test_every_route_of_the_app_is_there_with_its_resource(described: dict[str, Any]) -> None:
    routes = {(route.path, method.lower()) for router in ROUTERS for route in router.routes for method in route.methods}
    assert {(path, method) for path, method, _ in operations(described)} == routes
    for path, method, one in operations(described):
        assert set(one["tags"]) <= set(TAGS), (path, method)
        assert one["description"], (path, method)
    names = [one["operationId"] for _, _, one in operations(described)]
    assert len(set(names)) == len(names)


def test_every_route_tells_its_errors_in_the_one_shape_with_their_codes(described: dict[str, Any]) -> None:
    shape = {"$ref": "#/components/schemas/ErrorAnswer"}
    assert described["components"]["schemas"]["ErrorPart"]["properties"]["code"]["enum"] == list(STATUS)
    for path, method, one in operations(described):
        refused = {status: answer for status, answer in one["responses"].items() if int(status) >= 400}
        assert {"413", "422", "500", "503"} <= set(refused), (path, method)
        assert "429" in refused or "requestBody" not in one, (path, method)
        for status, answer in refused.items():
            first, second = answer["content"]["application/json"]["schema"]["allOf"]
            codes = second["properties"]["error"]["properties"]["code"]["enum"]
            assert first == shape
            assert {STATUS[code] for code in codes} == {int(status)}, (path, method)
            assert ("headers" in answer) == (status == "429")


def test_who_has_to_be_logged_in_is_told(described: dict[str, Any]) -> None:
    free = {(path, method) for path, method, one in operations(described) if {} in one["security"]}
    assert free == {
        ("/healthz", "get"),
        ("/openapi.json", "get"),
        ("/v1/login", "post"),
        ("/v1/accounts", "post"),
    }
    for path, method, one in operations(described):
        if (path, method) not in free:
            assert {"token": []} in one["security"]
            assert "401" in one["responses"]
        newcomers = {"/v1/logout", "/v1/me", "/v1/password"}
        assert "403" in one["responses"] or {} in one["security"] or path in newcomers, (path, method)


def test_every_answer_has_a_shape(described: dict[str, Any]) -> None:
    for path, method, one in operations(described):
        for status, good in one["responses"].items():
            kinds = good.get("content", {})
            assert kinds, (path, method, status)
            assert all("schema" in kind for kind in kinds.values()), (path, method, status)


def test_answers_hold_all_of_their_fields_and_no_others(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    for name in ("JobDetail", "JobPage", "GpuView", "AccountView", "IngestReport", "Stats", "Me"):
        assert schemas[name]["required"] == list(schemas[name]["properties"])
        assert schemas[name]["additionalProperties"] is False
    assert "completed" in schemas["JobRow"]["properties"]["state"]["enum"]
    assert None in schemas["JobRow"]["properties"]["cause"]["enum"]


def test_what_docstrings_tell_of_fields_reaches_the_document(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    for name, schema in schemas.items():
        assert schema.get("description"), name
        told = {name for name, field in schema.get("properties", {}).items() if field.get("description")}
        named = re.findall(r"(?m)(?:^|(?<=[.] ))(\w+): ", schema["description"])
        assert set(named) & set(schema.get("properties", {})) <= told, name
    assert schemas["JobDetail"]["properties"]["paused_since"]["description"].startswith("It stands still since then")
    assert schemas["GroupUsage"]["properties"]["usage_gpu_s"]["description"] == "Weighted, fading."
    listing = {one["name"]: one for one in described["paths"]["/v1/jobs"]["get"]["parameters"]}
    assert listing["state"]["description"] == "Comma-separated."


def test_every_body_is_described(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    for path, method, one in operations(described):
        if "requestBody" in one:
            assert method in {"post", "put", "patch"}, path
            assert all("schema" in kind for kind in one["requestBody"]["content"].values()), (path, method)
    assert set(schemas["Job"]["properties"]) == set(JOB_NAMES)
    assert schemas["Job"]["additionalProperties"] is False


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    text = json.dumps(described)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(described["components"]["schemas"])
    assert "#/$defs" not in text
    assert "\\\\x{" not in text, "a pattern that no other program can read"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("/v1/jobs?limitt=5", "did you mean limit?"),
        ("/v1/gpus?limit=5", "this address takes none"),
        ("/healthz?x=1", "this address takes none"),
        ("/openapi.json?x=1", "this address takes none"),
        ("/v1/plan?days=1", "there are hours"),
        ("/v1/events?afterr=1", "did you mean after?"),
    ],
)
def test_a_parameter_that_there_is_not_is_refused_with_the_nearest(api: Api, address: str, told: str) -> None:
    answer = api.ask("GET", address)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert told in answer.json()["error"]["message"]


def test_no_route_ignores_a_parameter_that_it_does_not_know(api: Api, described: dict[str, Any]) -> None:
    for path, method, _ in operations(described):
        answer = api.ask(method.upper(), f"{path.replace('{id}', '1')}?no_such_thing=1")
        assert answer.status_code == 422, (path, method)
        assert "no_such_thing" in answer.text


def test_a_refused_method_names_all_that_there_are(api: Api) -> None:
    for address, methods in (("/v1/jobs", "GET, POST"), ("/v1/jobs/1", "DELETE, GET, PATCH"), ("/v1/gpus", "GET")):
        answer = api.ask("PUT", address)
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)


if __name__ == "__main__":
    app = create_app(SimpleNamespace())  # type: ignore[arg-type]  # nothing is asked of the backend
    GOLDEN.write_text(json.dumps(outline(app.openapi()), indent=1, sort_keys=True) + "\n")
