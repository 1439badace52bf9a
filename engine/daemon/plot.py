"""Draws simulated schedules as one SVG picture: utilisation over time above, waits below, a curve for each policy.

Plain text, no library. Light paper, or dark where the viewer's system is dark. Must not know how a schedule came about.
"""

import math
from collections.abc import Callable, Sequence
from html import escape

from engine.core.trace import Ran
from engine.daemon.curves import Curve, busy_over_time, waited_at_most

WIDTH, PANEL_H, LEFT, RIGHT, TOP, GAP = 960, 250, 74, 24, 84, 92
LEGEND_COLUMN = 220
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
WAIT_TICKS = (
    (1.0, "1 s"), (10.0, "10 s"), (MINUTE, "1 min"), (10 * MINUTE, "10 min"), (HOUR, "1 h"), (6 * HOUR, "6 h"),
    (DAY, "1 d"), (7 * DAY, "7 d"), (30 * DAY, "30 d"), (180 * DAY, "180 d"),
)  # fmt: skip

LIGHT = ("#0072b2", "#d55e00", "#00805f", "#a8488c", "#7a6000", "#3a3a3a", "#c2185b", "#1f8fb5")
DARK = ("#5ab4f0", "#ff9a4d", "#3ddba8", "#e69fcb", "#f0d04a", "#d0d0d0", "#ff7aa8", "#7fe0f5")
DASHES = ("none", "7 3", "2 2", "9 3 2 3", "none", "7 3", "2 2", "9 3 2 3")

_STYLE = """
svg {{ font: 13px system-ui, "DejaVu Sans", sans-serif; }}
.paper {{ fill: #ffffff; }} text {{ fill: #222222; }} .soft {{ fill: #555555; }}
.grid {{ stroke: #dddddd; }} .axis {{ stroke: #555555; }} .curve {{ fill: none; stroke-width: 1.8; }}
{light}
@media (prefers-color-scheme: dark) {{
.paper {{ fill: #16181d; }} text {{ fill: #e8e8e8; }} .soft {{ fill: #aaaaaa; }}
.grid {{ stroke: #33363d; }} .axis {{ stroke: #9a9a9a; }}
{dark}
}}
"""

Place = Callable[[float, float], tuple[float, float]]


def picture(title: str, schedules: Sequence[tuple[str, Sequence[Ran]]], cards: int) -> str:
    """The picture of named schedules on `cards` equal cards, as SVG text."""
    until_s = max(ran.end_s for _, schedule in schedules for ran in schedule)
    legend_h = 20 * math.ceil(len(schedules) / _columns())
    above = TOP + legend_h
    below = above + PANEL_H + GAP
    height = below + PANEL_H + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_style()}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        _text(LEFT, 28, title, size=16),
        *_legend([name for name, _ in schedules], 52),
        *_utilisation([busy_over_time(schedule, cards, until_s) for _, schedule in schedules], above, until_s, cards),
        *_waits([waited_at_most(schedule) for _, schedule in schedules], below),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _columns() -> int:
    return (WIDTH - LEFT - RIGHT) // LEGEND_COLUMN


def _style() -> str:
    def rules(colours: Sequence[str]) -> str:
        return "\n".join(
            f".c{at} {{ stroke: {colour}; stroke-dasharray: {dash}; }}"
            for at, (colour, dash) in enumerate(zip(colours, DASHES, strict=True))
        )

    return _STYLE.format(light=rules(LIGHT), dark=rules(DARK))


def _legend(names: Sequence[str], top: float) -> list[str]:
    drawn = []
    for at, name in enumerate(names):
        x, y = LEFT + at % _columns() * LEGEND_COLUMN, top + at // _columns() * 20
        drawn.append(f'<path class="curve c{at % len(LIGHT)}" d="M{x} {y - 4}h30"/>')
        drawn.append(_text(x + 38, y, name))
    return drawn


def _utilisation(curves: Sequence[Curve], top: float, until_s: float, cards: int) -> list[str]:
    unit_s, unit = _unit(until_s)

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + x / until_s * _panel_w(), top + PANEL_H * (1 - min(1.0, y))

    step = _round_step(until_s / unit_s)
    ticks = [(at * step * unit_s, f"{at * step:g}") for at in range(int(until_s / unit_s / step) + 1)]
    title = f"GPUs in use, % of {cards}, averaged over {_about(until_s / 160)}"
    return [*_frame(title, f"time since the first submission, {unit}", top, place, ticks), *_curves(curves, place)]


def _waits(curves: Sequence[Curve], top: float) -> list[str]:
    """The axis of waits is logarithmic from 1 s on; who waited less stands at its left end."""
    longest = max(WAIT_TICKS[1][0], *(curve[-1][0] for curve in curves))

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + math.log(max(1.0, x)) / math.log(longest) * _panel_w(), top + PANEL_H * (1 - y)

    ticks = [(at, label) for at, label in WAIT_TICKS if at <= longest]
    stepped = [[(curve[0][0], 0.0), *curve, (longest, 1.0)] for curve in curves]
    return [
        *_frame("Jobs that waited at most so long, % of all", "wait (logarithmic)", top, place, ticks),
        *_curves(stepped, place),
    ]


def _frame(title: str, below: str, top: float, place: Place, ticks: Sequence[tuple[float, str]]) -> list[str]:
    """Grid, axes and their words; the vertical axis is percent."""
    drawn = [_text(LEFT, top - 12, title)]
    for percent in (0, 25, 50, 75, 100):
        _, y = place(0.0, percent / 100)
        drawn.append(f'<path class="grid" d="M{LEFT} {y:.1f}h{_panel_w()}"/>')
        drawn.append(_text(LEFT - 8, y + 4, f"{percent} %", anchor="end", soft=True))
    for at, label in ticks:
        x, y = place(at, 0.0)
        drawn.append(f'<path class="grid" d="M{x:.1f} {top}v{PANEL_H}"/>')
        drawn.append(_text(x, y + 18, label, anchor="middle", soft=True))
    drawn.append(f'<path class="axis" fill="none" d="M{LEFT} {top}v{PANEL_H}h{_panel_w()}"/>')
    drawn.append(_text(LEFT + _panel_w() / 2, top + PANEL_H + 38, below, anchor="middle", soft=True))
    return drawn


def _curves(curves: Sequence[Curve], place: Place) -> list[str]:
    drawn = []
    for at, curve in enumerate(curves):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in curve))
        drawn.append(f'<polyline class="curve c{at % len(LIGHT)}" points="{points}"/>')
    return drawn


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 13, soft: bool = False) -> str:
    kind = ' class="soft"' if soft else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'


def _panel_w() -> int:
    return WIDTH - LEFT - RIGHT


def _unit(span_s: float) -> tuple[float, str]:
    """The unit in which a span is easiest read."""
    for unit_s, name in ((DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes")):
        if span_s >= 3 * unit_s:
            return unit_s, name
    return 1.0, "seconds"


def _about(span_s: float) -> str:
    unit_s, name = _unit(span_s)
    return f"{span_s / unit_s:.1f} {name}"


def _round_step(length: float) -> float:
    """1, 2 or 5 times a power of ten: about eight ticks on the axis."""
    rough = length / 8
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
