"""GET /v1/nodes: the machines of the cluster."""

from fastapi import APIRouter, Response

from engine.api.access import Engine, Who
from engine.api.answers import Nodes, answer, refuses

router = APIRouter(prefix="/v1", tags=["nodes"])


@router.get("/nodes", response_model=Nodes, responses=refuses("UNAUTHENTICATED"))
async def nodes(engine: Engine, who: Who) -> Response:
    """The machines of the cluster, with what is allocated and rcq's jobs in each; none where there is no cluster."""
    return answer(Nodes(items=await engine.box.nodes(who)))
