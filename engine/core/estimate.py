"""How long jobs run, from how long such jobs ran before: a quantile of history, never more than the time limit.

The most alike jobs that are known well enough decide: same account, kind and shape; else the part of their limit that
jobs of the account with as many GPUs used; else that of all its jobs. Quantiles, not means, as run times are heavy
tailed (Gaussier et al., SC 2015). Pure. This module must not know where history is kept.
"""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from engine.core.model import AccountName, GroupKey, Shape
from engine.core.snapshot import Lease

WINDOW = 50
"""So many of the last runs are remembered of what is alike."""
LEAST_RUNS = 3
"""Of fewer runs nothing is concluded."""
LEAST_S = 60.0
"""No job is expected to be shorter: a start takes its time too."""
MOST_KINDS = 200
"""So many kinds of each account are told apart, those that ran last: names that never come again make no groups."""
MOST_ALIKE = 1000
"""So many kinds and shapes of each account are remembered, those that ran last."""

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True, frozen=True, kw_only=True)
class Estimate:
    """Seconds that a job is expected to run, by `runs` earlier ones; alike: same kind and shape, not just its owner."""

    run_s: float
    runs: int
    alike: bool


class _Runs:
    """The last values of what is alike, and their quantile once it was asked for."""

    __slots__ = ("last", "typical")

    def __init__(self) -> None:
        self.last: deque[float] = deque(maxlen=WINDOW)
        self.typical: float | None = None

    def add(self, value: float) -> None:
        self.last.append(value)
        self.typical = None

    def quantile(self, part: float) -> float:
        if self.typical is None:
            self.typical = quantile(self.last, part)
        return self.typical


class History:
    """The last run times of each account. quantile: of them which is expected, 0 to 1; version: counts the changes."""

    def __init__(self, quantile: float = 0.5) -> None:
        self._quantile = quantile
        self._alike: dict[AccountName, dict[tuple[str, Shape], _Runs]] = {}
        self._parts: dict[tuple[AccountName, int | None], _Runs] = {}
        self._kinds: dict[AccountName, dict[str, None]] = {}
        self.version = 0

    def add(self, key: GroupKey, ran_s: float) -> None:
        """A job of `key` ran so many seconds, to its own end."""
        account, shape = key.owner.account, key.shape
        alike = self._alike.setdefault(account, {})
        for kind in dict.fromkeys((key.kind, "")):
            runs = alike.pop((kind, shape), None) or _Runs()
            runs.add(ran_s)
            _keep(alike, (kind, shape), runs, MOST_ALIKE)
        for gpus in (shape.gpus, None):
            self._parts.setdefault((account, gpus), _Runs()).add(ran_s / shape.time_limit_s)
        if key.kind:
            kinds = self._kinds.setdefault(account, {})
            kinds.pop(key.kind, None)
            _keep(kinds, key.kind, None, MOST_KINDS)
        self.version += 1

    def knows(self, account: AccountName, kind: str) -> bool:
        """Whether any job of that kind ran lately: of others it is no use to tell them apart."""
        return kind in self._kinds.get(account, ())

    def estimate(self, key: GroupKey) -> Estimate | None:
        """What history says of a job of `key`; `None`: nothing, so its limit counts."""
        account, limit_s = key.owner.account, float(key.shape.time_limit_s)
        alike = self._alike.get(account, {}).get((key.kind, key.shape))
        if alike is not None and len(alike.last) >= LEAST_RUNS:
            return self._told(alike, 1.0, limit_s, alike=True)
        for gpus in (key.shape.gpus, None):
            parts = self._parts.get((account, gpus))
            if parts is not None and len(parts.last) >= LEAST_RUNS:
                return self._told(parts, limit_s, limit_s, alike=False)
        return None

    def _told(self, runs: _Runs, unit_s: float, limit_s: float, *, alike: bool) -> Estimate:
        run_s = min(limit_s, max(LEAST_S, runs.quantile(self._quantile) * unit_s))
        return Estimate(run_s=run_s, runs=len(runs.last), alike=alike)


def _keep(latest: dict[K, V], key: K, value: V, most: int) -> None:
    """Put it last; beyond `most` the one that was put in longest ago goes."""
    latest[key] = value
    if len(latest) > most:
        del latest[next(iter(latest))]


def quantile(values: Iterable[float], part: float) -> float:
    """The `part`-quantile of at least one value: linear interpolation between closest ranks."""
    ascending = sorted(values)
    place = part * (len(ascending) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (ascending[above] - ascending[below]) * (place - below)


OVERDUE_S = 60.0
"""A lease past its time limit is taken to end so much later than now."""


def foreseen_end(lease: Lease, now: float) -> float:
    """When a lease ends, as far as can be foreseen at `now` (Unix seconds).

    A run that outlasts its expectation is expected to take twice as long, and again, up to its limit: estimates grow
    by steps, so that they cannot creep ahead of now for ever (Tsafrir et al. 2007).
    """
    end = lease.expected_end
    if lease.ending:
        return end if end > now else now + OVERDUE_S
    expected_s = max(LEAST_S, end - lease.started_at)
    while end <= now and end < lease.limit_end:
        expected_s *= 2
        end = min(lease.started_at + expected_s, lease.limit_end)
    return end if end > now else now + OVERDUE_S


def latest_end(lease: Lease, now: float) -> float:
    """When a lease ends at the latest: at its limit, or with its grace."""
    end = lease.expected_end if lease.ending else max(lease.limit_end, lease.expected_end)
    return end if end > now else now + OVERDUE_S
