"""The first screen: the box, its GPUs, and the queue.

Must not know how the state arrives; it watches the application's. Wishes about jobs go up as messages.
"""

from textual import events
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Footer, Input

from engine.protocol.cards import GpuView
from engine.protocol.people import Me
from engine.protocol.responses import JobRow, Stats
from rcq_tui.tui import messages
from rcq_tui.tui.commands import place_bindings
from rcq_tui.tui.palette import content
from rcq_tui.tui.screens.base import CommandScreen
from rcq_tui.tui.widgets.field import Field
from rcq_tui.tui.widgets.gpu_panel import GpuPanel
from rcq_tui.tui.widgets.placebar import PlaceBar
from rcq_tui.tui.widgets.queue_table import QueueTable
from rcq_tui.tui.widgets.strip import Banner, TopStrip
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel.queue import matches
from rcq_tui.viewmodel.strip import queue_title


class DashboardScreen(CommandScreen[None]):
    """The box at a glance."""

    BINDINGS = place_bindings(
        "open", "submit", "cancel", "hold", "filter", "mine", "finished", "line", "help", "quit", "copy",
        "down", "up", "right", "top", "bottom", "page-down", "page-up", "clear",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._needle = ""
        self._place = "dashboard"

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        ascii_only = self.desk.ascii_only
        yield PlaceBar()
        yield TopStrip(ascii_only=ascii_only)
        yield Banner(ascii_only=ascii_only)
        yield GpuPanel(ascii_only=ascii_only)
        yield Words(id="queue-title")
        yield QueueTable(ascii_only=ascii_only)
        yield Field(placeholder="words to look for; Enter keeps the filter, Esc drops it", id="filter")
        yield Footer()

    def on_mount(self) -> None:
        """Watch the state; the clock drives ages and waits."""
        self.query_one("#filter").display = False
        self.query_one(QueueTable).focus()
        self.show_place(self._place)
        desk = self.desk
        self.watch(desk, "me", self._show_me)
        self.watch(desk, "stats", self._show_stats)
        self.watch(desk, "gpus", self._show_gpus)
        self.watch(desk, "jobs", self._show_jobs)
        self.watch(desk, "lost", self._show_link)
        self.set_interval(1.0, self._tick)

    @property
    def place(self) -> str:
        """The queue alone is a place of its own."""
        return self._place

    def show_place(self, name: str) -> None:
        """Cards and queue, or the queue alone."""
        self._place = name
        if self.query(PlaceBar):
            self.query_one(PlaceBar).place = name
            self.query_one(GpuPanel).display = name == "dashboard"

    def on_resize(self, event: events.Resize) -> None:
        """Cards where there is room, lines where there is not."""
        self.query_one(GpuPanel).fit_into(event.size.width, event.size.height)

    def at_once(self, wish: messages.Wish) -> None:
        """The filter is this screen's own."""
        if isinstance(wish, messages.EditFilter):
            self.on_edit_filter(wish)
        else:
            super().at_once(wish)

    # ------------------------------------------------------------ state comes down

    def _show_me(self, me: Me | None) -> None:
        self.query_one(PlaceBar).me = me
        self.query_one(QueueTable).account = me.account if me else None

    def _show_stats(self, stats: Stats | None) -> None:
        bar = self.query_one(PlaceBar)
        bar.now, bar.stats = self.desk.clock(), stats
        self.query_one(TopStrip).stats = stats
        self._show_title()

    def _show_gpus(self, gpus: list[GpuView]) -> None:
        self.query_one(GpuPanel).show(gpus, self.desk.histories, self.desk.clock())

    def _show_jobs(self, jobs: list[JobRow]) -> None:
        shown = self._filtered(jobs)
        table = self.query_one(QueueTable)
        table.empty = self._empty_words()
        table.show(shown, self.desk.clock())
        self._show_title()

    def _show_link(self, lost: str) -> None:
        self.query_one(Banner).why = lost
        self.set_class(bool(lost), "-stale")

    def _show_title(self) -> None:
        desk = self.desk
        look = desk.look
        shown = len(self._filtered(desk.jobs)) if self._needle else len(desk.jobs)
        line = queue_title(
            shown,
            len(desk.jobs),
            desk.stats,
            mine=look.mine,
            finished=look.finished,
            more=desk.more,
            needle=self._needle,
        )
        self.query_one("#queue-title", Words).put(content(line))

    def _filtered(self, jobs: list[JobRow]) -> list[JobRow]:
        return [job for job in jobs if matches(job, self._needle)] if self._needle else jobs

    def _empty_words(self) -> str:
        if self._needle:
            return "No job matches the filter. Esc drops it."
        if self.desk.look.mine:
            return "You have no jobs here. s submits one, m shows everybody's."
        return "Nothing is queued. s submits a job."

    def _tick(self) -> None:
        now = self.desk.clock()
        self.query_one(PlaceBar).now = now
        self.query_one(QueueTable).tick(now)

    # ------------------------------------------------------------ moving

    def _move(self, message: Message, by: int) -> None:
        message.stop()
        table = self.query_one(QueueTable)
        table.move(by)
        if table.at_end and by > 0:
            self.desk.look_further()

    def on_down(self, message: messages.Down) -> None:
        """Next job."""
        self._move(message, 1)

    def on_up(self, message: messages.Up) -> None:
        """Job before."""
        self._move(message, -1)

    def on_page_down(self, message: messages.PageDown) -> None:
        """A page."""
        self._move(message, self.query_one(QueueTable).page)

    def on_page_up(self, message: messages.PageUp) -> None:
        """A page."""
        self._move(message, -self.query_one(QueueTable).page)

    def on_top(self, message: messages.Top) -> None:
        """First job."""
        self._move(message, -1_000_000)

    def on_bottom(self, message: messages.Bottom) -> None:
        """Last job."""
        self._move(message, 1_000_000)

    # ------------------------------------------------------------ jobs

    def on_table_chosen(self, message: QueueTable.Chosen) -> None:
        """A job was clicked."""
        message.stop()
        self.post_message(messages.OpenJob())

    def on_copy(self, message: messages.Copy) -> None:
        """The id of the job under the cursor."""
        message.stop()
        if (job := self.query_one(QueueTable).selected) is not None:
            self.desk.copy(str(job.id), f"job id {job.id}")

    def on_right(self, message: messages.Right) -> None:
        """Into the job."""
        message.stop()
        self.post_message(messages.OpenJob())

    def on_open_job(self, message: messages.OpenJob) -> None:
        """Open the job under the cursor."""
        message.stop()
        job = self.query_one(QueueTable).selected
        if job is not None:
            self.desk.open_job(job)

    def on_ask_cancel(self, message: messages.AskCancel) -> None:
        """Cancel the job under the cursor, after a question."""
        message.stop()
        job = self.query_one(QueueTable).selected
        if job is not None:
            self.desk.deeds.cancel([job])

    def on_toggle_hold(self, message: messages.ToggleHold) -> None:
        """Hold or release the job under the cursor."""
        message.stop()
        job = self.query_one(QueueTable).selected
        if job is not None:
            self.desk.deeds.toggle_hold([job])

    # ------------------------------------------------------------ what is shown

    def on_toggle_mine(self, message: messages.ToggleMine) -> None:
        """Mine or everybody's."""
        message.stop()
        self.desk.look_at(mine=not self.desk.look.mine)
        self._show_title()

    def on_toggle_finished(self, message: messages.ToggleFinished) -> None:
        """Finished jobs, too."""
        message.stop()
        self.desk.look_at(finished=not self.desk.look.finished)
        self._show_title()

    def on_edit_filter(self, message: messages.EditFilter) -> None:
        """Open the filter's line."""
        message.stop()
        field = self.query_one("#filter", Field)
        field.display = True
        self.set_focus(field)  # now: what is typed next belongs to it

    def on_input_changed(self, event: Input.Changed) -> None:
        """The filter works while it is written."""
        event.stop()
        self._needle = event.value.strip()
        self._show_jobs(self.desk.jobs)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter, go back to the queue."""
        event.stop()
        self._close_filter()

    def on_clear(self, message: messages.Clear) -> None:
        """Drop the filter."""
        message.stop()
        self.query_one("#filter", Field).value = ""
        self._close_filter()

    def _close_filter(self) -> None:
        self.query_one("#filter").display = False
        self.query_one(QueueTable).focus()
