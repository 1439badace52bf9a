"""Adoption: a process on a card that rcq did not start becomes a running job."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from engine.api.access import Engine, Who
from engine.api.answers import answer, refuses, takes
from engine.api.body import reads
from engine.api.requests import AdoptionAsked
from engine.protocol.responses import JobDetail

router = APIRouter(prefix="/v1/adopt", tags=["jobs"])
_BODY = ("BAD_FORMAT", "BAD_ENCODING", "TOO_LARGE", "UNAUTHENTICATED", "FORBIDDEN", "SERVICE_NOT_READY")


@router.post(
    "",
    status_code=201,
    response_model=JobDetail,
    responses=refuses("NOT_FOUND", "INVALID_STATE", "QUOTA_EXCEEDED", "IMPOSSIBLE_REQUEST", *_BODY),
    openapi_extra=takes("AdoptionAsked"),
)
async def adopt(engine: Engine, who: Who, asked: Annotated[AdoptionAsked, Depends(reads(AdoptionAsked))]) -> Response:
    """Make a process that is on a GPU a running job of the caller."""
    return answer(await engine.jobs.adopt(who, asked.to_adopted()), 201)
