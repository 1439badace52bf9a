"""A job again as a new one, and the difference of its code to the commit."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from engine.api.access import Engine, Who
from engine.api.answers import JobTaken, answer, refuses
from engine.api.jobs import JobNumber

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
PIECE_BYTES = 256 * 1024


@router.post(
    "/{id}/redo",
    status_code=201,
    response_model=JobTaken,
    responses=refuses(
        "UNAUTHENTICATED",
        "FORBIDDEN",
        "JOB_NOT_FOUND",
        "INVALID_STATE",
        "IMPOSSIBLE_REQUEST",
        "QUOTA_EXCEEDED",
        "RATE_LIMITED",
        "SERVICE_NOT_READY",
    ),
)
async def redo(engine: Engine, who: Who, job: JobNumber) -> Response:
    """Submit the same request again, with the same files and code. It waits for nothing; its owner alone may."""
    number = await engine.redo.redo(who, job)
    return answer(JobTaken(id=number, count=1, last_id=number), 201)


@router.get(
    "/{id}/diff",
    response_class=Response,
    responses={
        200: {
            "content": {"text/x-diff": {"schema": {"type": "string"}}},
            "description": "As `git apply` takes it.",
        },
        **refuses("UNAUTHENTICATED", "FORBIDDEN", "JOB_NOT_FOUND", "NOT_FOUND", "INVALID_STATE", "SERVICE_NOT_READY"),
    },
)
async def diff(engine: Engine, who: Who, job: JobNumber) -> Response:
    """What its code had at submission that the commit has not."""
    file = await engine.redo.diff(who, job)
    # not Starlette's answer for files: it would answer parts, too, and with refusals of another shape
    return StreamingResponse(_pieces(file), media_type="text/x-diff; charset=utf-8")


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(file.open, "rb") as opened:
        while piece := await asyncio.to_thread(opened.read, PIECE_BYTES):
            yield piece
