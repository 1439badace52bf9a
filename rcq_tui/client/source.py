"""Where an upload's bytes come from: a file descriptor, or what is made out of one.

Must not know what the bytes mean or where they go. Imports next to nothing: everyday commands load it at every start.
"""

import os
from collections.abc import Sequence
from typing import Protocol

PIECE_BYTES = 256 * 1024


class BrokenSource(Exception):
    """The source cannot be read on; the message says why, to stand behind its name."""


class Source(Protocol):
    """Gives bytes piece by piece and never waits itself: who uses it polls.

    taken: bytes of the file or pipe that were read so far; before unpacking, where it is packed.
    """

    @property
    def taken(self) -> int: ...

    def waits_on(self) -> Sequence[int]:
        """Descriptors one of which must be readable before `read` has news; none: it has already."""
        ...

    def read(self) -> bytes | None:
        """The next bytes; b"" at the end, `None` if there are none yet. Raises BrokenSource."""
        ...


class Descriptor:
    """What a file descriptor gives, as it is. most: bytes read at once."""

    def __init__(self, descriptor: int, most: int = PIECE_BYTES) -> None:
        self._descriptor = descriptor
        self._most = most
        self.taken = 0

    def waits_on(self) -> Sequence[int]:
        return (self._descriptor,)

    def read(self) -> bytes | None:
        try:
            piece = os.read(self._descriptor, self._most)
        except BlockingIOError:
            return None
        except OSError as error:
            raise BrokenSource(f"cannot be read on ({error.strerror})") from error
        self.taken += len(piece)
        return piece
