"""Services: named kinds of work with a cap per account."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from engine.api.access import Engine, Who
from engine.api.answers import Services, answer, refuses, takes
from engine.api.body import reads
from engine.api.requests import ServiceAsked
from engine.api.schema import NAME
from engine.protocol.people import ServiceView

router = APIRouter(prefix="/v1/services", tags=["services"])


@router.get("", response_model=Services, responses=refuses("UNAUTHENTICATED"))
async def services(engine: Engine, who: Who) -> Response:
    """All services."""
    return answer(Services(items=await engine.people.services(who)))


@router.put(
    "/{name}",
    response_model=ServiceView,
    responses=refuses("UNAUTHENTICATED", "FORBIDDEN", "BAD_FORMAT", "BAD_ENCODING", "TOO_LARGE"),
    openapi_extra=takes("ServiceAsked"),
)
async def put(
    engine: Engine,
    who: Who,
    name: Annotated[str, Path(pattern=NAME)],
    asked: Annotated[ServiceAsked, Depends(reads(ServiceAsked))],
) -> Response:
    """Make or change a service (admins)."""
    return answer(await engine.people.set_service(who, asked.to_view(name)))
