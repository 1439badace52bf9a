"""Booked reservations: list them, book cards, take a booking back."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from engine.api.access import Engine, Who
from engine.api.answers import Reservations, answer, refuses, takes
from engine.api.body import reads
from engine.api.requests import ReservationAsked
from engine.protocol.responses import ReservationView

router = APIRouter(prefix="/v1/reservations", tags=["reservations"])
_BODY = ("BAD_FORMAT", "BAD_ENCODING", "TOO_LARGE", "UNAUTHENTICATED", "FORBIDDEN")


@router.get("", response_model=Reservations, responses=refuses("UNAUTHENTICATED"))
async def reservations(engine: Engine, who: Who) -> Response:
    """All that stand and are not over, the earliest first; whose others' are may be hidden."""
    return answer(Reservations(items=await engine.reservations.reservations(who)))


@router.post(
    "",
    status_code=201,
    response_model=ReservationView,
    responses=refuses("NOT_FOUND", "INVALID_STATE", "QUOTA_EXCEEDED", "IMPOSSIBLE_REQUEST", *_BODY),
    openapi_extra=takes("ReservationAsked"),
)
async def reserve(
    engine: Engine, who: Who, asked: Annotated[ReservationAsked, Depends(reads(ReservationAsked))]
) -> Response:
    """Book cards: from start to end no other account's job may be on them."""
    return answer(await engine.reservations.reserve(who, asked.to_reservation()), 201)


@router.delete("/{id}", response_model=ReservationView, responses=refuses("UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND"))
async def unreserve(engine: Engine, who: Who, number: Annotated[int, Path(alias="id", ge=1, le=2**63 - 1)]) -> Response:
    """Take a booking back: its account, or an admin."""
    return answer(await engine.reservations.unreserve(who, number))
