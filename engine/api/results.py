"""GET /v1/jobs/{id}/results: what a job left, as a ZIP that is made while it is sent."""

import asyncio
import logging
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.types import Message, Receive, Scope, Send

from engine.api.access import Engine, Who
from engine.api.answers import refuses
from engine.api.backend import ResultArchive
from engine.api.jobs import JobNumber
from engine.api.requests import OfArray
from engine.protocol.errors import RcqError

log = logging.getLogger("rcq.api")
router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
STALL_S = 60.0
"""Who takes nothing for so long is cut off: a turn, a thread and a process wait for them."""


class ResultsAsked(OfArray):
    """GET /v1/jobs/{id}/results. code: with the code that was captured at submission, too."""

    code: bool = Field(False, description="With the code that was captured at submission.")


class ZipAnswer(StreamingResponse):
    """An archive as it is made. Who leaves or stalls gets no more of it, and it is closed in any case.

    An archive that breaks off has no end: neither the ZIP's, nor that of the HTTP answer.
    """

    media_type = "application/zip"

    def __init__(self, archive: ResultArchive) -> None:
        headers = {"content-disposition": f'attachment; filename="{archive.name}"', "cache-control": "no-store"}
        super().__init__(archive.pieces(), headers=headers)
        self._archive = archive
        self._is_sent = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, then close it."""
        try:
            await super().__call__(scope, receive, send)
            if self._is_sent:  # told here, where a client that hangs up ends nothing any more
                await self._archive.delivered()
        finally:
            await asyncio.shield(self._archive.close())

    async def stream_response(self, send: Send) -> None:
        """Send piece by piece."""

        async def patiently(message: Message) -> None:
            async with asyncio.timeout(STALL_S):
                await send(message)

        try:
            await super().stream_response(patiently)
        except (RcqError, TimeoutError) as broken:
            log.warning("%s was not sent to its end: %s", self._archive.name, broken or "nobody took it")
            return
        self._is_sent = True


@router.get(
    "/{id}/results",
    status_code=200,  # told here, as FastAPI would look for it among the arguments of ZipAnswer
    response_class=ZipAnswer,
    responses={
        200: {
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
            "description": "The archive; without its end it is not whole.",
        },
        **refuses(
            "UNAUTHENTICATED",
            "FORBIDDEN",
            "JOB_NOT_FOUND",
            "INVALID_STATE",
            "TOO_LARGE",
            "RATE_LIMITED",
            "SERVICE_NOT_READY",
        ),
    },
)
async def results(engine: Engine, who: Who, job: JobNumber, asked: Annotated[ResultsAsked, Query()]) -> Response:
    """Its directory as a ZIP, also while it runs. With `elements`: those of its array, each in a directory."""
    return ZipAnswer(await engine.results.results(who, job, asked.indices, code=asked.code))
