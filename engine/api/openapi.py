"""The OpenAPI description: made from the routes, completed by what only the whole of them tells.

Bodies that routes read themselves, who has to be logged in, every code of every refusal, what each field means. Must
not change what any route does.
"""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from engine.api import access, requests
from engine.api.answers import refuses
from engine.api.descriptions import describe, meanings, portable
from engine.api.schema import JOB
from engine.core.lifecycle import Cause, JobState
from engine.protocol.errors import STATUS
from engine.protocol.people import UsageRow
from engine.protocol.responses import JobRow

router = APIRouter(tags=["description"])
ANYWHERE = ("VALIDATION_ERROR", "TOO_LARGE", "INTERNAL", "SERVICE_NOT_READY")
"""Codes that any route may answer with: a parameter that there is not, a head that is too long, a defect, overload."""
WITH_BODY = ("BAD_FORMAT", "RATE_LIMITED")
"""Codes of any route that reads a body: it was not whole in time, too many large ones are on their way."""
TAGS = {
    "health": "Whether the engine is fit.",
    "session": "Logging in and out, who one is, one's own password.",
    "jobs": "Submit, list, show and change jobs.",
    "ingest": "Files of jobs, of any length.",
    "gpus": "Cards: see them, take them out of use, put them back.",
    "nodes": "The machines of the Slurm cluster.",
    "reservations": "Cards that people book for a time.",
    "stats": "The engine's own state.",
    "usage": "What groups and people have used.",
    "figures": "What happened over time: resources of jobs, usage by day, passes, the engine itself.",
    "metrics": "The same for Prometheus.",
    "plan": "The planned future.",
    "events": "What happens, as it happens.",
    "accounts": "People's log-ins.",
    "groups": "Research groups.",
    "services": "Named kinds of work.",
    "tokens": "API tokens, for programs.",
    "notify": "What one is told of by mail, webhook and command.",
    "uploads": "Files that are kept for jobs to come.",
    "audit": "Who changed what.",
    "description": "This document.",
}
_REF = "#/components/schemas/{model}"
_TOLD = """Jobs, cards and people of one shared GPU machine, over HTTP/1.1 on a Unix socket.

Every refusal has the shape `ErrorAnswer`; its `code` is among those that the operation names for the status. Besides,
any address answers 405 `METHOD_NOT_ALLOWED`, with `Allow`, to a method that it does not have, 404 `NOT_FOUND` is the
answer where there is no such address, and what is no HTTP is 400 `BAD_FORMAT`.

Times are Unix seconds, memory is MiB, ratios are 0 to 1; `null` is: not known, or none."""
_NUMBERS = {
    "jobs": "The engine's id of the job.",
    "reservations": "The number of the booking.",
    "accounts": "The account's name.",
    "groups": "The group's name.",
    "services": "The service's name.",
    "tokens": "The token's number.",
    "uploads": "The upload's id.",
    "notify": "The account's name.",
    "gpus": "UUID, or index as shown.",
}
"""What the variable part of an address is, by the part before it."""
_WORDS: dict[str, dict[str, list[str]]] = {
    **{name: {"state": [*JobState], "cause": [*Cause]} for name in ("JobRow", "JobDetail", "AttemptView", "Why")},
    "GpuView": {"state": ["ok", "hot", "drained", "quarantined", "missing"]},
    "NodeView": {"state": ["open", "closed"]},
    "BackendView": {"name": ["process", "systemd", "slurm"], "state": ["ok", "away"]},
    "Health": {"status": ["ok", "starting", "failing", "stalled"]},
    "PlanItem": {"kind": ["running", "promised", "forecast", "slot"]},
    "Me": {"role": ["user", "admin"], "via": ["token", "peer"]},
    "Session": {"role": ["user", "admin"]},
    "AccountView": {"role": ["user", "admin"]},
}
"""The words that a text of an answer is one of."""
_PARENTS = {"JobDetail": JobRow, "AccountUsage": UsageRow, "GroupUsage": UsageRow}
"""Answers that have fields of another one, which tells what they mean."""
_RETRY = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds until it may work."}}


@router.get("/openapi.json", responses=refuses())
async def description(request: Request) -> dict[str, Any]:
    """This document: every address, what it takes and what it answers."""
    found: dict[str, Any] = request.app.openapi()
    return found


