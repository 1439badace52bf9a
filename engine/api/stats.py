"""GET /v1/stats: the engine's own state in figures."""

from fastapi import APIRouter, Response

from engine.api.access import Engine, Who
from engine.api.answers import answer, refuses
from engine.protocol.responses import Stats

router = APIRouter(prefix="/v1", tags=["stats"])


@router.get("/stats", response_model=Stats, responses=refuses("UNAUTHENTICATED"))
async def stats(engine: Engine, who: Who) -> Response:
    """Counts, load and the age of the last pass."""
    return answer(await engine.box.stats(who))
