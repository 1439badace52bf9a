"""What a job in the foreground cannot be besides. Pure. Must not know who waits at its socket."""

import os
import re
from collections.abc import Mapping
from typing import Any

from engine.api.complaints import wrong
from engine.api.schema import MAX_SOCKET
from engine.protocol.errors import Refused

_UNUSUAL = re.compile(r"[\x00-\x1f\x7f]")
_AGAINST = {
    "script": "needs bash before it in the foreground: give the command bash and the script's path",
    "array": "makes many jobs, and one terminal has room for one: leave one of array and foreground out",
    "cron": "runs when nobody waits for it: leave one of cron and foreground out",
    "image": "cannot be given a terminal by rcq: let the command itself start the container",
    "retries": "would need the terminal that ends with the first attempt: leave one of retries and foreground out",
}
"""Fields that do not go with it, and what to do."""


def foreground_problem(given: Mapping[str, Any]) -> Refused | None:
    """VALIDATION_ERROR for a socket that nobody could wait at, and for what cannot be in the foreground."""
    path: str = given["foreground"]
    if _UNUSUAL.search(path):
        return wrong("foreground", "must not hold line breaks or other control characters")
    if len(os.fsencode(path)) > MAX_SOCKET:
        return wrong("foreground", f"is longer than the {MAX_SOCKET} bytes that the path of a Unix socket may have")
    return next((wrong(name, told) for name, told in _AGAINST.items() if given.get(name)), None)
