"""The side of the application that looks are: the theme, and whether anything but ASCII is drawn. Both are remembered.

Must not know what is drawn.
"""

from collections.abc import Sequence

from textual.app import App
from textual.filter import LineFilter

from rcq_tui.tui import messages, themes
from rcq_tui.tui.asciionly import AsciiOnly
from rcq_tui.tui.remembered import Remembered
from rcq_tui.viewmodel.text import clean


class Dressed(App[int]):
    """An application with looks of its own; `dress` gives it the first ones."""

    ascii_only = False
    """Whether nothing but ASCII is drawn."""

    remembered: Remembered

    def dress(self, theme: str | None, *, ascii_only: bool, terminal: str) -> None:
        """theme: instead of the remembered one. ascii_only: the terminal has nothing else. terminal: its TERM."""
        themes.register(self)
        usual = themes.usual(terminal)
        kept = theme or self.remembered.of("theme", usual)
        self.theme = kept if kept in self.available_themes else usual
        self.ascii_only = ascii_only or self.remembered.of("ascii", False)
        self._ascii_filter = AsciiOnly()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual asks what everything that is drawn goes through."""
        filters = super().get_line_filters()
        return [*filters, self._ascii_filter] if self.ascii_only else filters

    def start_over(self) -> None:
        """Make the screens anew."""
        raise NotImplementedError

    def on_next_theme(self, message: messages.NextTheme) -> None:
        """The theme that is named, else the next one; it is remembered."""
        known = themes.THEMES
        at = known.index(self.theme) if self.theme in known else -1
        wanted = message.said or known[(at + 1) % len(known)]
        if wanted not in known:
            self.notify(f"There is no theme {clean(wanted)}. There are: {', '.join(known)}", markup=False)
            return
        self.theme = wanted
        self.remembered.keep("theme", wanted)

    def on_toggle_ascii(self) -> None:
        """Screens are made for one or the other."""
        self.ascii_only = not self.ascii_only
        self.remembered.keep("ascii", self.ascii_only)
        self.set_class(self.ascii_only, "-ascii")
        self.start_over()
