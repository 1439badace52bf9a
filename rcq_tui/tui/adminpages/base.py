"""What the pages of the admin place share: they fetch what they show, and offer what can be done to it.

Must not know any single page.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message

from engine.protocol.errors import RcqError
from rcq_tui.tui.palette import STYLES, page
from rcq_tui.tui.screens.ask import AskScreen, Form
from rcq_tui.tui.widgets.list_table import ListRow, ListTable
from rcq_tui.tui.widgets.table import Heading
from rcq_tui.tui.widgets.words import Words
from rcq_tui.viewmodel.pieces import Line
from rcq_tui.viewmodel.text import clean

if TYPE_CHECKING:
    from rcq_tui.tui.app import RcqApp

T = TypeVar("T")


class AdminPage(Vertical):
    """One page. TITLE: what it is a list of. HINT: what its keys do; said above it. FOR_ADMINS: others only look."""

    TITLE: ClassVar[str] = ""
    HINT: ClassVar[str] = ""
    FOR_ADMINS: ClassVar[bool] = False

    class Done(Message):
        """Something was changed: the page is to look again."""

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__()
        self.ascii_only = ascii_only
        self.needle = ""
        self.title = Words(id="admin-title")

    @property
    def desk(self) -> "RcqApp":
        """The application."""
        return cast("RcqApp", self.app)

    @property
    def is_admin(self) -> bool:
        """Whether whoever looks is an admin."""
        return self.desk.me is not None and self.desk.me.role == "admin"

    @property
    def may_change(self) -> bool:
        """Whether whoever looks may change what is here."""
        return self.is_admin or not self.FOR_ADMINS

    async def look(self) -> None:
        """Fetch and show. Raises RcqError."""
        raise NotImplementedError

    def draw(self) -> None:
        """Time has passed, the width or the filter is another one."""

    def forbidden(self, why: str) -> None:
        """Say calmly that this is not for whoever looks."""
        self.say_title(clean(why), "warn")

    def unread(self, why: str) -> None:
        """Say that what stands here could not be read again."""
        self.say_title(clean(why), "warn")

    def say_title(self, more: str = "", role: str = "quiet") -> None:
        """What this is, what stands beside it, and what the keys do."""
        pieces = [(self.TITLE, STYLES["title"]), ("  " + more if more else "", STYLES[role])]
        if self.HINT and self.may_change:
            pieces.append(("   " + self.HINT, STYLES["quiet"]))
        self.title.put(Content.assemble(*pieces))

    def move(self, by: int) -> None:
        """Move the cursor, or scroll."""

    def choose(self) -> None:
        """Enter: what is done most."""
        self.change()

    def add(self) -> None:
        """Add one."""
        self.nothing("added")

    def change(self) -> None:
        """Change what is under the cursor."""
        self.nothing("changed")

    def take_away(self) -> None:
        """Take away what is under the cursor, after a question."""
        self.nothing("taken away")

    def check(self) -> None:
        """Have it checked."""
        self.nothing("checked")

    def nothing(self, what: str) -> None:
        """Say that a key does nothing here."""
        self.desk.notify(f"Nothing can be {what} on this page.", markup=False)

    def do(self, call: Callable[[], Awaitable[object]], done: str) -> None:
        """Carry out what was asked about; say what came of it and look again."""

        async def work() -> None:
            try:
                await call()
            except RcqError as error:
                self.desk.complain(error)
            else:
                self._asked(done)

        self.desk.run_worker(work(), name="deed", group="deeds")

    def ask(self, form: Form) -> None:
        """Open a form; say what came of it and look again."""
        if self.desk.is_free_for(AskScreen):
            self.desk.push_screen(AskScreen(form), self._asked)

    def _asked(self, said: str | None) -> None:
        if said is not None:
            self.desk.notify(said, markup=False)
            self.post_message(self.Done())


class ListPage(AdminPage, Generic[T]):
    """A list with what is to know of the line under the cursor below it."""

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__(ascii_only=ascii_only)
        self.items: list[T] = []
        self._is_read = False
        self.table = ListTable(self.headings, ascii_only=ascii_only)
        self.below = Words(id="admin-detail")

    def compose(self) -> ComposeResult:
        """Title, list, detail."""
        yield self.title
        yield self.table
        yield self.below

    def headings(self, cells: int) -> Sequence[Heading]:
        """The columns of so many cells."""
        raise NotImplementedError

    async def fetch(self) -> list[T]:
        """What the engine tells. Raises RcqError."""
        raise NotImplementedError

    def row(self, item: T) -> ListRow:
        """An item as a row."""
        raise NotImplementedError

    def detail(self, item: T) -> Sequence[Line]:
        """What is to know of the item under the cursor."""
        return ()

    async def look(self) -> None:
        """Fetch and show."""
        self.items = await self.fetch()
        self._is_read = True
        self.draw()

    def draw(self) -> None:
        """The rows that the filter leaves."""
        rows = [self.row(item) for item in self.items]
        shown = [row for row in rows if self._matches(row)]
        none = "There is none." if self._is_read else "Asking …"
        self.table.empty = "Nothing matches the filter. Esc drops it." if self.needle else none
        self.table.show(shown)
        kept = f"{len(shown)} of {len(rows)} match {self.needle}" if self.needle else str(len(rows))
        self.say_title(kept if self._is_read else "")
        self._draw_below()

    def _matches(self, row: ListRow) -> bool:
        hay = " ".join(text for text, _ in row.cells).lower()
        return all(word in hay for word in self.needle.lower().split())

    def _draw_below(self) -> None:
        item = self.selected
        lines = [] if item is None else list(self.detail(item))
        self.below.display = bool(lines)
        self.below.put(page(lines))

    @property
    def selected(self) -> T | None:
        """The item under the cursor."""
        key = self.table.selected
        return next((item for item in self.items if self.row(item).key == key), None) if key is not None else None

    def move(self, by: int) -> None:
        """The cursor."""
        self.table.move(by)
        self._draw_below()

    def forbidden(self, why: str) -> None:
        """Nothing to see, and why."""
        self.items = []
        self.table.empty = ""
        self.table.show([])
        self.below.display = False
        super().forbidden(why)


def fitted(cells: int, *columns: tuple[str, int], last: str) -> list[Heading]:
    """Columns of fixed widths, and a last one with what is left; a narrow table leaves the widest fixed ones less."""
    gaps = 2 * (len(columns) + 1)
    spare = cells - sum(wide for _, wide in columns) - gaps
    if spare >= _LEAST_LAST:
        return [*(Heading(title, wide) for title, wide in columns), Heading(last, spare)]
    short = [(title, min(wide, max(len(title), wide * 2 // 3))) for title, wide in columns]
    spare = cells - sum(wide for _, wide in short) - gaps
    return [*(Heading(title, wide) for title, wide in short), Heading(last, max(1, spare))]


_LEAST_LAST = 12
