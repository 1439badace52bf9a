"""The part of a long queue that is here: pages that hang together, from some place on, at most some thousand rows.

A page begins at a mark that the engine gave out, so it can be fetched again, and those that were let go can, too. Pure.
Must not know how pages are fetched.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.protocol.responses import JobRow

Key = int | tuple[int, str]

MOST_KEPT = 5000
"""Rows; of more, those that are furthest away are let go."""


def key_of(job: JobRow) -> Key:
    """What a row is called: a job's id; of elements in one row their array and state, as the first of them changes."""
    return job.id if job.folded is None else (job.array_parent or job.id, job.state)


class Mark(NamedTuple):
    """A place in the queue: in which of its listings, and the engine's cursor there; `None` is its beginning."""

    part: int
    cursor: str | None = None


BEGIN = Mark(0)


@dataclass(slots=True)
class Page:
    """Rows behind a mark."""

    start: Mark
    rows: list[JobRow]


@dataclass(slots=True)
class Pages:
    """before: starts and sizes of pages that were let go above. end: where it goes on; `None` at the end of it all."""

    pages: list[Page] = field(default_factory=list)
    before: list[tuple[Mark, int]] = field(default_factory=list)
    end: Mark | None = BEGIN

    @property
    def rows(self) -> list[JobRow]:
        """All rows that are here."""
        return [row for page in self.pages for row in page.rows]

    @property
    def size(self) -> int:
        """How many rows are here."""
        return sum(len(page.rows) for page in self.pages)

    @property
    def gone(self) -> int:
        """How many rows were let go above."""
        return sum(size for _, size in self.before)

    def at(self, row: int) -> tuple[int, int]:
        """The page of a row, or an empty one just above it, and how many rows are above that page."""
        above = 0
        for number, page in enumerate(self.pages):
            if row <= above + len(page.rows):
                return number, above
            above += len(page.rows)
        last = max(0, len(self.pages) - 1)
        return last, above - (len(self.pages[last].rows) if self.pages else 0)

    def extend(self, fresh: Sequence[Page], end: Mark | None) -> None:
        """Further pages at the end; too many are let go above."""
        self._forget({key_of(row) for page in fresh for row in page.rows}, self.pages)
        self.pages += fresh
        self.end = end
        while self.size > MOST_KEPT and len(self.pages) > 1:
            first = self.pages.pop(0)
            self.before.append((first.start, len(first.rows)))

    def renew(self, begin: int, fresh: Sequence[Page], end: Mark | None) -> None:
        """These stand for the pages from `begin` on, and for those below that still hang together with them.

        A row stands where it was seen last, so that none is there twice.
        """
        below = next((at for at, page in enumerate(self.pages) if at > begin and page.start == end), None)
        rest = [] if below is None else self.pages[below:]
        seen = {key_of(row) for page in fresh for row in page.rows}
        self._forget(seen, self.pages[:begin])
        self._forget(seen, rest)
        self.pages = [*self.pages[:begin], *fresh, *rest]
        if below is None:
            self.end = end

    def prepend(self, rows: Sequence[JobRow]) -> None:
        """The page that was let go last is here again; too many are let go below."""
        start, _ = self.before.pop()
        known = {key_of(row) for page in self.pages for row in page.rows}
        self.pages.insert(0, Page(start, [row for row in rows if key_of(row) not in known]))
        while self.size > MOST_KEPT and len(self.pages) > 1:
            self.end = self.pages.pop().start

    def put(self, fresh: Sequence[JobRow]) -> None:
        """Rows as they are now, in the places where they are."""
        news = {key_of(row): row for row in fresh}
        for page in self.pages:
            page.rows = [news.get(key_of(row), row) for row in page.rows]

    @staticmethod
    def _forget(keys: set[Key], pages: Sequence[Page]) -> None:
        for page in pages:
            page.rows = [row for row in page.rows if key_of(row) not in keys]
