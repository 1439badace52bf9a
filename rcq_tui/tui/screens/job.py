"""One job: what it asked for, why it waits, how it goes, and its output as it grows.

Must not know the queue. It asks the engine itself, in one worker, as often as the pace allows.
"""

import asyncio

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Footer

from engine.protocol.errors import RcqError, Refused
from engine.protocol.responses import JobDetail, Why
from rcq_tui.tui import messages
from rcq_tui.tui.commands import place_bindings
from rcq_tui.tui.palette import content, page
from rcq_tui.tui.screens.base import CommandScreen
from rcq_tui.tui.widgets.log_view import LogView
from rcq_tui.tui.widgets.strip import Banner
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel.details import (
    fact_lines,
    facts,
    headline,
    measured,
    notice_lines,
    place_lines,
    places,
    why_lines,
)
from rcq_tui.viewmodel.log_title import log_title
from rcq_tui.viewmodel.logtail import LogTail
from rcq_tui.viewmodel.states import FINISHED, WAITING

_CHUNK_BYTES = 64 * 1024
"""Of hostile text as much takes some 20 ms to be made harmless; the next piece waits for its frame."""


class JobScreen(CommandScreen[None]):
    """Details above, output below."""

    BINDINGS = place_bindings(
        "back", "stream", "cancel", "hold", "submit", "line", "help", "quit", "copy",
        "down", "up", "left", "right", "top", "bottom", "page-down", "page-up",
    )  # fmt: skip

    def __init__(self, job: int) -> None:
        super().__init__()
        self.number = job
        self._stream = "stdout"
        self._tail = LogTail()
        self._job: JobDetail | None = None
        self._why: Why | None = None
        self._wake = asyncio.Event()
        self._title = Words(id="job-title")
        self._facts = Words(id="job-facts")
        self._reasons = Words(id="job-why")
        self._log_title = Words(id="log-title")
        self._log = LogView()

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield self._title
        yield Banner(ascii_only=self.desk.ascii_only)
        with VerticalScroll(id="job-details", can_focus=False):
            yield self._facts
            yield self._reasons
        yield self._log_title
        yield self._log
        yield Footer()

    def on_mount(self) -> None:
        """Look at the job until the screen goes."""
        self._log.lines.focus()
        self.watch(self.desk, "lost", self._show_link)
        self.watch(self.desk, "jobs", self._queue_changed, init=False)
        self.set_interval(1.0, self._draw)
        self.run_worker(self._follow(), name=f"job-{self.number}", exclusive=True)

    def on_resize(self) -> None:
        """Facts are fitted to the width."""
        self._draw()

    def _queue_changed(self) -> None:
        if self._job is None or self._job.state not in FINISHED:
            self._wake.set()

    def _show_link(self, lost: str) -> None:
        self.query_one(Banner).why = lost
        self.set_class(bool(lost), "-stale")
        self._wake.set()

    # ------------------------------------------------------------ following

    async def _follow(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._look()
            except Refused as refused:
                self._give_up(refused)
                return
            except RcqError:
                await self._pause(None)  # the banner says it; the link's return wakes us
                continue
            settled = self._job is not None and self._job.state in FINISHED and self._tail.complete
            await self._pause(None if settled else self.desk.pace.log)

    def _give_up(self, refused: Refused) -> None:
        if refused.code == "UNAUTHENTICATED":
            self.post_message(messages.LoginNeeded())
        else:
            self.desk.complain(refused)
            self._leave()

    def _leave(self) -> None:
        if self.is_current:
            self.dismiss()

    async def _look(self) -> None:
        self._job = await self.desk.api.job(self.number)
        waiting = self._job.state in WAITING
        self._why = await self.desk.api.why(self.number) if waiting else None
        self._draw()
        if not waiting:
            await self._read_log()

    async def _read_log(self) -> None:
        stream, tail = self._stream, self._tail
        while True:
            chunk = await self.desk.api.log(self.number, stream, tail.next_offset, _CHUNK_BYTES)
            if tail is not self._tail:
                return
            self._log.add(tail.take(chunk), tail.unfinished)
            if not chunk.text or tail.next_offset >= tail.size:
                break
        self._draw_log_title()

    async def _pause(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    # ------------------------------------------------------------ drawing

    def _draw(self) -> None:
        job = self._job
        if job is None:
            return
        now, cells = self.desk.clock(), self.size.width - 4
        title = headline(job, now, ascii_only=self.desk.ascii_only)
        self._title.put(content([(" ", "text"), *title]))
        told = [*places(job), *measured(job, now)]
        lines = notice_lines(job) + fact_lines(facts(job, now), cells) + place_lines(told, cells)
        self._facts.put(page(lines))
        self.set_class(job.state in WAITING, "-waiting")
        self._reasons.display = self._why is not None
        if self._why is not None:
            self._reasons.border_title = "Why it waits"
            self._reasons.put(page(why_lines(self._why, now)))
        self._draw_log_title()

    def _draw_log_title(self) -> None:
        if self._job is None:
            return
        following = self._log.following
        line = log_title(self._stream, self._tail, self._job.state, following=following)
        self._log_title.put(content(line))

    # ------------------------------------------------------------ wishes

    def on_toggle_stream(self, message: messages.ToggleStream) -> None:
        """The other output, from its end."""
        message.stop()
        self._stream = "stderr" if self._stream == "stdout" else "stdout"
        self._tail = LogTail()
        self._log.start_over()
        self._draw_log_title()
        self._wake.set()

    def on_refresh(self, message: messages.Refresh) -> None:
        """Look again at once."""
        message.stop()
        self._wake.set()

    def on_go_back(self, message: messages.GoBack) -> None:
        """Back to the queue."""
        message.stop()
        self._leave()

    def on_ask_cancel(self, message: messages.AskCancel) -> None:
        """Cancel this job, after a question."""
        message.stop()
        if self._job is not None:
            self.desk.deeds.cancel([self._job])

    def on_copy(self, message: messages.Copy) -> None:
        """This job's id."""
        message.stop()
        self.desk.copy(str(self.number), f"job id {self.number}")

    def on_toggle_hold(self, message: messages.ToggleHold) -> None:
        """Hold or release this job."""
        message.stop()
        if self._job is not None:
            self.desk.deeds.toggle_hold([self._job])

    def _scroll(self, message: Message, *, down: int = 0, right: int = 0) -> None:
        message.stop()
        self._log.move(down, right)
        self.call_after_refresh(self._draw_log_title)

    def on_down(self, message: messages.Down) -> None:
        """Scroll the log."""
        self._scroll(message, down=1)

    def on_up(self, message: messages.Up) -> None:
        """Scroll the log; it stops following."""
        self._scroll(message, down=-1)

    def on_page_down(self, message: messages.PageDown) -> None:
        """Scroll the log by a page."""
        self._scroll(message, down=self._log.lines.size.height)

    def on_page_up(self, message: messages.PageUp) -> None:
        """Scroll the log by a page."""
        self._scroll(message, down=-self._log.lines.size.height)

    def on_left(self, message: messages.Left) -> None:
        """Scroll sideways; back to the queue where there is nothing to the left."""
        if self._log.lines.scroll_offset.x == 0:
            message.stop()
            self._leave()
            return
        self._scroll(message, right=-8)

    def on_right(self, message: messages.Right) -> None:
        """Scroll sideways."""
        self._scroll(message, right=8)

    def on_top(self, message: messages.Top) -> None:
        """The first line that is there."""
        self._scroll(message, down=-1_000_000)

    def on_bottom(self, message: messages.Bottom) -> None:
        """The end, and follow it."""
        self._scroll(message, down=1_000_000)
