"""Requests that are under way when the engine stops, and are not done in the time that is left to them.

Must not know any route, nor why the engine stops.
"""

import asyncio

from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from engine.api.answers import refusal
from engine.protocol.errors import Refused

STOPPING = Refused(
    "SERVICE_NOT_READY", "The engine stops, and this was not done to its end. Look what became of it, then try again."
)


class Parting:
    """The app, which tells those that it leaves; who is being answered already is cut off in the middle."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_begun = False

        async def noting(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except asyncio.CancelledError:
            if not self._app.state.closing.is_set():
                raise
            if not is_begun:
                await refusal(STOPPING)(scope, receive, send)
