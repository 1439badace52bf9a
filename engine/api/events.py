"""GET /v1/events: what happens, as server-sent events, resumable by the last event's id."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from engine.api.access import Engine, Who, perhaps
from engine.api.answers import as_json, refuses
from engine.api.asks import FeedEvent
from engine.api.bounds import bounds_of
from engine.api.complaints import wrong
from engine.api.requests import Following
from engine.protocol.errors import Refused

router = APIRouter(prefix="/v1", tags=["events"])
KEEP_ALIVE_S = 15.0
RETRY_MS = 1000
EVENT_SCHEMA = {
    "type": "object",
    "description": "One event.",
    "properties": {
        "id": {"type": "string", "description": "For Last-Event-ID; a whole number that only grows."},
        "event": {"type": "string", "description": "gpus, job, notice, queue, reservations or stats."},
        "data": {"type": "string", "description": "JSON."},
    },
}


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"text/event-stream": {"schema": EVENT_SCHEMA}},
            "description": "id:, event: and data: (JSON) of each event.",
        },
        **refuses("UNAUTHENTICATED", "RATE_LIMITED"),
    },
)
async def events(
    request: Request,
    engine: Engine,
    who: Who,
    asked: Annotated[Following, Query()],
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """What happens from now on; after a break, `Last-Event-ID` (or `after`) goes on where it broke off."""
    after = asked.after if last_event_id is None else _number(last_event_id)
    bounds, followers = bounds_of(request), request.app.state.followers
    followers.enter(who.account, bounds.event_streams_per_account, bounds.event_streams)
    feed = engine.box.events(who, after)

    async def unchanged() -> bool:
        try:
            return await perhaps(request) == who
        except Refused:
            return False

    return _Followed(
        written(while_true(unchanged, feed), request.app.state.closing), partial(followers.leave, who.account)
    )


class _Followed(StreamingResponse):
    """The stream; `left` is called at its end, also where nobody has read a word of it."""

    def __init__(self, text: AsyncIterator[bytes], left: Callable[[], None]) -> None:
        super().__init__(text, media_type="text/event-stream", headers={"cache-control": "no-store"})
        self._left = left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._left()


async def while_true(
    unchanged: Callable[[], Awaitable[bool]], feed: AsyncIterator[FeedEvent]
) -> AsyncIterator[FeedEvent]:
    """The feed, until somebody's log-in has ended or became another one: what they may see was settled before that."""
    try:
        async for event in feed:
            if not await unchanged():
                return
            yield event
    finally:
        if isinstance(feed, AsyncGenerator):
            await feed.aclose()


async def written(
    feed: AsyncIterator[FeedEvent], closing: asyncio.Event, keep_alive_s: float = KEEP_ALIVE_S
) -> AsyncGenerator[bytes, None]:
    """The stream's text, until the feed ends or `closing` is set; a comment whenever nothing happens for a while."""
    yield b"retry: %d\n\n" % RETRY_MS
    closed = asyncio.ensure_future(closing.wait())
    coming = asyncio.ensure_future(_next(feed))
    try:
        while True:
            await asyncio.wait({coming, closed}, timeout=keep_alive_s, return_when=asyncio.FIRST_COMPLETED)
            if closed.done():
                return
            if not coming.done():
                yield b": still here\n\n"
                continue
            event = coming.result()
            if event is None:
                return
            yield b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.kind.encode(), as_json(event.data))
            coming = asyncio.ensure_future(_next(feed))
    finally:
        coming.cancel()
        closed.cancel()
        await asyncio.wait({coming, closed})
        if isinstance(feed, AsyncGenerator):
            await feed.aclose()


async def _next(feed: AsyncIterator[FeedEvent]) -> FeedEvent | None:
    return await anext(feed, None)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise wrong("Last-Event-ID", "must be the id of an event, a whole number")
    return int(text)
