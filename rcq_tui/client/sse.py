"""Server-sent events out of lines of text.

Pure. Must not know what the events mean or how lines arrive.
"""

import json
from typing import Any

from rcq_tui.client.calls import Event


class EventReader:
    """Collects the lines of one event stream.

    Comments, `retry:` and events whose data is no JSON object are skipped.
    """

    def __init__(self) -> None:
        self._id: int | None = None
        self._kind = ""
        self._data: list[str] = []

    def take(self, line: str) -> Event | None:
        """Take the next line, without its line feed; the event that it completes, if it does."""
        if line == "":
            return self._complete()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name == "id" and value.isdigit():
            self._id = int(value)
        return None

    def _complete(self) -> Event | None:
        kind, data = self._kind or "message", _object("\n".join(self._data))
        self._kind, self._data = "", []
        return None if data is None else Event(self._id, kind, data)


def _object(text: str) -> dict[str, Any] | None:
    try:
        data = json.loads(text)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None
