"""Which part of time the plan's picture shows, and how one goes through it.

Pure: `now` is an argument. Must not know what is drawn.
"""

import time
from dataclasses import dataclass, replace

from rcq_tui.viewmodel.lanes import Told
from rcq_tui.viewmodel.timeaxis import Scale

_HOUR = 3600.0
_HOURS = {"10m": 1 / 6, "30m": 0.5, "1h": 1, "3h": 3, "6h": 6, "12h": 12, "24h": 24, "3d": 72, "7d": 168}
SPANS = tuple((name, hours * _HOUR) for name, hours in _HOURS.items())
"""What fits into the picture: names and seconds."""
USUAL = 5
_ASKED_H = (24.0, 72.0, 168.0, 336.0, 720.0, 2160.0)
"""Hours that are asked for: few different ones, so that a step through time is no question to the engine."""
_STEPS = 24
"""The picture begins at a multiple of this part of it: what stands still is not drawn again because time goes on."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Look:
    """zoom: of SPANS. shift_s: seconds by which the picture begins later than the one with now at its left."""

    zoom: int = USUAL
    shift_s: float = 0.0

    @property
    def name(self) -> str:
        """How much time fits in."""
        return SPANS[self.zoom][0]

    @property
    def span_s(self) -> float:
        """Seconds that fit in."""
        return SPANS[self.zoom][1]

    def begin(self, now: float) -> float:
        """Unix seconds at the left edge."""
        step = self.span_s / _STEPS
        return (now // step - 1) * step + self.shift_s

    def scale(self, now: float, cells: int) -> Scale:
        """Time onto so many cells."""
        begin = self.begin(now)
        return Scale(begin, begin + self.span_s, max(1, cells))

    def shows(self, at: float, now: float) -> bool:
        """Whether the instant is in the picture."""
        return self.begin(now) <= at < self.begin(now) + self.span_s


def fitting(planned: Told) -> Look:
    """The least time that has all that runs and is to start, but no more than usual."""
    ends = [item["end"] - planned["now"] for item in planned["items"] if item["kind"] != "slot"]
    wanted = max(ends, default=SPANS[USUAL][1]) * _STEPS / (_STEPS - 2)
    return Look(zoom=next((at for at, (_, span) in enumerate(SPANS[:USUAL]) if span >= wanted), USUAL))


def zoomed(look: Look, by: int, now: float, around: float | None = None) -> Look:
    """More time in the picture (`by` 1) or less (-1); `around` stays in it, else what was in the middle.

    A picture that begins now goes on beginning now.
    """
    zoom = min(len(SPANS) - 1, max(0, look.zoom + by))
    wanted = replace(look, zoom=zoom)
    middle = look.begin(now) + look.span_s / 2 if around is None else around
    if look.shift_s == 0 and (around is None or replace(wanted, shift_s=0.0).shows(around, now)):
        return replace(wanted, shift_s=0.0)
    return to_see(replace(wanted, shift_s=0.0), middle, now)


def to_see(look: Look, at: float, now: float) -> Look:
    """The nearest look that has the instant in its picture, with some of what comes before."""
    if look.shows(at, now):
        return look
    lead = at - look.span_s / 4 - replace(look, shift_s=0.0).begin(now)
    return replace(look, shift_s=_stepped(look, lead))


def moved(look: Look, part: float, planned: Told) -> Look:
    """Later by a part of the picture, or earlier; not beyond what is known."""
    now, items = planned["now"], planned["items"]
    last = max([planned["known_until"], *(item["end"] for item in items)])
    first = min([now, *(item["start"] for item in items)])
    home = replace(look, shift_s=0.0).begin(now)
    shift = look.shift_s + part * look.span_s
    highest = max(0.0, last - look.span_s / 2 - home, look.shift_s if part < 0 else 0.0)
    lowest = min(0.0, first - look.span_s / _STEPS - home)
    return replace(look, shift_s=_stepped(look, min(highest, max(lowest, shift))))


def _stepped(look: Look, shift_s: float) -> float:
    step = look.span_s / _STEPS
    return round(shift_s / step) * step


def hours(look: Look, now: float) -> float:
    """How far ahead the engine is to be asked, so that the picture is full."""
    wanted = (look.begin(now) + look.span_s - now) / _HOUR
    return next((one for one in _ASKED_H if one >= wanted), _ASKED_H[-1])


def says(at: float) -> str:
    """A time on the axis: the day at midnight, else the time of day."""
    local = time.localtime(at)
    midnight = (local.tm_hour, local.tm_min) == (0, 0)
    return f"{time.strftime('%a', local)} {local.tm_mday}" if midnight else time.strftime("%H:%M", local)
