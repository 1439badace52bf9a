"""What the job wrote, as it grows: follows the end, goes back to any place of it, and looks for a text in all of it.

Must not know how lines are drawn, nor how windows and searches keep their books.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from textual.app import ComposeResult
from textual.widgets import Input

from engine.protocol.errors import RcqError
from rcq_tui.tui import jobmessages
from rcq_tui.tui.jobpages.base import JobPage, Shown
from rcq_tui.tui.messages import Wish
from rcq_tui.tui.palette import content
from rcq_tui.tui.widgets.field import Field
from rcq_tui.tui.widgets.lines import Lines
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel.log_title import LogLook, log_title
from rcq_tui.viewmodel.logsearch import LogSearch, line_ends, next_hit
from rcq_tui.viewmodel.logwindow import CHUNK_BYTES, Grown, LogWindow
from rcq_tui.viewmodel.states import WAITING

_CHUNKS_AT_ONCE = 8
"""Read in one look: a job that writes without end must not keep the screen from anything else."""
_FAR_BYTES = 1024 * 1024
"""Further behind than this, the end is followed from near it."""


class LogPage(JobPage):
    """One stream of the job."""

    FOLLOWS = True

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__(ascii_only=ascii_only)
        self._stream = "stdout"
        self._window = LogWindow()
        self._search: LogSearch | None = None
        self._unfinished = False
        self._grown_at: float | None = None
        self._wanted: bool | None = None
        """Which way to the next hit that is not known yet: down or up."""
        self._title = Words(id="log-title")
        self._field = Field(id="log-find", placeholder="text to look for; Enter finds, Esc leaves")

    def compose(self) -> ComposeResult:
        """Title, lines, and the place to type what is looked for."""
        yield self._title
        yield self.lines
        yield self._field

    def on_mount(self) -> None:
        """Nothing is looked for yet."""
        self._field.display = False
        self.lines.wrap = self.desk.remembered.of("log-wrap", False)

    def draw(self, shown: Shown) -> None:
        """The title; lines come by themselves."""
        search = None if self._search is None else (self._search, self._at_hit())
        look = LogLook(
            stream=self._stream, window=self._window, state=shown.job.state, following=self.following,
            quiet_s=None if self._grown_at is None else shown.now - self._grown_at, search=search,
        )  # fmt: skip
        self._title.put(content(log_title(look)))

    def _at_hit(self) -> bool:
        at, lines = self.lines.cursor, self.lines
        return at < lines.count and self._search is not None and bool(self._search.matching(lines.marked()[:1]))

    @property
    def following(self) -> bool:
        """Whether new lines scroll into view."""
        return self.lines.follow and self._window.at_end

    # ------------------------------------------------------------ reading on

    async def look(self, shown: Shown) -> bool:
        """Read what came since; all is there when the job has ended and its end has been read."""
        if shown.job.state in WAITING:
            return True
        for _ in range(_CHUNKS_AT_ONCE):
            window = self._window
            told = await self.desk.api.log(shown.job.id, self._stream, window.next_offset, CHUNK_BYTES)
            if window is not self._window:
                return False
            if told.size < window.size:  # the job emptied its file
                self._start_over(-CHUNK_BYTES)
                continue
            if self.following and told.size - told.next_offset > _FAR_BYTES:
                self._start_over(-CHUNK_BYTES)
                continue
            first, at_end = window.size == 0, window.at_end
            if not (first or at_end):
                window.size = told.size
                break
            if told.size > window.size and not first:
                self._grown_at = self.desk.clock()
            grown = window.take(told)
            self._apply(grown)
            if at_end and self._search is not None:
                self._search.written(grown.after)
            if window.at_end:
                break
        self._draw_again()
        return self._window.complete

    def _apply(self, grown: Grown, *, stay: bool = False) -> None:
        """The same to the lines as to the window. stay: the end that comes is not followed."""
        lines = self.lines
        if stay:
            lines.follow = False
        if grown.gone_before:
            lines.change(0, grown.gone_before, [])
        if grown.gone_after:
            whole = lines.count - self._unfinished
            lines.change(whole - grown.gone_after, whole, [])
        if grown.before:
            lines.change(0, 0, grown.before)
        last = [self._window.unfinished] if self._window.unfinished else []
        at = lines.count - self._unfinished
        new = [*grown.after, *last]
        if new or self._unfinished:
            lines.change(at, lines.count, new)
        self._unfinished = bool(last)

    def _start_over(self, begin: int, *, follow: bool = True) -> None:
        self._window = LogWindow(begin)
        self._unfinished = False
        self.lines.start_over()
        self.lines.follow = follow

    def on_lines_near_edge(self, message: Lines.NearEdge) -> None:
        """Read what is before or behind; it is there by the time somebody gets to it."""
        message.stop()
        window = self._window
        if message.down and not window.at_end and window.size:
            self._read(partial(self._read_on, window), "log-window")
        elif not message.down and window.earlier() is not None:
            self._read(partial(self._read_back, window), "log-window")

    def on_lines_moved(self, message: Lines.Moved) -> None:
        """It may follow no more, or again."""
        message.stop()
        self._draw_again()

    def _read(self, work: Callable[[], Awaitable[None]], name: str) -> None:
        self.run_worker(work, name=name, group=name, exclusive=True)

    async def _read_back(self, window: LogWindow) -> None:
        wanted = window.earlier()
        if self.shown is None or wanted is None:
            return
        with suppress(RcqError):  # the banner tells of a lost link, and the next look of anything else
            told = await self.desk.api.log(self.shown.job.id, self._stream, *wanted)
            if window is self._window:
                self._apply(window.take_earlier(told))
                self._draw_again()

    async def _read_on(self, window: LogWindow) -> None:
        if self.shown is None:
            return
        with suppress(RcqError):
            told = await self.desk.api.log(self.shown.job.id, self._stream, window.next_offset, CHUNK_BYTES)
            if window is self._window:
                self._apply(window.take(told), stay=True)
                self._draw_again()

    # ------------------------------------------------------------ wishes

    def toggle_stream(self) -> bool:
        """The other output, from its end."""
        self._stream = "stderr" if self._stream == "stdout" else "stdout"
        self._grown_at = None
        self._forget_search()
        self._start_over(-CHUNK_BYTES)
        self._draw_again()
        return True

    def to_top(self) -> None:
        """The first line of all."""
        if self._window.begin > 0:
            self._start_over(0, follow=False)
            self._read(partial(self._read_on, self._window), "log-window")
        else:
            self.lines.move_to(0)

    def to_bottom(self) -> None:
        """The end, and follow it."""
        if not self._window.at_end and self._window.size:
            self._start_over(-CHUNK_BYTES)
            self._read(partial(self._read_on_following, self._window), "log-window")
        else:
            self.lines.move_to(self.lines.count)
            self.lines.follow = True

    async def _read_on_following(self, window: LogWindow) -> None:
        if self.shown is not None:
            with suppress(RcqError):
                told = await self.desk.api.log(self.shown.job.id, self._stream, window.next_offset, CHUNK_BYTES)
                if window is self._window:
                    self._apply(window.take(told))
                    self._draw_again()

    def toggle_wrap(self) -> None:
        """Fold or not; remembered."""
        self.lines.toggle_wrap()
        self.desk.remembered.keep("log-wrap", self.lines.wrap)

    def at_once(self, wish: Wish) -> bool:
        """Type what to look for."""
        if not isinstance(wish, jobmessages.Find):
            return False
        if wish.said:
            self._find(wish.said)
            return True
        self._field.display = True
        self._field.value = "" if self._search is None else self._search.wanted
        self._field.cursor_position = len(self._field.value)
        self.screen.set_focus(self._field)  # at once: the next key is a letter already
        return True

    def clear(self) -> bool:
        """Leave the place to type, then the marks, then the search."""
        if self._field.display:
            self._close_field()
            return True
        if super().clear():
            return True
        if self._search is not None:
            self._forget_search()
            return True
        return False

    def _close_field(self) -> None:
        self._field.display = False
        self.screen.set_focus(None)

    # ------------------------------------------------------------ looking for a text

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look for it."""
        event.stop()
        self._close_field()
        if event.value:
            self._find(event.value)
        else:
            self._forget_search()

    def _forget_search(self) -> None:
        self.workers.cancel_group(self, "log-search")
        self._search, self._wanted = None, None
        self.lines.highlight(None)
        self._draw_again()

    def _find(self, wanted: str) -> None:
        """The nearest hit upwards from what one sees, since the newest is what matters; all are counted meanwhile."""
        self._forget_search()
        self._search = search = LogSearch(wanted, self._window.next_offset, self._window.size)
        self.lines.highlight(search.pattern)
        if not self._at_hit():
            self.go_to_hit(down=False, quiet=True)
        self._read(partial(self._look_through, search), "log-search")

    async def _look_through(self, search: LogSearch) -> None:
        with suppress(RcqError):
            for begin, end in search.blocks():
                await self._look_through_block(search, begin, end)
                self._draw_again()
                if self._wanted is not None:
                    self.go_to_hit(down=self._wanted, quiet=not search.done)
        self._draw_again()
        if self._wanted is not None:
            self.go_to_hit(down=self._wanted)

    async def _look_through_block(self, search: LogSearch, begin: int, end: int) -> None:
        """Lines that begin in the block, and the one that its last line end begins."""
        window, passed = LogWindow(begin), False
        while self.shown is not None and not passed:
            offset = window.next_offset
            told = await self.desk.api.log(self.shown.job.id, self._stream, offset, CHUNK_BYTES)
            lines = window.take(told).after
            if told.offset != offset or told.next_offset == offset:
                return
            ends = line_ends(told, len(lines))
            within = bisect_left(ends, end) + 1
            passed = within <= len(ends)
            search.note(lines[:within], ends[:within])

    def go_to_hit(self, *, down: bool, quiet: bool = False) -> None:
        """The next hit, or the one before: among the lines that are there, else where the search found some.

        quiet: nothing is said where there is none (yet).
        """
        search, lines = self._search, self.lines
        if search is None:
            if not quiet:
                self.desk.notify("Nothing is looked for. Press / first.", markup=False)
            return
        found = next_hit(search, lines.plain_lines, lines.cursor, down=down)
        if found is not None:
            self._wanted = None
            lines.move_to(found)
            return
        offset = search.beyond(self._window.lines_from, self._window.next_offset, down=down)
        if offset is not None:
            self._wanted = None
            self._read(partial(self._seek, offset), "log-window")
        elif not search.knows(down=down):
            self._wanted = down
        else:
            self._wanted = None
            if not quiet or search.done:
                self._say_no_more(search, down)

    def _say_no_more(self, search: LogSearch, down: bool) -> None:
        where = "below" if down else "above"
        said = f"There is no further hit {where}." if search.hits else "It is found nowhere in this output."
        self.desk.notify(said, markup=False)

    async def _seek(self, end: int) -> None:
        """Read what is around a place of the file, and go to the line that ends at this byte."""
        if self.shown is None:
            return
        window, grown, ends = LogWindow(max(0, end - CHUNK_BYTES // 2)), Grown(), list[int]()
        with suppress(RcqError):
            for _ in range(3):
                told = await self.desk.api.log(self.shown.job.id, self._stream, window.next_offset, CHUNK_BYTES)
                new = window.take(told).after
                grown, ends = Grown(after=grown.after + new), ends + line_ends(told, len(new))
            self._start_over(0, follow=False)
            self._window = window
            self._apply(grown, stay=True)
            self.lines.move_to(bisect_left(ends, end))
        self._draw_again()
