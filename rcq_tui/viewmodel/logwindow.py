"""A window over a job's output: chunks of its file in, safe whole lines out, and the line that is still being written.

It grows at its end as the job writes, and at its beginning as somebody reads back; what is far from where one reads is
let go and read again later, so that a file of gigabytes costs no more than a small one. Pure. Must not know where
chunks come from or what draws the lines.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from engine.protocol.responses import LogChunk
from rcq_tui.viewmodel.text import clean_lines

CHUNK_BYTES = 64 * 1024
"""Read at once. Of hostile text as much takes some 20 ms to be made harmless; the next piece waits for its frame."""

MOST_LINES = 20_000
MOST_CHUNKS = 64
_LEAST_CHUNKS = 3
"""Kept whatever they hold: a page around the cursor has to be there."""

_CHARACTER = 3
"""A letter's bytes behind its first one."""

_UNFINISHED_MOST = 16 * 1024
"""Characters of a line without end that are kept; a progress bar needs few."""

LINE_MOST = 4000
"""Characters of a line that are shown: a job may write lines of megabytes, and what is shown is kept and laid out."""


class Grown(NamedTuple):
    """What became of the lines: so many gone at the beginning and at the end, these added there."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    gone_before: int = 0
    gone_after: int = 0


@dataclass(slots=True, kw_only=True)
class _Chunk:
    """Bytes `begin` to `end` of the file. lines: that end in it, safe to show. tail: raw, after its last line end."""

    begin: int
    end: int
    lines: list[str] = field(default_factory=list)
    tail: str = ""


class LogWindow:
    """One stream of one job. begin: of the first chunk that is wanted; negative counts from the end.

    size: of the file, as far as known; 0 before the first chunk. complete: the job has ended and all is written.
    """

    def __init__(self, begin: int = -CHUNK_BYTES) -> None:
        self.size = 0
        self.complete = False
        self._first = begin
        self._chunks: list[_Chunk] = []
        self._head: str | None = None
        """Raw text up to the first line end of `_head_in`, the beginning of whose line has not been read yet."""
        self._head_in = _Chunk(begin=0, end=0)

    @property
    def begin(self) -> int:
        """The offset of what is there, in bytes."""
        return self._chunks[0].begin if self._chunks else max(0, self._first)

    @property
    def lines_from(self) -> int:
        """The offset at which the first whole line begins, in bytes."""
        return self.begin + (0 if self._head is None else len(self._head.encode()))

    @property
    def next_offset(self) -> int:
        """Where to go on reading; negative before the first chunk of an end."""
        return self._chunks[-1].end if self._chunks else self._first

    @property
    def at_end(self) -> bool:
        """Whether it reaches to the end of the file, as far as that is known."""
        return bool(self._chunks) and self._chunks[-1].end >= self.size

    @property
    def count(self) -> int:
        """Whole lines in the window."""
        return sum(len(chunk.lines) for chunk in self._chunks)

    @property
    def unfinished(self) -> str:
        """The last line while it has no end yet, such as a progress bar; safe to show."""
        lines = shown(self._chunks[-1].tail) if self._chunks else []
        return lines[-1] if lines else ""

    def take(self, told: LogChunk) -> Grown:
        """The next chunk; what it adds after the others. What is not next is left alone."""
        if self._chunks and told.offset != self.next_offset:
            return Grown()
        self.size, self.complete = told.size, told.complete
        if self._chunks and told.next_offset == told.offset:
            return Grown()
        if not self._chunks:
            return self._first_of_all(told)
        last = self._chunks[-1]
        whole, tail = _whole(last.tail + told.text)
        lines = shown(whole)
        if told.next_offset - last.begin <= CHUNK_BYTES:  # a job that writes little by little makes few chunks
            last.lines += lines
            last.end, last.tail = told.next_offset, tail
            return Grown(after=tuple(lines), gone_before=self._let_go(0))
        self._chunks.append(_Chunk(begin=told.offset, end=told.next_offset, lines=lines, tail=tail))
        return Grown(after=tuple(lines), gone_before=self._let_go(0))

    def _first_of_all(self, told: LogChunk) -> Grown:
        """Where reading began in the middle of a line its rest would mislead; but half a line says more than none."""
        begin, text, head = told.offset, told.text, None
        if begin > 0:
            begin, text = _aligned(begin, text)
            if "\n" in text:
                head, text = _parted(text)
        whole, tail = _whole(text)
        chunk = _Chunk(begin=begin, end=told.next_offset, lines=shown(whole), tail=tail)
        self._chunks.append(chunk)
        self._head, self._head_in = head, chunk
        return Grown(after=tuple(chunk.lines))

    def earlier(self) -> tuple[int, int] | None:
        """Offset and bytes of the chunk before the window; `None` at the beginning of the file."""
        if not self._chunks or self.begin == 0:
            return None
        begin = max(0, self.begin - CHUNK_BYTES)
        return begin, self.begin - begin

    def take_earlier(self, told: LogChunk) -> Grown:
        """The chunk before the window; what it adds before the others. What is not that is left alone."""
        is_next = self.begin - _CHARACTER <= told.next_offset <= self.begin > told.offset
        if not self._chunks or not is_next:
            return Grown()
        begin, text = _aligned(told.offset, told.text) if told.offset > 0 else (0, told.text)
        chunk = _Chunk(begin=begin, end=self.begin)
        if begin > 0 and "\n" not in text:
            chunk.tail = text[-_UNFINISHED_MOST:]
            self._head = None if self._head is None else (text + self._head)[-_UNFINISHED_MOST:]
            self._chunks.insert(0, chunk)
            return Grown(gone_after=self._let_go(-1))
        head, text = _parted(text) if begin > 0 else (None, text)
        whole, chunk.tail = _whole(text)
        chunk.lines = shown(whole)
        joined = [] if self._head is None else shown(chunk.tail + self._head)
        self._head_in.lines[:0] = joined  # a line is in the chunk in which it ends
        self._head, self._head_in = head, chunk
        self._chunks.insert(0, chunk)
        return Grown(before=(*chunk.lines, *joined), gone_after=self._let_go(-1))

    def _let_go(self, side: int) -> int:
        """Drop chunks at one side (0: the beginning, -1: the end) while there are too many: how many lines went."""
        gone = 0
        while len(self._chunks) > _LEAST_CHUNKS and (len(self._chunks) > MOST_CHUNKS or self.count > MOST_LINES):
            dropped = self._chunks.pop(side)
            gone += len(dropped.lines)
            if side == 0 or dropped is self._head_in:
                self._head = None  # its first line is whole, or will never be
        return gone


def _aligned(begin: int, text: str) -> tuple[int, str]:
    """Without the rest of a letter in whose middle reading began; each byte of it came as one replacement."""
    rest = len(text) - len(text[:_CHARACTER].lstrip("\ufffd") + text[_CHARACTER:])
    return begin + rest, text[rest:]


def shown(text: str) -> list[str]:
    """Lines as they may be shown: safe, and not too long."""
    return [_short(line) for line in clean_lines(text)]


def _short(line: str) -> str:
    over = len(line) - LINE_MOST
    return line if over <= 0 else f"{line[:LINE_MOST]}… ({over} more characters)"


def _whole(text: str) -> tuple[str, str]:
    """Whole lines, and what has no end yet."""
    whole, newline, rest = text.rpartition("\n")
    return whole + newline, rest[-_UNFINISHED_MOST:]


def _parted(text: str) -> tuple[str, str]:
    """The end of a line that began before, and the rest."""
    head, newline, rest = text.partition("\n")
    return head + newline, rest
