"""The engine's requests, a line of JSON each, and the answers. Must not know how anything is sent.

A request: `id`, `channel`, `notification`, and `to` (an address or a URL) and `secret` where the channel has them. The
answer: the `id`, and `ok`, `again`, `message`.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from engine.notifier.outcome import Outcome
from engine.protocol.notifications import Notification, ToldArray, ToldJob


@dataclass(slots=True, frozen=True, kw_only=True)
class Request:
    """What to send, and where to."""

    id: int
    channel: str
    notification: Notification
    to: str = ""
    secret: str = ""


def read(line: bytes) -> Request:
    """One request. Raises ValueError, TypeError, KeyError for a line that is none: the engine is of another version."""
    given: dict[str, Any] = json.loads(line)
    told = dict(given.pop("notification"))
    told["jobs"] = [ToldJob(**job) for job in told.get("jobs", ())]
    told["arrays"] = [ToldArray(**array) for array in told.get("arrays", ())]
    return Request(**given, notification=Notification(**told))


def answer(request: Request, outcome: Outcome) -> bytes:
    """The line that says how it went."""
    return json.dumps({"id": request.id, **asdict(outcome)}).encode() + b"\n"
