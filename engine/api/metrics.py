"""GET /metrics: figures in the text format of Prometheus, or in OpenMetrics where that is asked for.

Must not know where a figure comes from, nor who may see which.
"""

import asyncio

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from engine.api.access import Engine, Who
from engine.api.answers import refuses
from engine.api.metricsource import Gathered

router = APIRouter(tags=["metrics"])
OPENMETRICS = "application/openmetrics-text"
_TEXT = {"schema": {"type": "string"}}


async def written(gathered: Gathered, accept: str) -> Response:
    """The answer, in the format that the header `Accept` asks for. Written out in a thread: it takes milliseconds."""
    if OPENMETRICS in accept:
        body, kind = await asyncio.to_thread(openmetrics.generate_latest, gathered), openmetrics.CONTENT_TYPE_LATEST
    else:
        body, kind = await asyncio.to_thread(generate_latest, gathered), CONTENT_TYPE_PLAIN_0_0_4
    return Response(body, headers={"content-type": kind, "cache-control": "no-store"})


@router.get(
    "/metrics",
    status_code=200,
    response_class=Response,
    responses={
        200: {"content": {"text/plain": _TEXT, OPENMETRICS: _TEXT}, "description": "The figures, as docs/metrics.md."},
        **refuses("UNAUTHENTICATED", "FORBIDDEN"),
    },
)
async def metrics(request: Request, engine: Engine, who: Who) -> Response:
    """Figures for Prometheus, as the caller may know them; OpenMetrics if `Accept` names it."""
    return await written(engine.metrics.told(who), request.headers.get("accept", ""))
