"""One job: a page for each question about it, live while it waits or runs.

Must not know the queue, nor what is on a page. It asks the engine itself, in one worker, as often as the pace allows.
"""

import asyncio
from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.widget import AwaitMount

from engine.protocol.errors import RcqError, Refused
from engine.protocol.responses import JobDetail, JobRow, Why
from rcq_tui.tui import jobmessages, messages
from rcq_tui.tui.commands import place_bindings
from rcq_tui.tui.jobpages import NAMES, PAGES, page_named
from rcq_tui.tui.jobpages.base import JobPage, Shown
from rcq_tui.tui.palette import content
from rcq_tui.tui.screens.base import CommandScreen
from rcq_tui.tui.widgets.foot import Foot
from rcq_tui.tui.widgets.pagestrip import PageStrip
from rcq_tui.tui.widgets.strip import Banner
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel.details import brief, headline
from rcq_tui.viewmodel.states import FINISHED, WAITING

_FIRST_PAGE = {"waiting": "overview", "running": "log", "ended": "overview"}
"""Of a job in these states, until somebody opens another one."""


class JobScreen(CommandScreen[None]):
    """Who and how it goes above, a page below."""

    CSS_PATH = "../job.tcss"
    AUTO_FOCUS = ""  # keys are commands until somebody asks for a place to type
    BINDINGS = place_bindings(
        "back", *NAMES, "next-page", "page-before", "stream", "find", "next-hit", "hit-before", "wrap",
        "mark-lines", "copy", "fetch", "cancel", "hold", "edit", "redo", "clone", "submit", "line", "help", "quit",
        "down", "up", "left", "right", "top", "bottom", "page-down", "page-up",
    )  # fmt: skip

    def __init__(self, job: int) -> None:
        super().__init__()
        self.number = job
        self._job: JobDetail | None = None
        self._why: Why | None = None
        self._wake = asyncio.Event()
        self._page: JobPage | None = None
        self._made: dict[str, JobPage] = {}
        self._mounting: AwaitMount | None = None
        self._title = Words(id="job-title")
        self._brief = Words(id="job-brief")
        self._strip = PageStrip([(one.key, one.name) for one in PAGES])
        self._room = Container(id="job-page")

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield self._title
        yield Banner(ascii_only=self.desk.ascii_only)
        yield self._brief
        yield self._strip
        with self._room:  # the log is there from the beginning: letters typed after / must find their place
            log = self._made["log"] = page_named("log").page(ascii_only=self.desk.ascii_only)
            log.display = False
            yield log
        yield Foot()

    def on_mount(self) -> None:
        """Look at the job until the screen goes."""
        self.watch(self.desk, "lost", self._show_link)
        self.watch(self.desk, "jobs", self._queue_changed, init=False)
        self.set_interval(1.0, self._draw)
        self.run_worker(self._follow(), name=f"job-{self.number}", exclusive=True)

    def on_resize(self, _event: events.Resize) -> None:
        """What is above is fitted to the width."""
        self._draw()

    def chosen_jobs(self) -> Sequence[JobRow]:
        """This one."""
        return [] if self._job is None else [self._job]

    def at_once(self, wish: messages.Wish) -> None:
        """Typing on a page is that page's own."""
        if self._page is None or not self._page.at_once(wish):
            if isinstance(wish, jobmessages.Find):
                self._open("log")
                self.on_find(wish)
            else:
                super().at_once(wish)

    def on_find(self, wish: jobmessages.Find) -> None:
        """Look for a text in the log."""
        if self._page is not None:
            self._page.at_once(wish)

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
                settled = await self._look()
            except Refused as refused:
                self._give_up(refused)
                return
            except RcqError:
                await self._pause(None)  # the banner says it; the link's return wakes us
                continue
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

    async def _look(self) -> bool:
        """Whether nothing more will come."""
        job = await self.desk.api.job(self.number)
        self._why = await self.desk.api.why(self.number) if _waits(job) else None
        self._job = job
        if self._page is None:
            self._open(self._remembered_page(job))
        if self._mounting is not None:
            await self._mounting
        self._draw()
        page, shown = self._page, self._shown()
        complete = True if page is None or shown is None else await page.look(shown)
        return job.state in FINISHED and complete and page is self._page

    async def _pause(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    # ------------------------------------------------------------ pages

    def _remembered_page(self, job: JobDetail) -> str:
        kept = self.desk.remembered.of("job-pages", _FIRST_PAGE)
        name = kept.get(_kind(job), "")
        return name if name in NAMES else _FIRST_PAGE[_kind(job)]

    def _open(self, name: str) -> None:
        """Show a page; it is made when it is shown first."""
        if self._page is not None:
            self._page.display = False
        if name not in self._made:
            self._made[name] = page_named(name).page(ascii_only=self.desk.ascii_only)
            self._mounting = self._room.mount(self._made[name])
        self._page = self._made[name]
        self._page.display = True
        self._strip.page = name
        self.set_focus(None)
        self.call_after_refresh(self._draw)
        self._wake.set()

    def _go(self, name: str) -> None:
        """Show a page, and open jobs in such a state with it from now on."""
        if self._job is None:
            return
        self._open(name)
        kept = self.desk.remembered.of("job-pages", _FIRST_PAGE)
        self.desk.remembered.keep("job-pages", {**kept, _kind(self._job): name})

    def on_show_page(self, message: jobmessages.ShowPage) -> None:
        """The page of this name."""
        message.stop()
        self._go(message.said)

    def on_page_strip_chosen(self, message: PageStrip.Chosen) -> None:
        """A page was clicked."""
        message.stop()
        self._go(message.page)

    def on_next_page(self, message: jobmessages.NextPage) -> None:
        """The next one."""
        self._turn(message, 1)

    def on_page_before(self, message: jobmessages.PageBefore) -> None:
        """The one before."""
        self._turn(message, -1)

    def _turn(self, message: Message, by: int) -> None:
        message.stop()
        if self._page is not None:
            self._go(NAMES[(NAMES.index(self._strip.page) + by) % len(NAMES)])

    # ------------------------------------------------------------ drawing

    def _shown(self) -> Shown | None:
        return None if self._job is None else Shown(job=self._job, why=self._why, now=self.desk.clock())

    def _draw(self) -> None:
        shown = self._shown()
        if shown is None:
            return
        title = headline(shown.job, shown.now, ascii_only=self.desk.ascii_only)
        self._title.put(content([(" ", "text"), *title]))
        self._brief.put(content([(" ", "text"), *brief(shown.job, shown.now)]))
        if self._page is not None and self._page.is_mounted:
            self._page.show(shown)

    # ------------------------------------------------------------ wishes

    def on_toggle_stream(self, message: messages.ToggleStream) -> None:
        """The other output; on another page than the log, the log."""
        message.stop()
        if self._page is not None and not self._page.toggle_stream():
            self._open("log")
        self._wake.set()

    def on_toggle_wrap(self, message: jobmessages.ToggleWrap) -> None:
        """Fold long lines, or not."""
        message.stop()
        if self._page is not None:
            self._page.toggle_wrap()

    def on_next_hit(self, message: jobmessages.NextHit) -> None:
        """Further down."""
        message.stop()
        if self._page is not None:
            self._page.go_to_hit(down=True)

    def on_hit_before(self, message: jobmessages.HitBefore) -> None:
        """Further up."""
        message.stop()
        if self._page is not None:
            self._page.go_to_hit(down=False)

    def on_toggle_marking(self, message: jobmessages.ToggleMarking) -> None:
        """Mark lines from here, or none."""
        message.stop()
        if self._page is not None and self._page.COPIES:
            self._page.lines.mark(not self._page.lines.marking)

    def on_copy(self, message: messages.Copy) -> None:
        """Lines of the page, else this job's id."""
        message.stop()
        found = None if self._page is None else self._page.copied()
        text, what = found or (str(self.number), f"job id {self.number}")
        self.desk.copy(text, what)

    def on_fetch_results(self, message: jobmessages.FetchResults) -> None:
        """What the files' page does."""
        message.stop()
        if self._job is not None:
            self.desk.jobforms.fetch(self._job, message.said)

    def on_refresh(self, message: messages.Refresh) -> None:
        """Look again at once."""
        message.stop()
        self._wake.set()

    def on_go_back(self, message: messages.GoBack) -> None:
        """Drop what is marked or looked for, else back to where one came from."""
        message.stop()
        if self._page is None or not self._page.clear():
            self._leave()

    def on_ask_cancel(self, message: messages.AskCancel) -> None:
        """Cancel this job, after a question."""
        message.stop()
        self.desk.deeds.cancel(self.chosen_jobs())

    def on_toggle_hold(self, message: messages.ToggleHold) -> None:
        """Hold or release this job."""
        message.stop()
        self.desk.deeds.toggle_hold(self.chosen_jobs())

    # ------------------------------------------------------------ moving

    def _move(self, message: Message, by: int) -> None:
        message.stop()
        if self._page is not None:
            self._page.lines.move(by)

    def on_down(self, message: messages.Down) -> None:
        """A line."""
        self._move(message, 1)

    def on_up(self, message: messages.Up) -> None:
        """A line."""
        self._move(message, -1)

    def on_page_down(self, message: messages.PageDown) -> None:
        """As much as is seen."""
        self._move(message, self._rows())

    def on_page_up(self, message: messages.PageUp) -> None:
        """As much as is seen."""
        self._move(message, -self._rows())

    def _rows(self) -> int:
        return 1 if self._page is None else self._page.lines.page

    def on_left(self, message: messages.Left) -> None:
        """Scroll sideways; back to where one came from where there is nothing to the left."""
        message.stop()
        if self._page is None or not self._page.lines.sideways(-8):
            self._leave()

    def on_right(self, message: messages.Right) -> None:
        """Scroll sideways."""
        message.stop()
        if self._page is not None:
            self._page.lines.sideways(8)

    def on_top(self, message: messages.Top) -> None:
        """The first line."""
        message.stop()
        if self._page is not None:
            self._page.to_top()

    def on_bottom(self, message: messages.Bottom) -> None:
        """The last line; of a log also: follow it."""
        message.stop()
        if self._page is not None:
            self._page.to_bottom()


def _kind(job: JobDetail) -> str:
    return "waiting" if _waits(job) else "ended" if job.state in FINISHED else "running"


def _waits(job: JobRow) -> bool:
    """Also for a cluster, in whose queue it may stand for days."""
    return job.state in WAITING or (job.state == "scheduled" and bool(job.place))
