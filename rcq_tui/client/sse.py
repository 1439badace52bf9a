"""Server-sent events out of bytes.

Pure. Must not know what the events mean or how bytes arrive.
"""

import json
from typing import Any

from rcq_tui.client.calls import Event


class EventReader:
    """Reads one event stream, in pieces of any size. Only a line feed ends a line, with or without a carriage return.

    Comments, `retry:` and events whose data is no JSON object are skipped.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._id: int | None = None
        self._kind = ""
        self._data: list[str] = []

    def take(self, piece: bytes) -> list[Event]:
        """Take the next bytes; the events that they complete."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        events = [self._line(line.removesuffix(b"\r").decode(errors="replace")) for line in lines]
        return [event for event in events if event is not None]

    def _line(self, line: str) -> Event | None:
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
