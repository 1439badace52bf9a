"""The admin place: a page for each thing to look after. Others see what is theirs, and why not the rest.

Must not know what is on a page.
"""

import asyncio

from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.widgets import Input

from engine.protocol.errors import RcqError, Refused
from rcq_tui.tui import adminwishes, jobmessages, messages
from rcq_tui.tui.adminpages import PAGES, page_named
from rcq_tui.tui.adminpages.base import AdminPage
from rcq_tui.tui.commands import place_bindings
from rcq_tui.tui.headed import HeadedScreen
from rcq_tui.tui.widgets.field import Field
from rcq_tui.tui.widgets.pagestrip import PageStrip

_LOOK_S = 5.0
"""Others change accounts and cards, too."""


class AdminScreen(HeadedScreen):
    """One page at a time, looked at again now and then."""

    PLACE = "admin"
    AUTO_FOCUS = ""  # keys are the screen's: a hidden field must not get them
    CSS_PATH = "../admin.tcss"
    BINDINGS = place_bindings(
        "choose-one", "add-one", "change-one", "remove-one", "check", "filter", "next-page", "page-before", "line",
        "help", "quit", "back", "down", "up", "top", "bottom", "page-down", "page-up",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._strip = PageStrip([("", entry.name) for entry in PAGES])
        self._room = Container(id="admin-page")
        self._page: AdminPage | None = None
        self._wake = asyncio.Event()

    def body(self) -> ComposeResult:
        """Pages, the one that is open, the filter."""
        yield self._strip
        yield self._room
        yield Field(placeholder="what to look for; Enter keeps it, Esc drops it", id="filter")

    def on_mount(self) -> None:
        """The page of last time."""
        desk = self.desk
        self.query_one("#filter").display = False
        self.watch(desk, "lost", self._wake.set, init=False)
        self.watch(desk, "gpus", self._gpus_changed, init=False)
        self.show(desk.remembered.of("admin-page", PAGES[0].name))
        self.run_worker(self._follow(), name="admin", exclusive=True)

    def show(self, name: str) -> None:
        """The page of this name; it is remembered."""
        entry = page_named(name)
        self.desk.remembered.keep("admin-page", entry.name)
        self._room.remove_children()
        self._page = entry.page(ascii_only=self.desk.ascii_only)
        self._room.mount(self._page)
        self._strip.page = entry.name
        self._close_filter()
        self._wake.set()

    # ------------------------------------------------------------ state comes down

    def _gpus_changed(self) -> None:
        if self._strip.page == "cards":
            self._wake.set()

    def on_resize(self) -> None:
        """What is fitted to the width."""
        if self._page is not None and self._page.is_attached:
            self.call_after_refresh(self._page.draw)

    async def _follow(self) -> None:
        while True:
            self._wake.clear()
            page = self._page
            if page is not None:
                await self._look(page)
            if page is self._page:
                await self._pause()

    async def _look(self, page: AdminPage) -> None:
        try:
            await page.look()
        except Refused as refused:
            if refused.code == "UNAUTHENTICATED":
                self.post_message(messages.LoginNeeded())
            elif page.is_attached:
                page.forbidden(refused.message)
        except RcqError as error:  # the link's return wakes us
            if page.is_attached:
                page.unread(str(error))

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._wake.wait()
        except TimeoutError:
            return

    # ------------------------------------------------------------ wishes

    def at_once(self, wish: messages.Wish) -> None:
        """What letters follow."""
        if isinstance(wish, messages.EditFilter):
            self.on_edit_filter(wish)
        elif isinstance(wish, adminwishes.AddOne):
            self.on_add_one(wish)
        elif isinstance(wish, adminwishes.ChangeOne):
            self.on_change_one(wish)
        else:
            super().at_once(wish)

    def on_admin_page_done(self, message: AdminPage.Done) -> None:
        """Something was changed here."""
        message.stop()
        self._wake.set()

    def on_refresh(self, message: messages.Refresh) -> None:
        """Look again at once."""
        message.stop()
        self._wake.set()

    def _page_to_change(self) -> AdminPage | None:
        """The page, if whoever looks may change what it shows; else they are told."""
        page = self._page
        if page is None or page.may_change:
            return page
        self.desk.notify(f"{page.TITLE} are changed by admins alone. Ask one of them.", markup=False)
        return None

    def on_add_one(self, message: adminwishes.AddOne) -> None:
        """Add one."""
        message.stop()
        if (page := self._page_to_change()) is not None:
            page.add()

    def on_change_one(self, message: adminwishes.ChangeOne) -> None:
        """Change it."""
        message.stop()
        if (page := self._page_to_change()) is not None:
            page.change()

    def on_choose_one(self, message: adminwishes.ChooseOne) -> None:
        """Open it."""
        message.stop()
        if (page := self._page_to_change()) is not None:
            page.choose()

    def on_table_chosen(self, message: Message) -> None:
        """A line was clicked."""
        message.stop()
        if self._page is not None and self._page.may_change:
            self._page.choose()

    def on_remove_one(self, message: adminwishes.RemoveOne) -> None:
        """Take it away."""
        message.stop()
        if (page := self._page_to_change()) is not None:
            page.take_away()

    def on_check_all(self, message: adminwishes.CheckAll) -> None:
        """Check it."""
        message.stop()
        if self._page is not None:
            self._page.check()

    # ------------------------------------------------------------ pages, filter, moving

    def on_page_strip_chosen(self, message: PageStrip.Chosen) -> None:
        """A page was clicked."""
        message.stop()
        self.show(message.page)

    def on_next_page(self, message: jobmessages.NextPage) -> None:
        """The next one."""
        self._turn(message, 1)

    def on_page_before(self, message: jobmessages.PageBefore) -> None:
        """The one before."""
        self._turn(message, -1)

    def _turn(self, message: Message, by: int) -> None:
        message.stop()
        names = [entry.name for entry in PAGES]
        self.show(names[(names.index(self._strip.page) + by) % len(names)])

    def on_edit_filter(self, message: messages.EditFilter) -> None:
        """Open the filter's line."""
        message.stop()
        field = self.query_one("#filter", Field)
        field.value = message.said or field.value
        field.display = True
        self.set_focus(field)

    def on_input_changed(self, event: Input.Changed) -> None:
        """The filter works while it is written."""
        event.stop()
        if self._page is not None and self._page.needle != event.value.strip():
            self._page.needle = event.value.strip()
            self._page.draw()
            self._wake.set()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter."""
        event.stop()
        event.input.display = False
        self.set_focus(None)

    def on_go_back(self, message: messages.GoBack) -> None:
        """Drop the filter, else leave."""
        if self.query_one("#filter", Field).value:
            message.stop()
            message.prevent_default()  # of the class below, which leaves
            self._close_filter()

    def _close_filter(self) -> None:
        field = self.query_one("#filter", Field)
        field.value = ""
        field.display = False
        self.set_focus(None)

    def _move(self, message: Message, by: int) -> None:
        message.stop()
        if self._page is not None:
            self._page.move(by)

    def on_down(self, message: messages.Down) -> None:
        """A line."""
        self._move(message, 1)

    def on_up(self, message: messages.Up) -> None:
        """A line."""
        self._move(message, -1)

    def on_page_down(self, message: messages.PageDown) -> None:
        """A page."""
        self._move(message, max(1, self._room.size.height - 4))

    def on_page_up(self, message: messages.PageUp) -> None:
        """A page."""
        self._move(message, -max(1, self._room.size.height - 4))

    def on_top(self, message: messages.Top) -> None:
        """The first."""
        self._move(message, -1_000_000)

    def on_bottom(self, message: messages.Bottom) -> None:
        """The last."""
        self._move(message, 1_000_000)
