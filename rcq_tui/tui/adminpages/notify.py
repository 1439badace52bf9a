"""What one is told, and how. Must not know how anything is sent."""

from typing import Any, ClassVar

from textual.app import ComposeResult

from engine.protocol.errors import RcqError
from engine.protocol.notifications import NotifyView
from rcq_tui.tui.adminpages.base import AdminPage
from rcq_tui.tui.form import people
from rcq_tui.tui.form.questions import TICKED
from rcq_tui.tui.palette import page
from rcq_tui.tui.screens.ask import Form
from rcq_tui.tui.screens.secret import SecretScreen
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel.notifypage import notify_lines, test_words


class NotifyPage(AdminPage):
    """The own choice."""

    TITLE: ClassVar[str] = "Notifications"
    HINT: ClassVar[str] = "e choose   v send a test"

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__(ascii_only=ascii_only)
        self._told: NotifyView | None = None
        self._words = Words(id="admin-words")

    def compose(self) -> ComposeResult:
        """Title and lines."""
        yield self.title
        yield self._words

    async def look(self) -> None:
        """Fetch and show."""
        self._told = await self.desk.api.notify()
        self.draw()

    def draw(self) -> None:
        """As of the last look."""
        self.say_title()
        if self._told is not None:
            self._words.put(page(notify_lines(self._told, self.desk.clock())))

    def change(self) -> None:
        """Choose anew."""
        if (told := self._told) is None:
            return

        async def send(asked: dict[str, Any]) -> str:
            chosen = await self.desk.api.choose_notify(asked)
            if chosen.webhook_secret:
                title = "The webhook's secret: keep it now, it is not shown again"
                self.call_later(self.desk.push_screen, SecretScreen(title, chosen.webhook_secret))
            return "It is chosen. v sends a test."

        start = {
            **dict.fromkeys(told.on, TICKED),
            "mail": told.mail or "",
            "webhook": told.webhook or "",
            "command": TICKED if told.command else "",
            "terminal": told.terminal,
            "min_run_s": f"{told.min_run_s:g}",
        }
        self.ask(Form(title="What you are told", questions=people.NOTIFY, read=people.notify, send=send, start=start))

    def check(self) -> None:
        """Send a test."""

        async def work() -> None:
            try:
                words = test_words(await self.desk.api.test_notify())
            except RcqError as error:
                self.desk.complain(error)
            else:
                self.desk.notify(words, timeout=20, markup=False)

        self.run_worker(work(), name="notify-test", exclusive=True, group="notify-test")
