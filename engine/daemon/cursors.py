"""Where a listing goes on: opaque text for the client, a small list for the engine.

Must not know what the parts mean.
"""

import base64
import binascii
import json
from typing import Any

from engine.protocol.errors import Refused


def encode(*parts: Any) -> str:
    """A cursor out of numbers and texts."""
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(cursor: str) -> list[Any]:
    """The parts. Raises Refused for what is no cursor of ours."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        raise bad_cursor() from None
    if not isinstance(parts, list) or not parts:
        raise bad_cursor()
    return parts


def bad_cursor() -> Refused:
    """What a made-up cursor is answered with."""
    return Refused(
        "VALIDATION_ERROR",
        "This cursor is not one of a page before. Leave it out to begin at the start.",
        [{"field": "cursor", "message": "unknown cursor"}],
    )
