"""GET /v1/usage: what groups and their people have used, against what they may."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from engine.api.access import Engine, Who
from engine.api.answers import answer, refuses
from engine.api.requests import UsageAsked
from engine.protocol.people import UsageReport

router = APIRouter(prefix="/v1", tags=["usage"])


@router.get("/usage", response_model=UsageReport, responses=refuses("UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND"))
async def usage(engine: Engine, who: Who, asked: Annotated[UsageAsked, Query()]) -> Response:
    """All groups for admins, the own one for others; accounts of it as far as the caller may know of them."""
    return answer(await engine.usages.usage(who, asked.group, asked.since))
