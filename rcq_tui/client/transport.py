"""One engine behind a Unix socket, with httpx: a call there, an answer or an error back.

Must not know routes or screens.
"""

import ssl
from collections.abc import Mapping
from typing import Any

import httpx

from config.paths import SYSTEM_SOCKET
from engine.protocol.errors import Unreachable
from rcq_tui.client.decode import refusal

_TIMEOUT = httpx.Timeout(10.0, connect=3.0)
STREAM_TIMEOUT = httpx.Timeout(3.0, read=None)
"""A quiet engine has nothing to tell: only connecting is bounded on the event stream."""
LARGE_TIMEOUT = httpx.Timeout(120.0, connect=3.0)
"""A large directory is counted, a long log is checked before anything is sent."""


_NOBODY = "nobody"
"""No token of anybody's: an engine that is given it looks no further, and asks for a log-in."""


class Transport:
    """token: of a session or an API token; `None` leaves it to the peer's Unix user.

    as_peer: false never does that: without a token the caller is nobody until `login`.
    """

    def __init__(self, socket_path: str, token: str | None = None, *, as_peer: bool = True) -> None:
        self._socket = socket_path
        self._token = token
        self._without = None if as_peer else _NOBODY
        # a Unix socket has no TLS, and reading the host's certificates for nothing takes 20 ms
        bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=socket_path, verify=bare), base_url="http://rcq", timeout=_TIMEOUT
        )

    @property
    def where(self) -> str:
        """The socket, for messages."""
        return self._socket

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | None] | None = None,
        body: Mapping[str, Any] | None = None,
        bounds: httpx.Timeout = _TIMEOUT,
    ) -> Any:
        return _json(await self._answer(method, path, query=query, body=body, bounds=bounds))

    async def _text(self, method: str, path: str) -> str:
        return (await self._answer(method, path)).content.decode(errors="replace")

    async def _answer(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | None] | None = None,
        body: Mapping[str, Any] | None = None,
        bounds: httpx.Timeout = _TIMEOUT,
    ) -> httpx.Response:
        params = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            answer = await self._http.request(
                method, path, params=params, json=body, headers=self._headers(), timeout=bounds
            )
        except httpx.TransportError as lost:
            raise self._unreachable(lost) from lost
        if answer.status_code >= 400:
            raise refused(answer)
        return answer

    def _headers(self) -> dict[str, str]:
        token = self._token or self._without
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _unreachable(self, lost: Exception) -> Unreachable:
        what = "does not answer in time" if isinstance(lost, httpx.TimeoutException) else "does not answer"
        see = "systemctl status rcq-engine" if str(self._socket) == str(SYSTEM_SOCKET) else "rcq doctor"
        return Unreachable(f"No engine: {self._socket} {what}. See: {see}")


def _json(answer: httpx.Response) -> Any:
    if answer.status_code == 204 or not answer.content:
        return {}
    try:
        return answer.json()
    except ValueError as broken:
        raise Unreachable("What answers on the socket does not speak JSON. Run: rcq doctor") from broken


def refused(answer: httpx.Response) -> Exception:
    """What an answer with an error status stands for; its body has been read."""
    return refusal(answer.status_code, _json(answer), answer.headers.get("Retry-After"))
