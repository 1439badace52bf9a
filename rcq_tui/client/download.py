"""A ZIP as a file: under another name until all of it is there, and none at all if it breaks off.

Must not know where it comes from.
"""

import os
from types import TracebackType

END = b"PK\x05\x06"
"""Begins a ZIP's last record, which is `END_BYTES` long where there is no comment."""
END_BYTES = 22


class NotWhole(Exception):
    """What came has no end."""


class Arriving:
    """The file `target` to be. replace: it may be there already. Raises FileExistsError and other OSErrors.

    Leaving the block without `keep` takes away what has come.
    """

    def __init__(self, target: str, *, replace: bool = False) -> None:
        if not replace and os.path.lexists(target):
            raise FileExistsError(target)
        self._target, self._replace = target, replace
        place, name = os.path.split(target)
        self._draft = os.path.join(place, f".{name[:200]}.{os.urandom(4).hex()}.part")  # noqa: PTH118
        self._handle = os.open(self._draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)
        self._tail = b""
        self.size = 0

    def __enter__(self) -> "Arriving":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._handle)
        if self._draft:
            os.unlink(self._draft)  # noqa: PTH108

    def write(self, data: bytes) -> None:
        """The next piece."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._handle, rest) :]
        self.size += len(data)
        self._tail = (self._tail + data[-END_BYTES:])[-END_BYTES:]

    def keep(self) -> None:
        """It is all there: give it its name. Raises NotWhole, FileExistsError."""
        if not is_end(self._tail):
            raise NotWhole
        if self._replace:
            os.replace(self._draft, self._target)  # noqa: PTH105
        else:
            self._name_anew()
        self._draft = ""

    def _name_anew(self) -> None:
        """Never in place of what has that name by now."""
        try:
            os.link(self._draft, self._target)
        except FileExistsError:
            raise
        except OSError:  # the file system knows no second names
            if os.path.lexists(self._target):
                raise FileExistsError(self._target) from None
            os.rename(self._draft, self._target)  # noqa: PTH104
        else:
            os.unlink(self._draft)  # noqa: PTH108


def is_end(tail: bytes) -> bool:
    """Whether these are the last bytes of a ZIP."""
    return len(tail) == END_BYTES and tail.startswith(END)
