"""Reads the queue: pages that are looked at, further ones before somebody gets there, all anew for another look.

It posts what it read and waits for nobody; a wish that comes meanwhile breaks off what is no longer wanted. Must not
know screens, nor how a call travels.
"""

import asyncio
from collections.abc import Callable

from textual.message import Message

from engine.protocol.errors import Refused
from engine.protocol.responses import JobRow
from rcq_tui.client.calls import JobCalls, JobsWanted
from rcq_tui.tui.pace import Pace, happens
from rcq_tui.tui.pages import BEGIN, Mark, Page, Pages
from rcq_tui.tui.queuemessages import QueueRead, QueueRefused
from rcq_tui.viewmodel.looks import Extent, Look, Part, parts

PAGE = 100
"""Rows that are asked for at once."""
MARGIN = 50
"""Rows beyond what is seen that are there before somebody gets there."""
FAR = 1000
"""Rows that are fetched for whoever goes to the end."""


class QueueReader:
    """Runs until it is cancelled or a call fails; called again, it goes on where it was."""

    def __init__(self, api: JobCalls, post: Callable[[Message], object], pace: Pace, look: Look) -> None:
        self._api = api
        self._post = post
        self._pace = pace
        self._look = look
        self._shown: Look | None = None
        self._wake = asyncio.Event()
        self._work: asyncio.Future[None] | None = None
        self._urgent = False
        self._far = False
        self._from_top = False
        self._seen = (0, 0)
        self._last = 0.0
        self.stale = False
        self.forget()

    # ------------------------------------------------------------ wishes

    def look(self, look: Look) -> None:
        """Want other jobs: they are fetched at once, and what is on its way for the look before is broken off."""
        self._look = look
        if self._work is not None:
            self._work.cancel()
            self.stale = True
        self._wake.set()

    def see(self, top: int, bottom: int, *, far: bool = False) -> None:
        """These lines are on the screen. far: somebody wants to go on to the end."""
        self._seen, self._far = (top, bottom), self._far or far
        self._wake.set()

    def from_top(self) -> None:
        """Somebody goes to the first row, which was let go."""
        self._from_top = True
        self._seen = (0, self._seen[1] - self._seen[0])
        self._wake.set()

    def changed(self) -> None:
        """The engine told that the queue is another; it is fetched again soon."""
        self.stale = True
        self._wake.set()

    def refresh(self) -> None:
        """A person wants it fetched again, at once."""
        self.stale = self._urgent = True
        self._wake.set()

    def forget(self) -> None:
        """Somebody else may be there."""
        self._pages = Pages()
        self._totals: dict[int, int | None] = {}
        self._searched = 0
        self._costly = False
        self._shown = None

    # ------------------------------------------------------------ the loop

    async def run(self) -> None:
        """Read whenever there is something to read. Raises what a call raises."""
        self.refresh()
        while True:
            await self._due()
            self._work = asyncio.ensure_future(self._step())
            try:
                await asyncio.wait({self._work})
            finally:
                self._work.cancel()
            if not self._work.cancelled():
                self._work.result()

    async def _due(self) -> None:
        """Wait until there is something to read."""
        clock = asyncio.get_running_loop().time
        while True:
            self._wake.clear()
            if (
                self._look != self._shown
                or self._urgent
                or self._from_top
                or self._wants_below()
                or self._wants_above()
            ):
                return
            rest = self._last + (self._pace.between_fetches if self.stale else self._pace.idle_fetch) - clock()
            if rest <= 0:
                self.stale = True
                return
            await happens(self._wake, rest)

    async def _step(self) -> None:
        look, stale, urgent = self._look, self.stale, self._urgent
        from_top, self._from_top = self._from_top, False
        self.stale = self._urgent = False  # what changes from now on is read again
        try:
            if look != self._shown or from_top or (urgent and self._costly):
                await self._begin(look)
            elif stale:
                await self._renew(look)
            await self._reach(look)
        except Refused as refused:
            if refused.code != "VALIDATION_ERROR":
                raise
            await self._wrong(look, refused)

    async def _wrong(self, look: Look, refused: Refused) -> None:
        """The engine does not understand the search, or a mark of ours any more."""
        self._last = asyncio.get_running_loop().time()
        if look == self._shown:
            self.forget()  # from the beginning: no mark is known then
            return
        self._pages, self._shown = Pages(end=None), look
        self._post(QueueRefused(refused.message))

    # ------------------------------------------------------------ reading

    async def _begin(self, look: Look) -> None:
        """Another look: from the beginning, until there is something to show; `_reach` fills the screen."""
        if self._shown is not None and look.search != self._shown.search:
            await asyncio.sleep(self._pace.typing)  # the next letter breaks this off
        anew = self._shown is not None and (look != self._shown or bool(self._pages.before))
        pages, self._totals, self._searched, self._costly = Pages(), {}, 0, False
        self._seen = (0, self._seen[1] - self._seen[0])
        while pages.end is not None and not pages.size:
            pages.extend(*await self._page(look, pages.end))
            if self._costly and not pages.size:
                self._tell(pages, anew=anew, busy=pages.end is not None)
                anew = False
        self._pages, self._shown = pages, look
        self._last = asyncio.get_running_loop().time()
        self._tell(pages, anew=anew, busy=self._wants_below() and pages.size < PAGE)

    async def _renew(self, look: Look) -> None:
        """What is seen, as it is now."""
        pages, (top, bottom) = self._pages, self._seen
        if self._costly:
            rows = [row for row in pages.rows[max(0, top - MARGIN) : bottom + MARGIN] if row.folded is None]
            if rows:
                found = await self._api.jobs(JobsWanted(ids=[row.id for row in rows], limit=len(rows)))
                pages.put(found.items)
        else:
            begin, above = pages.at(max(0, top - MARGIN))
            fresh: list[Page] = []
            end: Mark | None = pages.pages[begin].start if pages.pages else BEGIN
            need = bottom + MARGIN - above  # a part of the queue that was empty may not be any more
            while end is not None and sum(len(page.rows) for page in fresh) < max(1, need):
                more, end = await self._page(look, end)
                fresh += more
            pages.renew(begin, fresh, end)
        self._last = asyncio.get_running_loop().time()
        self._tell(pages)

    async def _reach(self, look: Look) -> None:
        """Further pages where they will be looked for next."""
        pages = self._pages
        while self._wants_above():
            size = pages.size
            page = await self._api.jobs(self._wanted(look, pages.before[-1][0]))
            pages.prepend(page.items)
            top, bottom = self._seen
            self._seen = (top + pages.size - size, bottom + pages.size - size)
            self._tell(pages)
        goal = pages.gone + pages.size + FAR if self._far else 0
        self._far = False
        told = True
        while pages.end is not None and (self._wants_below() or pages.gone + pages.size < goal):
            fresh, end = await self._page(look, pages.end)
            pages.extend(fresh, end)
            told = self._costly
            if told or len(fresh[0].rows) < PAGE:  # it may take long until there are more
                self._tell(pages, busy=end is not None)
        if not told:
            self._tell(pages)

    def _wants_below(self) -> bool:
        return self._pages.end is not None and (self._far or self._seen[1] + MARGIN >= self._pages.size)

    def _wants_above(self) -> bool:
        return bool(self._pages.before) and self._seen[0] < MARGIN

    async def _page(self, look: Look, start: Mark) -> tuple[list[Page], Mark | None]:
        wanted = self._wanted(look, start)
        answer = await self._api.jobs(wanted)
        self._totals[start.part] = answer.total
        self._searched += answer.searched or 0
        short = answer.cursor is not None and len(answer.items) < wanted.limit
        self._costly = self._costly or (short and bool(look.searched))
        end: Mark | None = None
        if answer.cursor is not None:
            end = Mark(start.part, answer.cursor)
        elif start.part + 1 < len(parts(look)):
            end = Mark(start.part + 1)
        return [Page(start, answer.items)], end

    def _wanted(self, look: Look, start: Mark) -> JobsWanted:
        part: Part = parts(look)[start.part]
        return JobsWanted(
            states=part.states,
            mine=look.mine,
            search=look.searched or None,
            sort=part.sort,
            order=part.order,
            fold=look.fold and look.array is None,
            limit=PAGE,
            cursor=start.cursor,
        )

    def _tell(self, pages: Pages, *, anew: bool = False, busy: bool = False) -> None:
        rows: list[JobRow] = pages.rows
        known = len(self._totals) == len(parts(self._look)) and None not in self._totals.values()
        extent = Extent(
            before=pages.gone,
            rows=len(rows),
            jobs=sum(row.folded or 1 for row in rows),
            more=pages.end is not None,
            total=sum(filter(None, self._totals.values())) if known else None,
            searched=self._searched,
            busy=busy,
        )
        self._post(QueueRead(rows, extent, anew))
