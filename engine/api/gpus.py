"""Cards: see them, take them out of use, put them back."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from engine.api.access import Engine, Who
from engine.api.answers import Gpus, answer, refuses, takes
from engine.api.asks import Identity
from engine.api.backend import Backend
from engine.api.body import reads_if_any
from engine.api.requests import Drain
from engine.protocol.cards import GpuView
from engine.protocol.errors import Refused

router = APIRouter(prefix="/v1/gpus", tags=["gpus"])
Card = Annotated[str, Path(alias="uuid", max_length=200, description="UUID, or index as shown.")]


@router.get("", response_model=Gpus, responses=refuses("UNAUTHENTICATED"))
async def gpus(engine: Engine, who: Who) -> Response:
    """Every card with its readings and who uses it."""
    return answer(Gpus(items=await engine.box.gpus(who)))


@router.post(
    "/{uuid}/drain",
    response_model=GpuView,
    responses=refuses("UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "BAD_FORMAT", "BAD_ENCODING", "TOO_LARGE"),
    openapi_extra=takes("Drain", required=False),
)
async def drain(
    engine: Engine, who: Who, card: Card, asked: Annotated[Drain, Depends(reads_if_any(Drain))]
) -> Response:
    """Take a card out of use; running jobs finish."""
    return answer(await engine.box.drain(who, await _uuid(engine, who, card), asked.why))


@router.post(
    "/{uuid}/resume",
    response_model=GpuView,
    responses=refuses("UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "INVALID_STATE"),
)
async def resume(engine: Engine, who: Who, card: Card) -> Response:
    """Put a drained or quarantined card back into use."""
    return answer(await engine.box.resume(who, await _uuid(engine, who, card)))


async def _uuid(engine: Backend, who: Identity, card: str) -> str:
    if not (card.isascii() and card.isdigit()):
        return card
    for gpu in await engine.box.gpus(who):
        if gpu.index == int(card):
            return gpu.uuid
    raise Refused("NOT_FOUND", f"There is no GPU {card}; rcq gpus lists them.")
