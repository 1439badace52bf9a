"""GET /healthz: whether the engine is fit, for anybody who can connect."""

from dataclasses import asdict

from fastapi import APIRouter, Response

from engine.api.access import Engine
from engine.api.answers import answer, refuses
from engine.protocol.errors import Refused
from engine.protocol.responses import Health

router = APIRouter(tags=["health"])
_TOLD = {
    "starting": "The engine is starting; try again in a moment.",
    "failing": "The engine answers but cannot do its work: {trouble}",
    "stalled": "The engine answers but plans no more; an admin finds the cause in its log and should restart it.",
}


@router.get("/healthz", response_model=Health, responses=refuses("SERVICE_NOT_READY"))
async def healthz(engine: Engine) -> Response:
    """200 if it is fit; 503 while it starts, fails or has stalled, with the same figures in `details`."""
    health = await engine.box.health()
    if health.status == "ok":
        return answer(health)
    figures = {
        "status": health.status,
        "version": health.version,
        "last_pass_age_s": health.last_pass_age_s,
        "accounts": health.accounts,
        "trouble": health.trouble,
        "backends": [asdict(one) for one in health.backends],
    }
    told = _TOLD.get(health.status, f"The engine is {health.status}.").format(trouble=health.trouble)
    raise Refused("SERVICE_NOT_READY", told, [{"field": "", "message": health.status, **figures}])
