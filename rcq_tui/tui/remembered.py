"""What the terminal UI remembers from one start to the next: choices of looks and places, never secrets.

A file that is missing, damaged or from another version is a fresh start; one that cannot be written is none of
anybody's trouble. Must not know what the values mean.
"""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
_MOST_BYTES = 256 * 1024


class Remembered:
    """JSON values by name. path: the file; `None` remembers until the end of the program only.

    most_bytes: of the file; a longer one is a fresh start. Whoever keeps much sees to it that it stays below.
    """

    def __init__(self, path: Path | None = None, *, most_bytes: int = _MOST_BYTES) -> None:
        self._path = path
        self._values: dict[str, Any] = _read(path, most_bytes) if path is not None else {}

    def beside(self, name: str, *, most_bytes: int) -> "Remembered":
        """Another file in the same place, for what is too long to be written with every choice."""
        return Remembered(self._path and self._path.with_name(name), most_bytes=most_bytes)

    def of(self, key: str, default: T) -> T:
        """The value, if it is of the kind of `default` (a list or an object of whatever), else `default`."""
        found = self._values.get(key)
        return found if type(found) is type(default) else default

    def keep(self, key: str, value: Any) -> None:
        """Remember a JSON value from now on; it is on disk when this returns, where that is possible."""
        if self._values.get(key) == value:
            return
        self._values[key] = value
        if self._path is not None:
            with suppress(OSError):
                _write(self._path, self._values)


def _read(path: Path, most_bytes: int) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            values = json.loads(file.read(most_bytes))
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _write(path: Path, values: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tui-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(values, file, indent=1)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
