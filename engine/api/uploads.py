"""Uploads: send a file that jobs are to be given, list one's own, remove one."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from engine.api.access import Engine, Who, still
from engine.api.answers import Done, answer, refuses
from engine.api.body import patiently
from engine.api.bounds import bounds_of
from engine.api.schema import UPLOAD
from engine.protocol.uploads import Uploads, UploadView

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@router.post(
    "",
    status_code=201,
    response_model=UploadView,
    responses=refuses(
        "QUOTA_EXCEEDED", "RATE_LIMITED", "SERVICE_NOT_READY", "UNAUTHENTICATED", "FORBIDDEN", "BAD_FORMAT"
    ),
    openapi_extra={"requestBody": {"required": False, "content": _BYTES}},
)
async def upload(request: Request, engine: Engine, who: Who) -> Response:
    """Send a file: the body is its content, of any length. It is on disk when this answers.

    Jobs are given it by the field `files`; an upload that none is given goes after `retention.uploads_h` hours.
    """
    told = request.headers.get("content-length", "")
    size = int(told) if told.isdecimal() else None
    bounds = bounds_of(request)
    with request.app.state.uploads.within(who.account, bounds.uploads_per_account):
        return answer(await engine.files.add(who, _body(request, bounds.stream_idle_s), size), 201)


@router.get("", response_model=Uploads, responses=refuses("UNAUTHENTICATED", "FORBIDDEN"))
async def uploads(engine: Engine, who: Who) -> Response:
    """One's own, the oldest first."""
    return answer(await engine.files.uploads(who))


@router.delete(
    "/{id}", response_model=Done, responses=refuses("UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "INVALID_STATE")
)
async def remove(engine: Engine, who: Who, number: Annotated[str, Path(alias="id", pattern=UPLOAD)]) -> Response:
    """Remove one's own, unless a job needs it."""
    await engine.files.remove(who, number)
    return answer(Done())


async def _body(request: Request, idle_s: float) -> AsyncIterator[bytes]:
    """The file, whose end only comes if its sender may still send it."""
    async for chunk in patiently(request, idle_s):
        yield chunk
    await still(request)
