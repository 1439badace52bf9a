"""Reading a request's body: never more than allowed, as UTF-8, as JSON, into one of the models of `requests`.

Must not know what the request is for. The content type is not asked for: every body here is JSON.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from fastapi import Request
from pydantic import ValidationError

from engine.api.access import still
from engine.api.bounds import bounds_of
from engine.api.complaints import complaint
from engine.api.model import bad_encoding
from engine.api.peer import peer_of, talk_of
from engine.api.requests import Asked
from engine.protocol.errors import Refused

Model = TypeVar("Model", bound=Asked)


BODIES_PER_USER = 8
"""So many of the largest bodies may be on their way from one Unix user at once: they are held in memory."""


async def read_body(request: Request) -> bytes:
    """The whole body. TOO_LARGE as soon as it is known to be over the limit.

    BAD_FORMAT if it is not there in time, RATE_LIMITED if too much comes from the same Unix user at once,
    UNAUTHENTICATED if its sender's log-in ended meanwhile.
    """
    limit: int = request.app.state.backend.limits.body_bytes
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > limit:
        raise _too_large(limit)
    seconds = bounds_of(request).body_timeout_s
    try:
        async with asyncio.timeout(seconds):
            body = await _whole(request, limit)
    except TimeoutError:
        talk_of(request.scope).last = True  # the rest of it may still come
        raise Refused("BAD_FORMAT", f"The request's body was not whole after {seconds:g} s; send it again.") from None
    await still(request)
    return body


async def _whole(request: Request, limit: int) -> bytes:
    peer = peer_of(request.scope)
    held: Counter[int] = request.app.state.bodies
    uid = peer.uid if peer else -1
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            held[uid] += len(chunk)
            if len(body) > limit:
                raise _too_large(limit)
            if held[uid] > BODIES_PER_USER * limit:
                raise Refused("RATE_LIMITED", "Too many large requests of yours are on their way; send fewer at once.")
        return bytes(body)
    finally:
        held[uid] -= len(body)
        if not held[uid]:
            del held[uid]


async def patiently(request: Request, idle_s: float) -> AsyncIterator[bytes]:
    """A body of any length, piece by piece. BAD_FORMAT after a silence of `idle_s` seconds."""
    talk = talk_of(request.scope)
    talk.patient = True
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(idle_s):
                chunk = await anext(stream, None)
        except TimeoutError:
            talk.last = True
            raise Refused("BAD_FORMAT", f"Nothing came for {idle_s:g} s; send the rest again.") from None
        if chunk is None:
            return
        yield chunk


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
