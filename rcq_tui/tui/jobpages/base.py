"""What the pages of the job screen share: they show the job that they are given, and move a column of lines.

Must not know any single page, nor how the job was found.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import Vertical

from engine.protocol.responses import JobDetail, Why
from rcq_tui.tui.messages import Wish
from rcq_tui.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from rcq_tui.tui.app import RcqApp


@dataclass(slots=True, frozen=True, kw_only=True)
class Shown:
    """The job as it is told now. why: of one that waits. now: Unix seconds."""

    job: JobDetail
    why: Why | None
    now: float


class JobPage(Vertical):
    """One page. WRAPS: long lines are folded at first. COPIES: `y` copies lines of it, not the job's id.

    CURSOR: one moves a line, not only what is seen. FOLLOWS: it stays at the end while lines come.
    """

    WRAPS = False
    CURSOR = True
    FOLLOWS = False
    COPIES = True

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__()
        self.shown: Shown | None = None
        self.ascii_only = ascii_only
        self.lines = Lines(ascii_only=ascii_only, follow=self.FOLLOWS, cursor=self.CURSOR)
        self.lines.wrap = self.WRAPS

    @property
    def desk(self) -> "RcqApp":
        """The application."""
        return cast("RcqApp", self.app)

    def compose(self) -> ComposeResult:
        """The lines alone, unless a page has more."""
        yield self.lines

    @property
    def cells(self) -> int:
        """Cells of a line."""
        return max(20, self.lines.size.width - 3)

    def show(self, shown: Shown) -> None:
        """Show the job as it is now."""
        self.shown = shown
        if self.lines.size.width:
            self.draw(shown)

    def on_resize(self) -> None:
        """What is fitted to the width is fitted again."""
        if self.shown is not None:
            self.call_after_refresh(self._draw_again)

    def _draw_again(self) -> None:
        if self.shown is not None:
            self.draw(self.shown)

    def draw(self, shown: Shown) -> None:
        """Put it on the screen."""
        raise NotImplementedError

    async def look(self, shown: Shown) -> bool:
        """Fetch what only this page needs; whether it has all that there will ever be. Raises RcqError."""
        return True

    # ------------------------------------------------------------ wishes that pages understand differently

    def at_once(self, wish: Wish) -> bool:
        """A command that letters follow; whether it was for this page."""
        return False

    def clear(self) -> bool:
        """Drop marks or a search; whether there was anything to drop."""
        if self.lines.marking:
            self.lines.mark(False)
            return True
        return False

    def copied(self) -> tuple[str, str] | None:
        """Text for the clipboard and what to call it; `None`: the job's id."""
        if not self.COPIES or not self.lines.count:
            return None
        some = self.lines.marked()
        self.lines.mark(False)
        return "\n".join(some), "the line" if len(some) == 1 else f"{len(some)} lines"

    def to_top(self) -> None:
        """The first line."""
        self.lines.move_to(0)

    def to_bottom(self) -> None:
        """The last line."""
        self.lines.move_to(self.lines.count)

    def toggle_stream(self) -> bool:
        """The other output; whether there is one here."""
        return False

    def toggle_wrap(self) -> None:
        """Fold long lines, or not."""
        self.lines.toggle_wrap()

    def go_to_hit(self, *, down: bool) -> None:
        """The next line that is looked for."""
        self.desk.notify("Looking for text is for the log: press 2, then /.", markup=False)
