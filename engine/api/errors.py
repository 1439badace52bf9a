"""Every error leaves in one shape: `{"error": {"code", "message", "details"}}`.

Must not know any route. What nobody foresaw becomes INTERNAL with an incident number; the log has the rest.
"""

import logging
import secrets
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from engine.api.answers import refusal
from engine.api.complaints import MAX_DETAILS, details_of, invalid
from engine.api.parameters import methods_of, parameters_of
from engine.protocol.errors import Refused

log = logging.getLogger("rcq.api")


def install(app: FastAPI) -> None:
    """Give the app its error answers."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _defect)


async def _refused(_: Request, error: Exception) -> Response:
    return refusal(cast(Refused, error))


async def _invalid(request: Request, error: Exception) -> Response:
    found = cast(RequestValidationError, error).errors()[:MAX_DETAILS]
    # The first step of the path says where it was found (query, path); people know the field by its name alone.
    named: list[dict[str, Any]] = [one | {"loc": tuple(one["loc"][1:])} for one in found]
    return refusal(invalid(details_of(named, parameters_of(request))))


async def _http(request: Request, error: Exception) -> Response:
    status = cast(HTTPException, error).status_code
    if status == 405:
        told = f"{request.method} is not possible here; GET /openapi.json lists what is."
        answer = refusal(Refused("METHOD_NOT_ALLOWED", told))
        answer.headers["allow"] = ", ".join(sorted(methods_of(request)))
        return answer
    if status == 404:
        return refusal(Refused("NOT_FOUND", "There is no such address; GET /openapi.json lists them all."))
    return refusal(Refused("BAD_FORMAT", str(cast(HTTPException, error).detail)), status)


async def _gone(_: Request, __: Exception) -> Response:
    """The client left: nobody reads this, and it is no defect."""
    return Response(status_code=400)


async def _defect(request: Request, error: Exception) -> Response:
    incident = secrets.token_hex(4)
    log.error("incident %s: %s %s", incident, request.method, request.url.path, exc_info=error)
    told = f"The engine failed on this (incident {incident}); an admin finds it by that number in the engine's log."
    return refusal(Refused("INTERNAL", told, [{"field": "", "message": "incident", "incident": incident}]))
