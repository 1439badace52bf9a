"""The audit log: who changed what, newest first. Must not know how entries are chained."""

from collections.abc import Sequence

from engine.protocol.audit import AuditEntry
from engine.protocol.errors import RcqError
from rcq_tui.tui.adminpages.base import ListPage, fitted
from rcq_tui.tui.widgets.list_table import ListRow
from rcq_tui.tui.widgets.table import Heading
from rcq_tui.viewmodel.auditpage import asked_words, cells, chain_words, filters, lines
from rcq_tui.viewmodel.pieces import Line

_PAGE = 200
_MOST = 2000
"""Entries that are kept; older ones are found by a filter."""


class AuditPage(ListPage[AuditEntry]):
    """Entries; more of them as one goes down."""

    TITLE = "Audit log"
    HINT = "/ account:ada action:job.* target:17   v check all of it"

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__(ascii_only=ascii_only)
        self._cursor: str | None = None
        self._fetching = False
        self._in_force: dict[str, str] | None = None

    def headings(self, cells: int) -> Sequence[Heading]:
        """Columns."""
        names = (("when", 19), ("who", 12), ("what", 18), ("to what", 20))
        return fitted(cells, *names, last="what changed")

    async def fetch(self) -> list[AuditEntry]:
        """The newest ones in front of what is known already."""
        asked = filters(self.needle)
        page = await self.desk.api.audit({**asked, "limit": str(_PAGE)})
        last = page.items[-1].id if page.items else 0
        before = self.items if asked == self._in_force else []
        older = [entry for entry in before if entry.id < last]
        if not older:
            self._cursor = page.cursor
        self._in_force = asked
        return page.items + older

    def row(self, item: AuditEntry) -> ListRow:
        """Cells."""
        return ListRow(item.id, cells(item, self.desk.clock()))

    def detail(self, item: AuditEntry) -> Sequence[Line]:
        """All of the entry under the cursor."""
        return lines(item)

    def draw(self) -> None:
        """The engine filters, not we."""
        asked = filters(self.needle)
        self.table.empty = "No entry matches. Esc drops the filter." if asked else "Nothing was changed yet."
        self.table.show([self.row(item) for item in self.items])
        self.say_title(f"{len(self.items)}{' and more' if self._cursor else ''} {asked_words(asked)}".rstrip())
        self._draw_below()

    def move(self, by: int) -> None:
        """The cursor; older entries are fetched before it comes to the end."""
        super().move(by)
        near = self.table.cursor > len(self.items) - self.table.page * 2
        if near and self._cursor and not self._fetching and len(self.items) < _MOST:
            self._fetching = True
            self.run_worker(self._fetch_older(), name="audit-older")

    async def _fetch_older(self) -> None:
        try:
            asked = filters(self.needle)
            page = await self.desk.api.audit({**asked, "limit": str(_PAGE), "cursor": self._cursor or ""})
            if asked == self._in_force:
                self._cursor = page.cursor
                self.items += page.items
                self.draw()
        except RcqError as error:
            self.desk.complain(error)
        finally:
            self._fetching = False

    def check(self) -> None:
        """Have each entry held against its hash."""

        async def work() -> None:
            try:
                words, well = chain_words(await self.desk.api.audit_chain())
            except RcqError as error:
                self.desk.complain(error)
            else:
                self.desk.notify(words, severity="information" if well else "error", timeout=20, markup=False)

        self.run_worker(work(), name="audit-chain", exclusive=True, group="audit-chain")
