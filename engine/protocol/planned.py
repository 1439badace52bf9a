"""What the engine answers about the planned future: who is on which card until when, and who comes then.

Front end and engine share it; times are Unix seconds. Must not know how any of it is found or shown.
"""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class PlanItem:
    """Something on the cards from `start` to `end` (Unix seconds); what the caller may not know is `None`.

    kind: `running`, `promised`, `forecast` (who waits in Slurm's queue, too) or `slot` (a booked reservation).
    basis: what `end` rests on: `time limit` or `history`, `booked` for slots. gpus: indices; empty for jobs that
    need none.
    """

    kind: str
    id: int | None
    name: str | None
    account: str | None
    group: str | None
    gpus: list[int]
    start: float
    end: float
    basis: str
    redacted: bool = False


@dataclass(slots=True, kw_only=True)
class PlanCard:
    """A row of the plan's picture. node: the machine of the cluster that it is in; `None` in this host."""

    index: int
    uuid: str
    model: str
    state: str
    node: str | None = None


@dataclass(slots=True, kw_only=True)
class Planned:
    """The planned future from `now` to `until`; known_until: from then on the forecast says nothing (Unix seconds).

    later: how many pending jobs start after that. items: by start.
    """

    now: float
    until: float
    known_until: float
    later: int
    cards: list[PlanCard]
    items: list[PlanItem]
