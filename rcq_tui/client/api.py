"""The engine over its Unix socket, with httpx: typed calls for the TUI and for Python programs.

Must not know screens. Everyday commands use the lighter `wire` instead.
"""

from collections.abc import AsyncIterator

import httpx

from engine.protocol.errors import Unreachable
from rcq_tui.client.apibox import BoxApi
from rcq_tui.client.apibulk import BulkApi
from rcq_tui.client.apifigures import FiguresApi
from rcq_tui.client.apijobs import JobsApi
from rcq_tui.client.apipeople import PeopleApi
from rcq_tui.client.calls import Event
from rcq_tui.client.sse import EventReader
from rcq_tui.client.transport import STREAM_TIMEOUT, refused


class Api(JobsApi, BulkApi, BoxApi, FiguresApi, PeopleApi):
    """Calls to one engine. Every call raises `Refused` or `Unreachable`.

    token: of a session or an API token; `None` leaves it to the peer's Unix user. `login` replaces it.
    """

    async def events(self, after: int | None = None) -> AsyncIterator[Event]:
        """What happens from now on, or after event `after`; ends by raising Unreachable."""
        headers = self._headers() | {"Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        try:
            async with self._http.stream("GET", "/v1/events", headers=headers, timeout=STREAM_TIMEOUT) as answer:
                if answer.status_code >= 400:
                    await answer.aread()
                    raise refused(answer)
                reader = EventReader()
                async for piece in answer.aiter_bytes():
                    for event in reader.take(piece):
                        yield event
        except (httpx.TransportError, httpx.StreamError) as lost:
            raise self._unreachable(lost) from lost
        raise Unreachable(f"The engine at {self._socket} closed the event stream.")
