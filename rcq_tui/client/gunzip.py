"""One member of a gzip file, with the interface that the newer decompressors of the standard library have.

Must not know files.
"""

import zlib

_GZIP_ONLY = 16 + zlib.MAX_WBITS
"""Head and check sum are read, too."""


class Member:
    """Unpacks one member. eof: it is whole and its check sum was right."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(_GZIP_ONLY)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        """What came behind the member's end."""
        return self._zlib.unused_data

    @property
    def needs_input(self) -> bool:
        """False: `decompress(b"")` has more to give."""
        return not (self._full or self._zlib.unconsumed_tail)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most so many bytes. Raises zlib.error."""
        piece = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self._full = len(piece) == max_length
        return piece
