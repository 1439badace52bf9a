"""The plan as a coloured picture: cards and their lanes, the hours over them, now, and where each bar is.

Pure: `now` is the plan's. Lines are made of cells as `planbars` has them. Must not know what draws them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rcq_tui.viewmodel.lanes import KINDS, Told, card_names, lanes, on_card
from rcq_tui.viewmodel.planbars import ASCII_SIGNS, SIGNS, Cell, Manner, Viewer, as_line, cross, extent, lay, spread
from rcq_tui.viewmodel.planlook import Look, says
from rcq_tui.viewmodel.states import colour, symbol
from rcq_tui.viewmodel.text import clean, pad, width
from rcq_tui.viewmodel.timeaxis import Scale, ticks

Pieces = list[Cell]
HEAD = 2
"""Lines over the cards: times, and a ruler."""
_LEAST_CELLS = 10
_MODEL_CELLS = 16
"""Beside a card's name, where the picture is wide."""
_SAYS = {"running": "runs", "slot": "booked", "promised": "promised", "forecast": "foreseen"}


class Spot(NamedTuple):
    """A bar in the picture: on which card and lane, from which cell to which, and what it is."""

    card: int
    lane: int
    begin: int
    end: int
    item: Told

    @property
    def key(self) -> tuple[object, ...]:
        """What stays the same while the plan changes: of what has no id, what is known."""
        item = self.item
        known = item["id"] if item["id"] is not None else (item["kind"], item["account"], item["group"], item["start"])
        return (self.card, known)


@dataclass(slots=True, frozen=True, kw_only=True)
class Chart:
    """head: over the cards. rows: lines of the cards. first_row: of a card and lane. spots: bars by card and lane, from
    left to right. scale: of the cells behind the labels, of which there are `label`.
    """

    head: list[Pieces]
    rows: list[Pieces]
    first_row: Mapping[tuple[int, int], int]
    spots: list[list[Spot]]
    scale: Scale
    label: int
    high: int

    def all_spots(self) -> list[Spot]:
        """Every bar, from the upper left."""
        return [spot for lane in self.spots for spot in lane]


class Room(NamedTuple):
    """Cells of the picture, and how many lines may be filled before one has to scroll."""

    cells: int
    lines: int


def chart(planned: Told, look: Look, room: Room, viewer: Viewer, chosen: tuple[object, ...] | None = None) -> Chart:
    """The picture of what was planned. chosen: the key of the bar under the cursor."""
    label, names = label_cells(planned, room.cells), card_names(planned)
    scale = look.scale(planned["now"], room.cells - label)
    found = [(card, _shown_lanes(planned, card, scale)) for card in planned["cards"]]
    high, gap = _heights(sum(len(one) for _, one in found), len(found), room.lines)
    rows: list[Pieces] = []
    first_row: dict[tuple[int, int], int] = {}
    spots: list[list[Spot]] = []
    ground, now = _ground(planned, scale, viewer.ascii_only), int(scale.place(planned["now"]))
    for at, (card, stacked) in enumerate(found):
        if at:
            rows += [[(" " * label, "text/"), *as_line(ground)]] * gap
        for number, lane in enumerate(stacked):
            first_row[card["index"], number] = len(rows)
            lane_spots = [
                _spot(card["index"], number, item, scale) for item in sorted(lane, key=lambda one: one["start"])
            ]
            spots.append(lane_spots)
            for line in range(high):
                head = _label(card, names, label, viewer) if not number and not line else [(" " * label, "text/")]
                cells = _empty(card, ground, viewer.ascii_only, bare=not lane, line=line)
                for spot in lane_spots:
                    lay(cells, spot.item, scale, viewer, _manner(spot, chosen, line))
                if 0 <= now < scale.cells:
                    cross(cells, now, "|" if viewer.ascii_only else "│", {*SIGNS.values(), *ASCII_SIGNS.values(), " "})
                rows.append([*head, *as_line(cells)])
    head_lines = _head(planned, scale, label, viewer.ascii_only)
    return Chart(
        head=head_lines, rows=rows, first_row=first_row, spots=spots, scale=scale, label=label, high=high
    )  # fmt: skip


def label_cells(planned: Told, cells: int) -> int:
    """Cells before the time begins: sign, the card's name and, where there is room, the model."""
    short = 4 + max([1, *map(width, card_names(planned).values())])
    return short + (_MODEL_CELLS if cells >= 120 else 0)


def _heights(lines: int, cards: int, room: int) -> tuple[int, int]:
    """Lines of a bar, and between two cards."""
    for high, gap in ((2, 1), (1, 1)):
        if lines * high + (cards - 1) * gap <= room:
            return high, gap
    return 1, 0


