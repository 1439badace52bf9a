"""GET /v1/plan: what runs and what is to start, for the coming hours."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from engine.api.access import Engine, Who
from engine.api.answers import answer, refuses
from engine.api.requests import Ahead
from engine.protocol.planned import Planned

router = APIRouter(prefix="/v1", tags=["plan"])


@router.get("/plan", response_model=Planned, responses=refuses("UNAUTHENTICATED", "SERVICE_NOT_READY"))
async def plan(engine: Engine, who: Who, asked: Annotated[Ahead, Query()]) -> Response:
    """The planned future: running jobs, promised and foreseen starts, booked reservations, by card."""
    return answer(await engine.jobs.planned(who, asked.hours))
