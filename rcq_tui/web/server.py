"""The web server: a page, the files that it needs, and a session for each browser that opens it.

Listens on this machine's own address alone. Must not know what the screen shows.
"""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from string import Template

import textual_serve
from aiohttp import WSMsgType, web

from rcq_tui.web.gate import cells, host_is_ours, page_is_ours
from rcq_tui.web.session import BrowserSession

_PAGE = Template(Path(__file__).with_name("page.html").read_text())
_STATIC = Path(textual_serve.__path__[0]) / "static"
_MOST_BYTES = 256 * 1024
"""Of one message: what somebody pastes."""
_HEARTBEAT_S = 15.0
"""A browser that does not answer for so long has gone away."""
_SHUTDOWN_S = 15.0
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
        "img-src 'self' data:; connect-src 'self' {socket}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Serves the UI that `command` runs, to at most so many browsers at a time."""

    def __init__(self, command: list[str], most: int) -> None:
        self._command, self._most = command, most
        self._open: set[web.WebSocketResponse] = set()

    def application(self) -> web.Application:
        """All of its routes."""
        app = web.Application(middlewares=[_only_ours])
        app.add_routes([web.get("/", self._page), web.get("/ws", self._session), web.static("/static", _STATIC)])
        app.on_response_prepare.append(_guard)
        app.on_shutdown.append(self._close_all)
        return app

    async def _page(self, request: web.Request) -> web.Response:
        if self._is_full():
            raise web.HTTPServiceUnavailable(text=self._full())
        return web.Response(text=_PAGE.substitute(websocket=_socket_of(request)), content_type="text/html")

    async def _session(self, request: web.Request) -> web.WebSocketResponse:
        if not page_is_ours(request.headers):
            raise web.HTTPForbidden(text="A session begins from rcq's own page.\n")
        if self._is_full():
            raise web.HTTPServiceUnavailable(text=self._full())
        browser = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, max_msg_size=_MOST_BYTES)
        self._open.add(browser)
        try:
            await browser.prepare(request)
            await self._serve(browser, cells(request.query))
        finally:
            self._open.discard(browser)
        return browser

    async def _serve(self, browser: web.WebSocketResponse, size: tuple[int, int]) -> None:
        session = BrowserSession(self._command, send=browser.send_bytes, say=browser.send_str, close=browser.close)
        try:
            await session.start(*size)
            async for message in browser:
                if message.type is WSMsgType.TEXT:
                    await session.take(message.data)
        except (ValueError, RecursionError):
            await browser.close(code=1003, message=b"not understood")
        except ConnectionError:
            await browser.close()
        finally:
            await asyncio.shield(session.end())

    def _is_full(self) -> bool:
        return len(self._open) >= self._most

    def _full(self) -> str:
        return f"{self._most} browsers have rcq open here: no more may. Close one, or use rcq in a terminal.\n"

    async def _close_all(self, _app: web.Application) -> None:
        for browser in list(self._open):
            await browser.close(code=1001, message=b"rcq web ends")


@web.middleware
async def _only_ours(request: web.Request, handler: _Handler) -> web.StreamResponse:
    if not host_is_ours(request.headers.get("Host", "")):
        raise web.HTTPForbidden(text="This is rcq on 127.0.0.1; it goes by no other name.\n")
    return await handler(request)


async def _guard(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers[name] = value.replace("{socket}", _socket_of(request))


def _socket_of(request: web.Request) -> str:
    """Where the page finds its session. The host has been looked at: nothing in it needs quoting."""
    return f"ws://{request.host}/ws"


def serve(listener: socket.socket, command: list[str], most: int) -> None:
    """Serve until ^C or a signal to end; every session has ended then."""
    asyncio.run(_serve(listener, command, most))


async def _serve(listener: socket.socket, command: list[str], most: int) -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    runner = web.AppRunner(Server(command, most).application(), access_log=None, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        await told.wait()
    finally:
        await runner.cleanup()
