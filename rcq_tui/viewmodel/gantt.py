"""The planned future as a picture out of characters: a row for each card, time to the right.

Pure: `now` and the width come with what is drawn. Must not know what draws it; light enough for the command line.
"""

from collections.abc import Mapping, Sequence

from rcq_tui.viewmodel.formats import counted, moment
from rcq_tui.viewmodel.lanes import Told, card_names, lanes, on_card
from rcq_tui.viewmodel.text import clean, pad, width
from rcq_tui.viewmodel.timeaxis import Scale, labelled, ticks

LABEL = 8
"""Cells before the time begins, at least: `GPU 12  `, `node-7:3  `."""
LEAST = 40
"""A picture is never narrower than so many cells."""
MOST_LANES = 6
"""Jobs that share a card stand under each other, so many at most."""
_TICK_CELLS, _SHORTEST_TICK_S = 12, 300.0

_SIGNS = {"running": "█", "promised": "▓", "forecast": "▒", "slot": "░"}
_ASCII_SIGNS = {"running": "#", "promised": "=", "forecast": "-", "slot": ":"}
_SAYS = {"running": "runs", "promised": "promised", "forecast": "foreseen", "slot": "booked"}


def gantt(planned: Told, total: int, *, ascii_only: bool = False) -> list[str]:
    """The whole picture in lines of at most `total` cells: hours, cards, what the signs mean, what is not shown."""
    now = planned["now"]
    names = {
        card["index"]: name if card.get("node") else f"GPU {name}"
        for card, name in zip(planned["cards"], card_names(planned).values(), strict=True)
    }
    label = max([LABEL, *(width(name) + 2 for name in names.values())])
    scale = Scale(now, planned["until"], max(LEAST, total) - label)
    signs = _ASCII_SIGNS if ascii_only else _SIGNS
    lines = [" " * label + axis(now, scale.until, scale.cells)]
    for card in planned["cards"]:
        rows = _card(card, on_card(planned, card["index"]), scale, signs, ascii_only)
        heads = [names[card["index"]], *[""] * (len(rows) - 1)]
        lines += [pad(head, label) + row for head, row in zip(heads, rows, strict=True)]
    return [line.rstrip() for line in (*lines, *_notes(planned, signs))]


def axis(now: float, until: float, cells: int) -> str:
    """Times of day over the cells that they stand for, as many as have room."""
    scale = Scale(now, until, cells)
    return labelled(ticks(scale, _TICK_CELLS, _SHORTEST_TICK_S), cells, lambda at: moment(at, now), "now")


def _card(card: Told, items: Sequence[Told], scale: Scale, signs: Mapping[str, str], ascii_only: bool) -> list[str]:
    stacked = lanes(items, scale.cell_s / 2)
    empty = "." if ascii_only else "·"
    rows = [_lane(lane, scale, signs, empty) for lane in stacked[:MOST_LANES]] or [empty * scale.cells]
    if card["state"] != "ok" and not stacked:
        word = f" {clean(card['state'])} "
        rows[0] = rows[0][:2] + word + rows[0][2 + len(word) :]
    hidden = sum(len(lane) for lane in stacked[MOST_LANES:])
    return [*rows, f"and {counted(hidden, 'more job')} on it"] if hidden else rows


def _lane(items: Sequence[Told], scale: Scale, signs: Mapping[str, str], empty: str) -> str:
    row = [empty] * scale.cells
    for item in sorted(items, key=lambda item: item["start"]):
        begin, end = scale.cell(item["start"]), scale.cell(item["end"])
        begin = min(begin, scale.cells - 1)
        bar = _bar(item, max(1, end - begin), signs, begun=item["start"] <= scale.begin)
        row[begin : begin + len(bar)] = bar
    return "".join(row)[: scale.cells]


def _bar(item: Told, cells: int, signs: Mapping[str, str], *, begun: bool) -> list[str]:
    """Signs with the job's number in them; a bar that begins within the picture shows its beginning."""
    sign = signs.get(item["kind"], "?")
    bar = [sign] * cells
    if not begun and cells > 1:
        bar[0] = "["
    label = _label(item)
    if width(label) == len(label) <= cells - 2:
        bar[1 : 1 + len(label)] = label
    return bar


def _label(item: Told) -> str:
    if item["id"] is not None:
        return str(item["id"])
    return f"({clean(item['account'] or item['group'] or item['kind'])})"


def _notes(planned: Told, signs: Mapping[str, str]) -> list[str]:
    """What the signs mean, and what is beyond the picture."""
    kinds = {item["kind"] for item in planned["items"]}
    legend = "   ".join(
        f"{signs[kind]} {_SAYS[kind]}" for kind in ("running", "promised", "forecast", "slot") if kind in kinds
    )
    notes = [legend] if legend else ["Nothing runs and nothing is to start."]
    return ["", *notes, *beyond(planned)]


def beyond(planned: Told) -> list[str]:
    """What the picture cannot show: jobs without cards, and where knowledge ends."""
    notes, now = [], planned["now"]
    cardless = [item["kind"] for item in planned["items"] if not item["gpus"]]
    if cardless:
        runs = sum(kind == "running" for kind in cardless)
        notes.append(f"Without GPUs: {runs} running, {len(cardless) - runs} to start.")
    if planned["later"]:
        known = moment(planned["known_until"], now)
        notes.append(f"{counted(planned['later'], 'more pending job')}, not foreseen to start before {known}.")
    elif planned["known_until"] < planned["until"]:
        notes.append(f"The forecast ends at {moment(planned['known_until'], now)}.")
    return notes
