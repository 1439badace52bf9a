"""A search in an output that may be far longer than what is read of it: where hits are, and what is left to look at.

The file is looked through in blocks, those before the place where the search began first, the nearest ahead; a line
counts for the block in which the line before it ends. Pure. Must not know where chunks come from.
"""

import re
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence

from engine.protocol.responses import LogChunk

BLOCK_BYTES = 4 * 1024 * 1024

Span = tuple[int, int]


class LogSearch:
    """One search. wanted: what was typed; case does not matter. at: bytes from which it is looked for, first upwards.
    size: bytes of the file; what comes later is told by `written`.
    """

    def __init__(self, wanted: str, at: int, size: int) -> None:
        self.wanted = wanted
        self.pattern = re.compile(re.escape(wanted), re.IGNORECASE)
        self.hits = 0
        """Lines with a hit, as far as it has looked."""
        self.done = False
        self._begin = self._at = min(at, size)
        self._end = self._begin
        self._size = size
        self._found: list[int] = []

    def blocks(self) -> Iterator[Span]:
        """The blocks in their order; a block counts as looked through when the next one is asked for."""
        while self._begin > 0:
            begin = max(0, self._begin - BLOCK_BYTES)
            yield begin, self._begin
            self._begin = begin
        while self._end < self._size:
            end = min(self._size, self._end + BLOCK_BYTES)
            yield self._end, end
            self._end = end
        self.done = True

    @property
    def looked_at(self) -> float:
        """How much of the file it has looked at, 0 to 1."""
        return 1.0 if self.done or not self._size else (self._end - self._begin) / self._size

    def note(self, lines: Sequence[str], ends: Sequence[int]) -> None:
        """Lines of the file, and the byte at which each ends."""
        for line, end in zip(lines, ends, strict=True):
            if self.pattern.search(line):
                self.hits += 1
                insort(self._found, end)

    def written(self, lines: Iterable[str]) -> None:
        """Lines that were written since the search began."""
        self.hits += self.matching(lines)

    def matching(self, lines: Iterable[str]) -> int:
        """How many of the lines have a hit."""
        return sum(self.pattern.search(line) is not None for line in lines)

    def beyond(self, begin: int, end: int, *, down: bool) -> int | None:
        """The end of the nearest line with a hit that ends at byte `end` or later, or else before `begin`; `None` if
        none is known.
        """
        if down:
            at = bisect_left(self._found, end)
            return self._found[at] if at < len(self._found) else None
        at = bisect_left(self._found, begin)
        return self._found[at - 1] if at else None

    def knows(self, *, down: bool) -> bool:
        """Whether it has looked at all there is in that direction from where it began."""
        return self.done or (self._end >= self._size if down else self._begin == 0)


def line_ends(told: LogChunk, count: int) -> list[int]:
    """The bytes at which the last `count` lines of a chunk end."""
    at, found = told.offset, []
    for line in told.text.split("\n")[:-1]:
        at += len(line.encode())
        found.append(at)
        at += 1
    return found[len(found) - count :]


def next_hit(search: LogSearch, lines: Sequence[str], at: int, *, down: bool) -> int | None:
    """The number of the nearest line with a hit behind (or before) line `at`."""
    order = range(at + 1, len(lines)) if down else range(min(at, len(lines)) - 1, -1, -1)
    return next((one for one in order if search.pattern.search(lines[one])), None)


def hit_words(search: LogSearch) -> str:
    """`“loss”: 12 lines`, and how far it has looked while it goes on looking."""
    found = "no line" if not search.hits else "1 line" if search.hits == 1 else f"{search.hits:,} lines"
    going_on = "" if search.done else f" in {search.looked_at * 100:.0f}% of it"
    return f"{found}{going_on}"
