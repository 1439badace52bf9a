"""The pages of a screen in one line: which there are, and which one is open. Must not know what is on them."""

from collections.abc import Sequence

from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from rcq_tui.tui.palette import STYLES


class PageStrip(Widget):
    """pages: key and name of each. page: the name of the open one."""

    page: reactive[str] = reactive("")

    class Chosen(Message):
        """A page was clicked."""

        def __init__(self, page: str) -> None:
            super().__init__()
            self.page = page

    def __init__(self, pages: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._pages = pages

    def render(self) -> RenderResult:
        """Each with its key; the open one in brackets. Without room for all names only that of the open one."""
        return Content.assemble(" ", *((text, STYLES[role]) for text, role, _ in self._pieces()))

    def _pieces(self) -> list[tuple[str, str, str]]:
        short = 1 + sum(len(key) + len(name) + 3 for key, name in self._pages) > self.size.width
        pieces = []
        for key, name in self._pages:
            named = f"{key} {name}".strip()
            if name == self.page:
                pieces.append((f"[{named}]", "title", name))
            else:
                pieces.append((f" {key or name[:1]} " if short else f" {named} ", "quiet", name))
        return pieces

    def on_click(self, event: events.Click) -> None:
        """To the page that was clicked."""
        at = event.x - 1
        for text, _, name in self._pieces():
            if 0 <= at < len(text):
                self.post_message(self.Chosen(name))
                return
            at -= len(text)
