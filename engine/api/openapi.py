"""The OpenAPI description, with the bodies that routes read themselves.

Must not change what any route does.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from engine.api import notify, requests, tokens
from engine.api.schema import JOB

_REF = "#/components/schemas/{model}"
BODIES: tuple[type[BaseModel], ...] = (
    requests.Login,
    requests.PasswordChange,
    requests.Drain,
    requests.ReservationAsked,
    requests.AdoptionAsked,
    requests.AccountAsked,
    requests.AccountChangeAsked,
    requests.GroupAsked,
    requests.GroupChangeAsked,
    requests.ServiceAsked,
    notify.NotifyAsked,
    tokens.TokenAsked,
)
"""Every body but those of jobs, by the name that `answers.takes` refers to."""


def install(app: FastAPI) -> None:
    """Let `app.openapi()` (and GET /openapi.json) tell of all bodies."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            components = schema.setdefault("components", {})
            components.setdefault("schemas", {}).update(_schemas())
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]  # as FastAPI has it done


def _schemas() -> dict[str, Any]:
    _, found = models_json_schema([(body, "validation") for body in BODIES], ref_template=_REF)
    schemas: dict[str, Any] = dict(found["$defs"])
    job = JOB.json_schema(ref_template=_REF) | {"title": "Job"}
    schemas |= job.pop("$defs")
    schemas["Job"] = job
    schemas["Batch"] = {
        "type": "object",
        "title": "Batch",
        "description": requests.Batch.__doc__,
        "properties": {"jobs": {"type": "array", "items": {"$ref": _REF.format(model="Job")}}},
        "required": ["jobs"],
        "additionalProperties": False,
    }
    schemas["JobLines"] = {
        "type": "string",
        "title": "JobLines",
        "description": "One Job as JSON on each line (format=ndjson), or CSV under a header with its fields' names.",
    }
    return schemas
