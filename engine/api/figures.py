"""What happened over time: a job's resources, usage by day, the last passes, the engine itself."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.api.access import Engine, Who
from engine.api.answers import answer, refuses
from engine.api.jobs import JobNumber
from engine.protocol.enginefigures import EngineView, PassView
from engine.protocol.series import JobSeries
from engine.protocol.usagedays import UsageDays
from engine.protocol.usagespans import UsageSpan

router = APIRouter(prefix="/v1", tags=["figures"])
_STRICT = ConfigDict(extra="forbid", hide_input_in_errors=True)
MOST_DAYS = 366
MOST_PASSES = 600
_BUSY = ("UNAUTHENTICATED", "FORBIDDEN", "SERVICE_NOT_READY")


class SeriesAsked(BaseModel):
    """GET /v1/jobs/{id}/series. attempt: unless given, the last that began."""

    model_config = _STRICT

    attempt: int | None = Field(None, ge=1, le=2**31)


class DaysAsked(BaseModel):
    """GET /v1/usage/days. days: so many, today included. group: only this one."""

    model_config = _STRICT

    days: int = Field(30, ge=1, le=MOST_DAYS)
    group: str | None = Field(None, max_length=200)


class SpanAsked(BaseModel):
    """GET /v1/usage/span. since, until (now, unless given): Unix seconds. group: only this one."""

    model_config = _STRICT

    since: float = Field(ge=0, le=1e11, allow_inf_nan=False)
    until: float | None = Field(None, ge=0, le=1e11, allow_inf_nan=False)
    group: str | None = Field(None, max_length=200)


class PassesAsked(BaseModel):
    """GET /v1/passes. limit: at most so many."""

    model_config = _STRICT

    limit: int = Field(60, ge=1, le=MOST_PASSES)


@dataclass(slots=True, kw_only=True)
class PastPasses:
    """The last passes, the oldest first."""

    items: list[PassView]


@router.get("/jobs/{id}/series", response_model=JobSeries, responses=refuses(*_BUSY, "JOB_NOT_FOUND", "NOT_FOUND"))
async def series(engine: Engine, who: Who, job: JobNumber, asked: Annotated[SeriesAsked, Query()]) -> Response:
    """What one attempt did with its cards over its life."""
    return answer(await engine.figures.series(who, job, asked.attempt))


@router.get("/usage/days", response_model=UsageDays, responses=refuses(*_BUSY, "NOT_FOUND"))
async def usage_days(engine: Engine, who: Who, asked: Annotated[DaysAsked, Query()]) -> Response:
    """What groups and accounts used on each of the last days, in UTC."""
    return answer(await engine.figures.usage_days(who, asked.days, asked.group))


@router.get("/usage/span", response_model=UsageSpan, responses=refuses(*_BUSY, "NOT_FOUND"))
async def usage_span(engine: Engine, who: Who, asked: Annotated[SpanAsked, Query()]) -> Response:
    """What groups and accounts used in a stretch of time, by service: a month's bill."""
    return answer(await engine.figures.usage_span(who, asked.since, asked.until, asked.group))


@router.get("/passes", response_model=PastPasses, responses=refuses("UNAUTHENTICATED", "FORBIDDEN"))
async def passes(engine: Engine, who: Who, asked: Annotated[PassesAsked, Query()]) -> Response:
    """The last passes in figures, the oldest first."""
    return answer(PastPasses(items=await engine.figures.passes(who, asked.limit)))


@router.get("/engine", response_model=EngineView, responses=refuses("UNAUTHENTICATED", "FORBIDDEN"))
async def engine_figures(engine: Engine, who: Who) -> Response:
    """The engine's process, its database and its timers."""
    return answer(await engine.figures.engine(who))
