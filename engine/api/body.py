"""Reading a request's body: never more than allowed, as UTF-8, as JSON, into one of the models of `requests`.

Must not know what the request is for. The content type is not asked for: every body here is JSON.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request
from pydantic import ValidationError

from engine.api.complaints import complaint
from engine.api.model import bad_encoding
from engine.api.requests import Asked
from engine.protocol.errors import Refused

Model = TypeVar("Model", bound=Asked)


async def read_body(request: Request) -> bytes:
    """The whole body. TOO_LARGE as soon as it is known to be over the limit."""
    limit: int = request.app.state.backend.limits.body_bytes
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def reads(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """A dependency that gives the body as `model`. BAD_ENCODING, BAD_FORMAT, VALIDATION_ERROR, TOO_LARGE."""

    async def read(request: Request) -> Model:
        return parse(model, await read_body(request))

    return read


def reads_if_any(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """As `reads`; an empty body is an empty object."""

    async def read(request: Request) -> Model:
        return parse(model, await read_body(request) or b"{}")

    return read


def parse(model: type[Model], body: bytes) -> Model:
    """One request from JSON. Raises Refused."""
    check_encoding(body)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise complaint(error, model.model_fields) from None


def parse_value(model: type[Model], value: object) -> Model:
    """One request from a value that was read from JSON. Raises Refused."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise complaint(error, model.model_fields) from None


def check_encoding(body: bytes) -> str:
    """The body as text. BAD_ENCODING unless it is UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise bad_encoding(error) from None


def _too_large(limit: int) -> Refused:
    return Refused(
        "TOO_LARGE",
        f"The request is over {limit} bytes; send many jobs with rcq ingest, which has no such limit.",
        [{"field": "", "message": "body too large", "limit_bytes": limit}],
    )
