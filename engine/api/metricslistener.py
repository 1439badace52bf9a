"""A second small application: /metrics for readers without a name, over TCP, and nothing else.

Must not know where figures come from, nor who decides that it listens.
"""

import asyncio
import hmac
from ipaddress import ip_address

from fastapi import FastAPI, Request, Response

from engine.api import errors, parameters
from engine.api.bounds import Bounds
from engine.api.metrics import OPENMETRICS, written
from engine.api.metricsource import Metrics
from engine.protocol.errors import Refused

BOUNDS = Bounds(
    head_timeout_s=30.0,
    body_timeout_s=5.0,
    write_timeout_s=10.0,
    request_timeout_s=30.0,
    connections=16,
    connections_per_user=16,
)
"""A Prometheus or two, and somebody with curl."""
FRESH_S = 1.0
WITHOUT = "This address wants the token of metrics.token_file as a bearer token (`authorization` in Prometheus)."
ELSEWHERE = "There is only /metrics here."
STRANGE = "Ask for it by this machine's address or as localhost: a page from elsewhere may not read it in a browser."


def create_listener(metrics: Metrics, token: str | None) -> FastAPI:
    """The application. token: what each request has to bear, where there is one."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.closing = asyncio.Event()
    app.state.bounds = BOUNDS
    errors.install(app)
    lately = _Lately(metrics)

    @app.api_route("/metrics", methods=["GET", "HEAD"])
    async def read(request: Request) -> Response:
        """The figures."""
        if token is None:
            if not _by_address(request.headers.get("host", "")):
                raise Refused("FORBIDDEN", STRANGE)
        elif not _bears(request, token):
            raise Refused("UNAUTHENTICATED", WITHOUT)
        return await lately.told(request.headers.get("accept", ""))

    @app.api_route("/{path:path}", methods=["GET", "HEAD"])
    async def elsewhere() -> Response:
        """Say where they are."""
        raise Refused("NOT_FOUND", ELSEWHERE)

    parameters.install(app, app.routes)
    return app


class _Lately:
    """What was told within the last second, in each format: a flood of readers costs hardly more than one."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._told: dict[bool, tuple[float, Response]] = {}
        self._turn = asyncio.Lock()

    async def told(self, accept: str) -> Response:
        """The figures, a second old at most."""
        kind, now = OPENMETRICS in accept, asyncio.get_running_loop().time
        async with self._turn:
            at, answer = self._told.get(kind, (0.0, None))
            if answer is None or now() - at >= FRESH_S:
                at, answer = now(), await written(self._metrics.told_to_anybody(), accept)
                self._told[kind] = at, answer
        return Response(answer.body, headers=dict(answer.headers))


def _bears(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def _by_address(host: str) -> bool:
    """Whether a `Host` names no name: a browser that was led here by one of somebody else's names says that one."""
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    if name.lower() == "localhost":
        return True
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
