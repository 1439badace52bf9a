"""The cursor on the plan's picture: which bar it is on, and where a step leads. Pure; must not know keys."""

from collections.abc import Sequence

from rcq_tui.viewmodel.lanes import Told
from rcq_tui.viewmodel.planbars import Viewer
from rcq_tui.viewmodel.planchart import Chart, Spot
from rcq_tui.viewmodel.planwords import own_starts

Key = tuple[object, ...]


def found(chart: Chart, key: Key | None, near: Spot | None) -> Spot | None:
    """The bar of that key; when it is gone or out of sight, the one that is nearest to where it was."""
    spots = chart.all_spots()
    exact = next((spot for spot in spots if spot.key == key), None)
    if exact is not None or near is None or not spots:
        return exact
    return min(spots, key=lambda spot: (abs(spot.card - near.card), abs(spot.lane - near.lane), _away(spot, near)))


def first(chart: Chart, planned: Told, viewer: Viewer) -> Spot | None:
    """Where the cursor is at first: on the viewer's next start, else on what runs of theirs, else on any bar."""
    spots = chart.all_spots()
    starting = [id(item) for item in own_starts(planned, viewer)[:1]]
    wanted = [spot for spot in spots if id(spot.item) in starting]
    own = [spot for spot in spots if viewer.owns(spot.item)]
    return next(iter([*wanted, *own, *spots]), None)


def beside(chart: Chart, spot: Spot, by: int) -> Spot | None:
    """The next bar (`by` 1) or the one before (-1) in its lane, `None` at the end."""
    lane = _lane_of(chart, spot)
    at = next((at for at, one in enumerate(lane) if one.key == spot.key), None)
    wanted = None if at is None else at + by
    return lane[wanted] if wanted is not None and 0 <= wanted < len(lane) else None


def across(chart: Chart, spot: Spot, by: int) -> Spot:
    """The nearest bar so many lanes further down (or up, below 0); empty lanes are skipped."""
    filled = [lane for lane in chart.spots if lane]
    at = next((at for at, lane in enumerate(filled) if any(one.key == spot.key for one in lane)), 0)
    lane = filled[min(len(filled) - 1, max(0, at + by))] if filled else []
    return min(lane, key=lambda one: _away(one, spot)) if lane else spot


def next_start(planned: Told, viewer: Viewer, after: Told | None) -> Told | None:
    """The viewer's next job to start after that item, the first one again after the last."""
    starts = [item for item in own_starts(planned, viewer) if item["gpus"]]
    if after is not None and viewer.owns(after):
        at = next((at for at, item in enumerate(starts) if item["id"] == after["id"]), None)
        if at is not None:
            return starts[(at + 1) % len(starts)]
    return starts[0] if starts else None


def _lane_of(chart: Chart, spot: Spot) -> Sequence[Spot]:
    return next((lane for lane in chart.spots if any(one.key == spot.key for one in lane)), ())


def _away(spot: Spot, other: Spot) -> int:
    """Cells between the begin of another bar and this one."""
    at = other.begin
    return 0 if spot.begin <= at < spot.end else min(abs(spot.begin - at), abs(spot.end - at))
