"""A job's way as a picture in a line, from its submission to now or its end, and its attempts in words.

Pure: `now` and widths are arguments. Must not know what draws it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from engine.protocol.responses import AttemptView, JobDetail
from rcq_tui.viewmodel.formats import duration, exact, moment
from rcq_tui.viewmodel.measures import energy
from rcq_tui.viewmodel.queue import ending
from rcq_tui.viewmodel.states import FINISHED, colour, symbol
from rcq_tui.viewmodel.text import clean

Line = list[tuple[str, str]]

MOST_ATTEMPTS = 12
"""In words, the last ones."""

_SIGNS = {"waited": ("·", "."), "ran": ("━", "="), "paused": ("╍", "~")}
_ROLES = {"waited": "info", "ran": "busy", "paused": "warn"}


class Part(NamedTuple):
    """What it did from one instant to another, Unix seconds: `waited`, `ran` or `paused`."""

    did: str
    begin: float
    end: float


def parts(job: JobDetail, now: float) -> list[Part]:
    """Its way so far, without gaps."""
    found: list[Part] = []
    at = job.submitted_at
    for begin, end in _runs(job, now):
        if begin > at:
            found.append(Part("waited", at, begin))
        if job.paused_since is not None and begin <= job.paused_since < end:
            found += [Part("ran", begin, job.paused_since), Part("paused", job.paused_since, end)]
        else:
            found.append(Part("ran", begin, end))
        at = end
    last = job.ended_at or now
    return [*found, Part("waited", at, last)] if last > at or not found else found


def _runs(job: JobDetail, now: float) -> list[tuple[float, float]]:
    runs = [(one.started_at, one.ended_at) for one in job.attempts if one.started_at is not None]
    if job.started_at is not None and job.started_at not in {begin for begin, _ in runs}:
        runs.append((job.started_at, job.ended_at or now))
    return sorted(runs)


def picture(job: JobDetail, now: float, cells: int, *, ascii_only: bool = False) -> list[Line]:
    """The way in one line of so many cells, and below it the times at which something began."""
    way = parts(job, now)
    begin, end = way[0].begin, way[-1].end
    scale = (cells - 1) / max(1e-9, end - begin)
    edges = [round((part.begin - begin) * scale) for part in way] + [cells - 1]
    for at in range(1, len(edges)):  # whatever it did is to be seen, however short it was
        edges[at] = max(edges[at], min(cells - 1, edges[at - 1] + 1))
    which = 1 if ascii_only else 0
    line: Line = [
        (_SIGNS[part.did][which] * (edges[at + 1] - edges[at]), _ROLES[part.did]) for at, part in enumerate(way)
    ]
    line.append((symbol(job.state, ascii_only=ascii_only), colour(job.state)))
    return [[piece for piece in line if piece[0]], [(_labels(job, way, edges, cells, now), "quiet")]]


def _labels(job: JobDetail, way: Sequence[Part], edges: Sequence[int], cells: int, now: float) -> str:
    over = job.state in FINISHED
    last = ("ended " if over else "now ") + moment(way[-1].end, now)
    text = f"submitted {moment(way[0].begin, now)}"
    for part, edge in zip(way[1:], edges[1:], strict=False):
        verb = {"ran": "started", "paused": "paused", "waited": "queued again"}[part.did]
        label = f"{verb} {moment(part.begin, now)}"
        at = max(edge, len(text) + 2)
        if at + len(label) + 2 + len(last) <= cells:
            text = text.ljust(at) + label
    room = cells - len(text) - len(last)
    return text + " " * room + last if room >= 1 else text


def attempt_lines(job: JobDetail, now: float, *, ascii_only: bool = False) -> list[Line]:
    """A line for each attempt; none where the job's own line says all of it."""
    over = job.attempts[-MOST_ATTEMPTS:]
    if len(job.attempts) <= 1 and job.state in FINISHED:
        return []
    lines = [_attempt(job, one, now, ascii_only) for one in over]
    if len(job.attempts) > len(over):
        lines.insert(0, [(f"and {len(job.attempts) - len(over)} before: rcq show {job.id} --json has all", "quiet")])
    if lines and job.state not in FINISHED:
        sign = symbol(job.state, ascii_only=ascii_only)
        since = job.started_at
        said = "waits for its next start" if since is None else f"runs since {exact(since)}"
        number = job.attempt if since is not None else job.attempt + 1
        lines.append([(f"{sign} {number}  ", colour(job.state)), (said, "text")])
    return lines


def _attempt(job: JobDetail, one: AttemptView, now: float, ascii_only: bool) -> Line:
    ended = replace(job, state=one.state, cause=one.cause, exit_code=one.exit_code, signal=one.signal)
    how = ending(ended)
    said = clean(one.state) + (f" ({how})" if how and how != one.state else "")
    if one.started_at is not None:
        said += f" after {duration(one.ended_at - one.started_at)}"
    if one.node is not None:
        said += f" on {clean(one.node)}"
    elif one.gpu_indices and not one.place:  # in the cluster's queue it had none of those it was planned on
        said += f" on GPU {','.join(map(str, one.gpu_indices))}"
    used = f", {energy(one.measures.energy_kwh)}" if one.measures is not None else ""
    because = f": {clean(one.message)}" if one.message else ""
    sign = symbol(one.state, ascii_only=ascii_only)
    return [
        (f"{sign} {one.attempt}  ", colour(one.state)),
        (said, "text"),
        (f", ended {moment(one.ended_at, now)}{used}{because}", "quiet"),
    ]