def install(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Let `app.openapi()` (and GET /openapi.json) tell all. routers: those of the app."""

    def made() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, routers)
        return app.openapi_schema

    app.openapi = made  # type: ignore[method-assign]  # as FastAPI has it done


def operation_id(route: APIRoute) -> str:
    """A name that stays: the resource and what is done with it."""
    return f"{route.tags[0]}_{route.name}"


def _document(app: FastAPI, routers: Iterable[APIRouter]) -> dict[str, Any]:
    tags = [{"name": name, "description": told} for name, told in TAGS.items()]
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=_TOLD, tags=tags, routes=app.routes
    )
    components = document.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    schemas.update(_bodies())
    components["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "Of a session or an API token. Without it the kernel's word for the Unix user at the other "
            "end of the socket counts, if `auth.peer` is on and an account is linked to that user.",
        }
    }
    for route in (route for router in routers for route in router.routes if isinstance(route, APIRoute)):
        for method in route.methods or ():
            _complete(document["paths"][route.path_format][method.lower()], route)
    for name in _answers(document):
        _settle(name, schemas[name])
    for name, schema in schemas.items():
        describe(schema, inspect.getdoc(_PARENTS[name]) if name in _PARENTS else None)
    schemas["ErrorPart"]["properties"]["code"]["enum"] = list(STATUS)
    found: dict[str, Any] = portable(document)
    return found


def _complete(operation: dict[str, Any], route: APIRoute) -> None:
    """What one operation lacks: who may call it, what its parameters are, with which codes it refuses."""
    asked = set(_called(route.dependant))
    told_apart = {access.identity, access.newcomer, access.perhaps} & asked
    operation["security"] = [*([{"token": []}] if told_apart else []), *([] if told_apart - {access.perhaps} else [{}])]
    codes = {*ANYWHERE, *(WITH_BODY if "requestBody" in operation else ())}
    codes |= {"UNAUTHENTICATED"} if told_apart else set()
    codes |= {"FORBIDDEN"} if access.perhaps in asked or (told_apart and route.methods != {"GET"}) else set()
    models = [param.field_info.annotation for param in _parameters(route.dependant)]
    told: dict[str, str] = {}
    for model in models:
        if inspect.isclass(model) and issubclass(model, BaseModel):
            told |= meanings(inspect.getdoc(model) or "", set(model.model_fields))
    for parameter in operation.get("parameters", ()):
        known = _NUMBERS.get(route.path.split("/")[2]) if parameter["in"] == "path" else told.get(parameter["name"])
        if known is not None:
            parameter.setdefault("description", known)
    responses: dict[str, Any] = operation["responses"]
    for status, one in responses.items():
        if int(status) >= 400:
            codes |= set(one["description"].split(", "))
    responses |= {str(status): _refusal(status, names) for status, names in _by_status(codes).items()}


def _refusal(status: int, codes: list[str]) -> dict[str, Any]:
    within = {"properties": {"error": {"properties": {"code": {"enum": codes}}}}}
    schema = {"allOf": [{"$ref": _REF.format(model="ErrorAnswer")}, within]}
    told = {"description": ", ".join(codes), "content": {"application/json": {"schema": schema}}}
    return told | ({"headers": _RETRY} if status == STATUS["RATE_LIMITED"] else {})


def _by_status(codes: set[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for code in STATUS:
        if code in codes:
            found.setdefault(STATUS[code], []).append(code)
    return found


def _called(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for deeper in dependant.dependencies:
        yield from _called(deeper)


def _parameters(dependant: Dependant) -> Iterator[Any]:
    yield from dependant.query_params
    for deeper in dependant.dependencies:
        yield from _parameters(deeper)


def _answers(document: dict[str, Any]) -> set[str]:
    """Names of the schemas that answers are made of."""
    schemas = document["components"]["schemas"]
    waiting = [
        name
        for path in document["paths"].values()
        for operation in path.values()
        for status, one in operation["responses"].items()
        if int(status) < 400
        for name in _named(one)
    ]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _named(schemas[name])
    return found


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(ref := value.get("$ref"), str):
            yield ref.rpartition("/")[2]
        for one in value.values():
            yield from _named(one)
    elif isinstance(value, list):
        for one in value:
            yield from _named(one)


def _settle(name: str, schema: dict[str, Any]) -> None:
    """An answer holds all of its fields, always, and no others."""
    fields: dict[str, Any] = schema.get("properties", {})
    if fields:
        schema["required"] = list(fields)
        schema["additionalProperties"] = False
    for field, words in _WORDS.get(name, {}).items():
        if field in fields:
            nullable = "anyOf" in fields[field]
            fields[field] = {
                "title": fields[field].get("title", field),
                "enum": [*words, *([None] if nullable else [])],
            }


def _bodies() -> dict[str, Any]:
    """What people send, by the name that `answers.takes` refers to."""
    models = sorted(set(_below(requests.Asked)) - {requests.Batch}, key=lambda model: model.__name__)
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    schemas: dict[str, Any] = {name: one for name, one in found["$defs"].items() if not name.startswith("_")}
    job = JOB.json_schema(ref_template=_REF)
    schemas |= job.pop("$defs", {})
    schemas["Job"] = job | {"title": "Job"}
    schemas["Batch"] = {
        "type": "object",
        "title": "Batch",
        "description": requests.Batch.__doc__,
        # What is no job at all is an error of its own in the answer, and no refusal of the others.
        "properties": {"jobs": {"type": "array", "items": {"anyOf": [{"$ref": _REF.format(model="Job")}, {}]}}},
        "required": ["jobs"],
        "additionalProperties": False,
    }
    schemas["JobLines"] = {
        "type": "string",
        "title": "JobLines",
        "description": "One Job as JSON on each line (format=ndjson), or CSV under a header with its fields' names.",
    }
    return schemas


def _below(model: type[requests.Asked]) -> Iterator[type[requests.Asked]]:
    for one in model.__subclasses__():
        yield one
        yield from _below(one)
