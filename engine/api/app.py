"""The engine's HTTP application: one router per resource, errors in one shape, the OpenAPI description.

Must not know how the backend does its work, nor which socket the app is served on.
"""

import asyncio
from collections import Counter

from fastapi import Depends, FastAPI

from engine.api import (
    accounts,
    adopt,
    audit,
    errors,
    events,
    figures,
    gpus,
    groups,
    health,
    ingest,
    jobs,
    metrics,
    nodes,
    notify,
    openapi,
    parameters,
    plan,
    redo,
    reservations,
    results,
    services,
    session,
    stats,
    tokens,
    uploads,
    usage,
)
from engine.api.backend import Backend
from engine.api.bounds import Bounds
from engine.api.turnstile import Turnstile

ROUTERS = (
    health.router,
    session.router,
    jobs.router,
    results.router,
    redo.router,
    adopt.router,
    ingest.router,
    uploads.router,
    gpus.router,
    nodes.router,
    reservations.router,
    stats.router,
    usage.router,
    figures.router,
    metrics.router,
    plan.router,
    events.router,
    accounts.router,
    groups.router,
    services.router,
    audit.router,
    notify.router,
    tokens.router,
    openapi.router,
)


def create_app(backend: Backend, bounds: Bounds | None = None) -> FastAPI:
    """The application in front of `backend`. `app.state.closing` is set by the server to end event streams.

    bounds: what the server and the routes hold callers to; unless given, the usual ones.
    """
    app = FastAPI(
        title="rcq engine",
        summary="Jobs, cards and people of one shared GPU machine.",
        version="1",
        docs_url=None,  # both would fetch scripts from a content network
        redoc_url=None,
        openapi_url=None,  # `openapi.router` has it, under the same rules as all the others
        redirect_slashes=False,
        dependencies=[Depends(parameters.only_known)],
        generate_unique_id_function=openapi.operation_id,
    )
    app.state.backend = backend
    app.state.closing = asyncio.Event()
    app.state.bounds = bounds or Bounds()
    app.state.followers = Turnstile("event streams")
    app.state.uploads = Turnstile("uploads")
    app.state.bodies = Counter[int]()
    errors.install(app)
    parameters.install(app, [route for router in ROUTERS for route in router.routes])
    for router in ROUTERS:
        app.include_router(router)
    openapi.install(app, ROUTERS)
    return app
