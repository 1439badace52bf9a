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
    """JSON values by name. path: the file; `None` remembers until the end of the program only."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._values: dict[str, Any] = _read(path) if path is not None else {}

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


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            values = json.loads(file.read(_MOST_BYTES))
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
