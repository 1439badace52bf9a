"""The audit log: read it, and have its chain checked. There is no route that changes it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.api.access import Engine, Who
from engine.api.answers import answer, refuses
from engine.api.asks import AuditQuery
from engine.protocol.audit import AuditChain, AuditPage

router = APIRouter(prefix="/v1/audit", tags=["audit"])
Moment = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]


class AuditAsked(BaseModel):
    """GET /v1/audit. account: who did it. action: such as `job.cancel`, or the beginning of some: `job.*`.

    target: what it was done to: a job's or reservation's id, a card's UUID, a name. since, until: Unix seconds, the end
    excluded. limit: entries. cursor: from the page before.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    account: str | None = Field(None, max_length=200)
    action: str | None = Field(None, pattern=r"^[a-z][a-z._-]{0,60}\*?$")
    target: str | None = Field(None, max_length=200)
    since: Moment | None = None
    until: Moment | None = None
    limit: int = Field(50, ge=1, le=1000)
    cursor: str | None = Field(None, max_length=1000)

    def to_query(self) -> AuditQuery:
        """What is asked for."""
        return AuditQuery(**self.model_dump())


@router.get("", response_model=AuditPage, responses=refuses("UNAUTHENTICATED", "FORBIDDEN"))
async def entries(engine: Engine, who: Who, asked: Annotated[AuditAsked, Query()]) -> Response:
    """Who changed what, when and from where, newest first. Admins see all, others what they did or is about them.

    What is about them is what was done to their account, jobs, bookings and tokens.
    """
    return answer(await engine.audit.entries(who, asked.to_query()))


@router.get("/chain", response_model=AuditChain, responses=refuses("UNAUTHENTICATED", "FORBIDDEN"))
async def chain(engine: Engine, who: Who) -> Response:
    """Go through the whole log and tell whether each entry is what was written (admins)."""
    return answer(await engine.audit.chain(who))
