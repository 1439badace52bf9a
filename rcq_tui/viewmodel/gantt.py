"""The planned future as a picture out of characters: a row for each card, time to the right.

Pure: `now` and the width come with what is drawn. Must not know what draws it; light enough for the command line.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rcq_tui.viewmodel.formats import counted, moment
from rcq_tui.viewmodel.text import clean, width

Told = Mapping[str, Any]

LABEL = 8
"""Cells before the time begins: `GPU 12  `."""
LEAST = 40
"""A picture is never narrower than so many cells."""
MOST_LANES = 6
"""Jobs that share a card stand under each other, so many at most."""
_STEPS_S = (300, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800)
_TICK_CELLS = 12

KINDS = ("running", "slot", "promised", "forecast")
"""In the order in which they get the upper lanes."""
_SIGNS = {"running": "█", "promised": "▓", "forecast": "▒", "slot": "░"}
_ASCII_SIGNS = {"running": "#", "promised": "=", "forecast": "-", "slot": ":"}
_SAYS = {"running": "runs", "promised": "promised", "forecast": "foreseen", "slot": "booked"}


class _Scale(NamedTuple):
    """Time onto cells."""

    now: float
    until: float
    cells: int

    def cell(self, at: float) -> int:
        """The cell of an instant, within the picture."""
        part = (at - self.now) / (self.until - self.now)
        return min(self.cells, max(0, round(part * self.cells)))


def gantt(planned: Told, total: int, *, ascii_only: bool = False) -> list[str]:
    """The whole picture in lines of at most `total` cells: hours, cards, what the signs mean, what is not shown."""
    now = planned["now"]
    scale = _Scale(now, planned["until"], max(LEAST, total) - LABEL)
    signs = _ASCII_SIGNS if ascii_only else _SIGNS
    lines = [" " * LABEL + axis(scale.now, scale.until, scale.cells)]
    for card in planned["cards"]:
        mine = [item for item in planned["items"] if card["index"] in item["gpus"]]
        lines += _card(card, mine, scale, signs, ascii_only)
    return [line.rstrip() for line in (*lines, *_notes(planned, signs, now))]


def axis(now: float, until: float, cells: int) -> str:
    """Times of day over the cells that they stand for, as many as have room."""
    span = until - now
    step = next((one for one in _STEPS_S if one / span * cells >= _TICK_CELLS), _STEPS_S[-1])
    shift = time.localtime(now).tm_gmtoff
    line = "now"
    at = (int(now + shift) // step + 1) * step - shift
    while at < until:
        cell, label = round((at - now) / span * cells), moment(at, now)
        if cell > len(line) and cell + len(label) <= cells:
            line = line.ljust(cell) + label
        at += step
    return line


def _card(card: Told, items: Sequence[Told], scale: _Scale, signs: Mapping[str, str], ascii_only: bool) -> list[str]:
    lanes = _lanes(items, scale)
    empty = "." if ascii_only else "·"
    rows = [_lane(lane, scale, signs, empty) for lane in lanes[:MOST_LANES]] or [empty * scale.cells]
    if card["state"] != "ok" and not lanes:
        word = f" {clean(card['state'])} "
        rows[0] = rows[0][:2] + word + rows[0][2 + len(word) :]
    hidden = sum(len(lane) for lane in lanes[MOST_LANES:])
    more = [" " * LABEL + f"and {counted(hidden, 'more job')} on it"] if hidden else []
    labels = [f"GPU {card['index']}", *[""] * (len(rows) - 1)]
    return [*(f"{label:<{LABEL}}{row}" for label, row in zip(labels, rows, strict=True)), *more]


def _lanes(items: Sequence[Told], scale: _Scale) -> list[list[Told]]:
    """Items that do not overlap share a lane; what runs comes first."""
    lanes: list[list[Told]] = []
    order = sorted(items, key=lambda item: (_rank(item), item["start"], item["id"] or 0))
    for item in order:
        for lane in lanes:
            if all(_apart(item, other, scale) for other in lane):
                lane.append(item)
                break
        else:
            lanes.append([item])
    return lanes


def _rank(item: Told) -> int:
    """Kinds that this version does not know come last."""
    return KINDS.index(item["kind"]) if item["kind"] in KINDS else len(KINDS)


def _apart(one: Told, other: Told, scale: _Scale) -> bool:
    """Whether two items overlap by less than a cell: rounding must not open a lane."""
    slack = (scale.until - scale.now) / scale.cells / 2
    return bool(one["end"] <= other["start"] + slack or other["end"] <= one["start"] + slack)


def _lane(items: Sequence[Told], scale: _Scale, signs: Mapping[str, str], empty: str) -> str:
    row = [empty] * scale.cells
    for item in sorted(items, key=lambda item: item["start"]):
        begin, end = scale.cell(item["start"]), scale.cell(item["end"])
        begin = min(begin, scale.cells - 1)
        bar = _bar(item, max(1, end - begin), signs, begun=item["start"] <= scale.now)
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


def _notes(planned: Told, signs: Mapping[str, str], now: float) -> list[str]:
    """What the signs mean, jobs without cards, and where knowledge ends."""
    kinds = {item["kind"] for item in planned["items"]}
    legend = "   ".join(
        f"{signs[kind]} {_SAYS[kind]}" for kind in ("running", "promised", "forecast", "slot") if kind in kinds
    )
    notes = [legend] if legend else ["Nothing runs and nothing is to start."]
    cardless = [item["kind"] for item in planned["items"] if not item["gpus"]]
    if cardless:
        runs = sum(kind == "running" for kind in cardless)
        notes.append(f"Without GPUs: {runs} running, {len(cardless) - runs} to start.")
    if planned["later"]:
        known = moment(planned["known_until"], now)
        notes.append(f"{counted(planned['later'], 'more pending job')}, not foreseen to start before {known}.")
    elif planned["known_until"] < planned["until"]:
        notes.append(f"The forecast ends at {moment(planned['known_until'], now)}.")
    return ["", *notes]
