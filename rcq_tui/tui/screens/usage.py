"""What groups and their people used: of limits, of their shares, day by day; one's own first.

Must not know how lines and plots are made (`viewmodel.usageview`, `viewmodel.usageplot`) or how calls travel.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message

from engine.protocol.errors import RcqError, Refused
from engine.protocol.people import UsageReport
from engine.protocol.usagedays import UsageDays
from rcq_tui.tui import messages, planwishes, usagewishes
from rcq_tui.tui.commands import place_bindings
from rcq_tui.tui.headed import HeadedScreen
from rcq_tui.tui.palette import content, page
from rcq_tui.tui.screens.sources import SourcesScreen
from rcq_tui.tui.widgets.list_table import ListRow, ListTable
from rcq_tui.tui.widgets.plan_chart import painted
from rcq_tui.tui.widgets.table import Heading
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel.text import clean, cut
from rcq_tui.viewmodel.usage import sources
from rcq_tui.viewmodel.usageplot import Shown, plot
from rcq_tui.viewmodel.usageview import about, usage_lines

SPANS = (7, 30, 90)
"""Days that may be shown."""
_RARER = 20
"""Usage moves slowly and costs the engine more than a page of jobs: so many times rarer is it asked for."""
_IN_PARTS = ("QUOTA, USAGE", "in this table as parts of what all groups used; below is what they are in GPU-hours")


def headings(cells: int) -> Sequence[Heading]:
    """The columns for so many cells."""
    bar = bar_cells(cells)
    name = min(32, max(13, cells - (2 * bar + 7 + 13 + 5 + 5 + 4 + 6 + 12)))
    return (
        Heading("NAME", name), Heading("GPUS", bar + 7), Heading("MONTH GPU-H", bar + 13), Heading("QUOTA", 5, True),
        Heading("USAGE", 5, True), Heading("FAIR", 4, True), Heading("KWH", 6, True),
    )  # fmt: skip


def bar_cells(cells: int) -> int:
    """Cells of a bar in a table of so many."""
    return 5 if cells < 100 else 16 if cells < 160 else 30


class UsageScreen(HeadedScreen):
    """Lines of groups and accounts above, days below."""

    PLACE = "usage"
    CSS_PATH = "../plan.tcss"
    BINDINGS = place_bindings(
        "zoom-out", "zoom-in", "unit", "sources", "line", "help", "quit", "back",
        "down", "up", "top", "bottom", "page-down", "page-up",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._report: UsageReport | None = None
        self._days: UsageDays | None = None
        self._span = 1
        self._shown = Shown()
        self._refused = ""
        self._stale = asyncio.Event()

    def body(self) -> ComposeResult:
        """Title, table, what is under the cursor, days."""
        ascii_only = self.desk.ascii_only
        yield Words(id="usage-title")
        yield ListTable(headings, ascii_only=ascii_only, id="usage-table")
        yield Words(id="usage-about")
        yield Words(id="usage-plot")

    def on_mount(self) -> None:
        """Look again when the queue changed."""
        kept = self.desk.remembered
        self._span = min(len(SPANS) - 1, max(0, kept.of("usage-span", self._span)))
        self._shown = Shown(energy=kept.of("usage-energy", False), ascii_only=self.desk.ascii_only)
        self.query_one(ListTable).focus()
        self.watch(self.desk, "jobs", self._stale.set)
        self.watch(self.desk, "me", self._draw)
        self.run_worker(self._follow(), name="usage", group="usage", exclusive=True)

    # ------------------------------------------------------------ what the engine tells

    async def _follow(self) -> None:
        pace = self.desk.pace
        while True:
            self._stale.clear()
            await self._fetch()
            await asyncio.sleep(pace.between_fetches * _RARER)
            with suppress(TimeoutError):
                async with asyncio.timeout(pace.idle_fetch * _RARER):
                    await self._stale.wait()

    async def _fetch(self) -> None:
        try:
            self._report = await self.desk.api.usage()
            self._days = await self.desk.api.usage_days(SPANS[self._span])
        except Refused as refused:
            self._refused = clean(refused.message)
            if refused.code == "FORBIDDEN":
                self._report = self._days = None
        except RcqError:
            pass  # the banner says that the engine is gone; what was told stays
        else:
            self._refused = ""
        self._draw()

    # ------------------------------------------------------------ drawing

    def _draw(self) -> None:
        table = self.query_one(ListTable)
        table.empty = self._refused or ("" if self._report is None else "No group has used anything.")
        if self._report is not None:
            bar = bar_cells(table.size.width - 2)
            lines = usage_lines(self._report, self.desk.me, bar, ascii_only=self.desk.ascii_only)
            table.show([ListRow(line.key, line.cells) for line in lines])
        else:
            table.show(())
        self._draw_words()

    def _draw_words(self) -> None:
        cells = self.size.width - 2
        title = self._refused or f"{SPANS[self._span]} days, in {self._shown.unit}"
        self.query_one("#usage-title", Words).put(content([("Usage  ", "title"), (cut(title, cells - 7), "quiet")]))
        key = self._key()
        said = [] if self._report is None else about(self._report, key)
        self.query_one("#usage-about", Words).put(page([[(line, "text")] for line in said]))
        widget = self.query_one("#usage-plot", Words)
        if self._days is None or self._refused:
            widget.put(Content(""))
            return
        size = widget.content_size
        shown = Shown(key=key, energy=self._shown.energy, ascii_only=self._shown.ascii_only)
        drawn = plot(self._days, shown, self.desk.me, max(30, size.width), max(5, size.height))
        widget.put(Content("\n").join(painted(line) for line in drawn))

    def _key(self) -> tuple[str, str]:
        found = self.query_one(ListTable).selected
        return found if isinstance(found, tuple) else ("", "")

    def on_resize(self, event: events.Resize) -> None:
        """Another room for bars and plot, once it is laid out."""
        self.call_after_refresh(self._draw)

    # ------------------------------------------------------------ moving

    def _move(self, message: Message, by: int) -> None:
        message.stop()
        self.query_one(ListTable).move(by)
        self._draw_words()

    def on_table_chosen(self, message: ListTable.Chosen) -> None:
        """A line was clicked."""
        message.stop()
        self._draw_words()

    def on_click(self) -> None:
        """A click may have moved the cursor."""
        self.call_after_refresh(self._draw_words)

    def on_down(self, message: messages.Down) -> None:
        """Next line."""
        self._move(message, 1)

    def on_up(self, message: messages.Up) -> None:
        """Line before."""
        self._move(message, -1)

    def on_page_down(self, message: messages.PageDown) -> None:
        """A page."""
        self._move(message, self.query_one(ListTable).page)

    def on_page_up(self, message: messages.PageUp) -> None:
        """A page."""
        self._move(message, -self.query_one(ListTable).page)

    def on_top(self, message: messages.Top) -> None:
        """First line."""
        self._move(message, -1_000_000)

    def on_bottom(self, message: messages.Bottom) -> None:
        """Last line."""
        self._move(message, 1_000_000)

    # ------------------------------------------------------------ what is shown

    def on_zoom_in(self, message: planwishes.ZoomIn) -> None:
        """Fewer days."""
        self._take(message, -1)

    def on_zoom_out(self, message: planwishes.ZoomOut) -> None:
        """More days."""
        self._take(message, 1)

    def _take(self, message: Message, by: int) -> None:
        message.stop()
        span = min(len(SPANS) - 1, max(0, self._span + by))
        if span != self._span:
            self._span = span
            self.desk.remembered.keep("usage-span", span)
            self.run_worker(self._follow(), name="usage", group="usage", exclusive=True)

    def on_toggle_unit(self, message: usagewishes.ToggleUnit) -> None:
        """GPU-hours or kilowatt-hours."""
        message.stop()
        self._shown = Shown(energy=not self._shown.energy, ascii_only=self._shown.ascii_only)
        self.desk.remembered.keep("usage-energy", self._shown.energy)
        self._draw_words()

    def on_show_sources(self, message: usagewishes.ShowSources) -> None:
        """Where the numbers come from."""
        message.stop()
        if self._report is not None and self.desk.is_free_for(SourcesScreen):
            self.desk.push_screen(SourcesScreen([_IN_PARTS, *sources(asdict(self._report))]))
