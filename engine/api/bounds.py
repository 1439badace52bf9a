"""How much one connection, one Unix user and one account may have of the API at once, and how long it waits for whom.

Must not know where the numbers are set.
"""

from dataclasses import dataclass

from fastapi import Request


@dataclass(slots=True, frozen=True, kw_only=True)
class Bounds:
    """Seconds and counts.

    head_timeout_s: in which a request's whole head must come, on a new connection or after an answer. body_timeout_s:
    then its whole body. stream_idle_s: silence within a body of any length, which a person may feed. write_timeout_s:
    for which a client may leave an answer unread. request_timeout_s: in which a request must begin to be answered.
    connections: in all and of one Unix user, and so many requests under way. event_streams: in all and of one account.
    uploads_per_account: files that are on their way at once.
    """

    head_timeout_s: float = 10.0
    body_timeout_s: float = 30.0
    stream_idle_s: float = 86_400.0
    write_timeout_s: float = 60.0
    request_timeout_s: float = 60.0
    connections: int = 8192
    connections_per_user: int = 2048
    event_streams: int = 512
    event_streams_per_account: int = 32
    uploads_per_account: int = 8


def bounds_of(request: Request) -> Bounds:
    """Those of the application that answers."""
    bounds: Bounds = request.app.state.bounds
    return bounds