def _shown_lanes(planned: Told, card: Told, scale: Scale) -> list[list[Told]]:
    """Those lanes that have something in the picture; one at least. Lanes are those of all the time, so that nothing
    hops while one goes through it.
    """
    stacked = lanes(on_card(planned, card["index"]), scale.cell_s / 2)
    shown = [[item for item in lane if item["start"] < scale.until and item["end"] > scale.begin] for lane in stacked]
    return [lane for lane in shown if lane] or [[]]


def _manner(spot: Spot, chosen: tuple[object, ...] | None, line: int) -> Manner:
    kin = chosen is not None and spot.key[1] == chosen[1]
    return Manner(second=line > 0, chosen=spot.key == chosen, kin=kin)


def _spot(card: int, lane: int, item: Told, scale: Scale) -> Spot:
    begin, end = extent(item, scale, whole=True)
    return Spot(card, lane, int(begin), int(end), item)


def _label(card: Told, names: Mapping[int, str], cells: int, viewer: Viewer) -> Pieces:
    sign = symbol(card["state"], ascii_only=viewer.ascii_only)
    most = max(1, *map(width, names.values()))
    model = pad(clean(card["model"]).removeprefix("NVIDIA "), _MODEL_CELLS - 1) if cells > 4 + most else ""
    return [
        (f" {sign} ", f"{colour(card['state'])}/"),
        (pad(names[card["index"]], most, right=True), "title/"),
        (pad(f" {model}", cells - 3 - most), "quiet/"),
    ]


def _ground(planned: Told, scale: Scale, ascii_only: bool) -> list[Cell]:
    """An empty line: dots at the half hours (or what the zoom has for them), lines at the times that are named, now."""
    cells: list[Cell] = [(" ", "grid/")] * scale.cells
    finest = 1800.0 if scale.until - scale.begin > 3 * 3600 else 0.0
    for tick in ticks(scale, 3, finest):
        if tick.cell < scale.cells:
            cells[tick.cell] = (".", "grid/") if ascii_only else ("·", "grid/")
    for tick in ticks(scale, _LEAST_CELLS):
        if tick.cell < scale.cells:
            cells[tick.cell] = (":", "grid/") if ascii_only else ("┊", "grid/")
    at = int(scale.place(planned["now"]))
    if 0 <= at < scale.cells:
        cells[at] = ("|", "now/") if ascii_only else ("│", "now/")
    return cells


def _empty(card: Told, ground: Sequence[Cell], ascii_only: bool, *, bare: bool, line: int) -> list[Cell]:
    """The line of a card that has nothing on it: one that takes no jobs says so."""
    cells = list(ground)
    if card["state"] == "ok" or not bare:
        return cells
    sign = "x" if ascii_only else "╌"
    cells = [(sign, "grid/") if text == " " else (text, paint) for text, paint in cells]
    if not line:
        spread(cells, 4, f" {clean(card['state'])}: starts nothing ", f"{colour(card['state'])}/")
    return cells


def _head(planned: Told, scale: Scale, label: int, ascii_only: bool) -> list[Pieces]:
    now = scale.place(planned["now"])
    times: list[Cell] = [(" ", "quiet/")] * scale.cells
    ruler: list[Cell] = [("-" if ascii_only else "─", "grid/")] * scale.cells
    free = 0
    for tick in ticks(scale, _LEAST_CELLS):
        said = says(tick.at)
        if free <= tick.cell <= scale.cells - len(said):
            spread(times, tick.cell, said, "title/" if ":" not in said else "quiet/")
            free = tick.cell + len(said) + 1
        if tick.cell < scale.cells:
            ruler[tick.cell] = ("+" if ascii_only else "┬", "grid/")
    known = max(0, int(scale.place(planned["known_until"])))
    if known < scale.cells:
        ruler[known:] = [(" ", "grid/")] * (scale.cells - known)
        spread(ruler, known, " nothing is foreseen after this", "quiet/")
    if 0 <= now < scale.cells:
        spread(ruler, int(now), "v now" if ascii_only else "▼ now", "now/")
    day = pad(" " + says_day(scale.begin), label) if label >= 8 else pad(says_day(scale.begin)[:3], label)
    return [[(day, "title/"), *as_line(times)], [(" " * label, "grid/"), *as_line(ruler)]]


def says_day(at: float) -> str:
    """The day at the left edge: `Sun 1`."""
    midnight = ticks(Scale(at, at + 86_400 * 1.5, 100), 50, 86_400)[0].at
    return says(midnight - 86_400)


def legend(planned: Told, viewer: Viewer) -> Pieces:
    """What the signs mean, of what there is."""
    signs = ASCII_SIGNS if viewer.ascii_only else SIGNS
    kinds = {item["kind"] for item in planned["items"] if item["gpus"]}
    pieces: Pieces = []
    for kind in KINDS:
        if kind in kinds:
            pieces += [(signs[kind] * 2, "hue0/"), (f" {_SAYS[kind]}   ", "quiet/")]
    if any(viewer.owns(item) for item in planned["items"]):
        pieces += [(viewer.star, "mine/"), (" yours", "quiet/")]
    return pieces
