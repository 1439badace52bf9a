"""What the terminal shows already is not sent again: of each update only cells that are others go over the wire.

Textual sends whole lines of every widget that was drawn anew, and the whole screen where a layout changed. Over SSH
that is many times what changed. Must not know what is shown.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.screen import Screen
from textual.strip import Strip

_BRIDGED = 6
"""So many cells that did not change are sent again between two that did: going to the next takes as many bytes."""
_PLAIN = "\x1b[0m"
_MARK = "\x00"


class _Run(NamedTuple):
    """New text on a line from a column on; for each cell its character and the codes before it."""

    y: int
    x: int
    cells: list[str]
    codes: list[str]


class Shown:
    """What the terminal shows, as far as it was told by updates that went through `changes`."""

    def __init__(self) -> None:
        self._size = (0, 0)
        self._cells: list[list[str]] = []
        self._codes: list[list[str]] = []
        self._of_style: dict[Style, str] = {}

    def forget(self) -> None:
        """Somebody else wrote to the terminal, or it was cleared: the next update is sent whole."""
        self._size = (0, 0)

    def fit(self, columns: int, rows: int) -> None:
        """The screen has this size; where it is another than before, nothing is known of it."""
        if self._size != (columns, rows):
            self._size = (columns, rows)
            self._cells = [[""] * columns for _ in range(rows)]
            self._codes = [[""] * columns for _ in range(rows)]

    def changes(self, runs: Iterable[tuple[int, int, Strip]], console: Console) -> str:
        """What has to be sent so that these strips (line, column, strip) are shown; from then on they are."""
        sent: list[str] = []
        now: str | None = None
        for y, x, strip in runs:
            for run in self._new(y, x, strip, console):
                sent.append(f"\x1b[{run.y + 1};{run.x + 1}H")
                for cell, code in zip(run.cells, run.codes, strict=True):
                    if code != now:
                        sent.append(_PLAIN + code if now else code)
                        now = code
                    sent.append(cell)
        return "".join([*sent, _PLAIN]) if now else "".join(sent)

    def _new(self, y: int, x: int, strip: Strip, console: Console) -> Iterator[_Run]:
        """The parts of a strip that the terminal does not show."""
        if not 0 <= y < len(self._cells):
            return
        cells, codes, is_simple = self._expanded(strip, console)
        most = max(0, self._size[0] - x)
        cells, codes = cells[:most], codes[:most]
        line, coded, end = self._cells[y], self._codes[y], x + len(cells)
        if line[x:end] == cells and coded[x:end] == codes:
            return
        differ = [at for at in range(len(cells)) if line[x + at] != cells[at] or coded[x + at] != codes[at]]
        line[x:end], coded[x:end] = cells, codes
        for first, last in _stretches(differ) if is_simple else [(0, len(cells) - 1)]:
            yield _Run(y, x + first, cells[first : last + 1], codes[first : last + 1])

    def _expanded(self, strip: Strip, console: Console) -> tuple[list[str], list[str], bool]:
        """Cell by cell; not simple: characters of other widths than one, of which terminals think differently."""
        cells: list[str] = []
        codes: list[str] = []
        is_simple = True
        for text, style, control in strip:
            if control:
                continue
            wide = cell_len(text)
            if wide == len(text):
                cells += text
            else:
                is_simple = False
                cells += [text, *[""] * (wide - 1)] if wide else []
            codes += [self._code(style, console)] * wide
        return cells, codes, is_simple

    def _code(self, style: Style | None, console: Console) -> str:
        if style is None:
            return ""
        known = self._of_style.get(style)
        if known is None:
            if len(self._of_style) > 4096:  # styles with an offset in them come without end
                self._of_style.clear()
            drawn = Style(
                color=style.color, bgcolor=style.bgcolor, bold=style.bold, dim=style.dim, italic=style.italic,
                underline=style.underline, reverse=style.reverse, strike=style.strike, blink=style.blink,
            ).render(_MARK, color_system=console._color_system)  # fmt: skip
            known = self._of_style[style] = drawn.partition(_MARK)[0]
        return known


class Changes(CompositorUpdate):
    """An update of Textual's, as the changes that it makes."""

    def __init__(self, shown: Shown, update: CompositorUpdate, size: tuple[int, int]) -> None:
        self._shown = shown
        self._update = update
        self._size_of_screen = size

    def render_segments(self, console: Console) -> str:
        """What is to be written to the terminal. Called once, when it is."""
        if isinstance(self._update, LayoutUpdate):
            runs = _whole(self._update)
        elif isinstance(self._update, ChopsUpdate):
            runs = _parts(self._update)
        else:
            self._shown.forget()
            return self._update.render_segments(console)
        self._shown.fit(*self._size_of_screen)
        return self._shown.changes(runs, console)


def _whole(update: LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
    for y, line in enumerate(update.strips, update.region.y):
        yield y, update.region.x, Strip.join(line)


def _parts(update: ChopsUpdate) -> Iterator[tuple[int, int, Strip]]:
    for y, first, last in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is not None and x < last and end > first:
                yield y, x, strip


def _stretches(places: list[int]) -> Iterator[tuple[int, int]]:
    """First and last of each stretch of places; what lies close together is one."""
    first = before = places[0]
    for place in places[1:]:
        if place - before > _BRIDGED:
            yield first, before
            first = place
        before = place
    yield first, before


class SparingApp(App[int]):
    """An application that sends nothing twice. shown: what its terminal shows."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = Shown()

    def on_mount(self) -> None:
        """Whoever had the terminal while this was suspended wrote on it."""
        self.app_resume_signal.subscribe(self, lambda _: self.shown.forget())

    def draw_anew(self) -> None:
        """Send the whole screen: something else wrote on it."""
        self.shown.forget()
        self.refresh(layout=True)

    def on_resize(self) -> None:
        """A terminal moves what it shows as it likes."""
        self.shown.forget()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        if isinstance(renderable, CompositorUpdate):
            renderable = Changes(self.shown, renderable, self.size)
        elif renderable is not None:
            self.shown.forget()
        super()._display(screen, renderable)
