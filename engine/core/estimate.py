"""How long jobs run, from how long such jobs ran before: a quantile of history, never more than the time limit.

The most alike jobs that are known well enough decide: same account, kind and shape; else the part of their limit that
jobs of the account with as many GPUs used; else that of all its jobs. Quantiles, not means, as run times are heavy
tailed (Gaussier et al., SC 2015). Pure. This module must not know where history is kept.
"""

import math
from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

from engine.core.model import AccountName, GroupKey
from engine.core.snapshot import Lease

WINDOW = 50
"""So many of the last runs are remembered of what is alike."""
LEAST_RUNS = 3
"""Of fewer runs nothing is concluded."""
LEAST_S = 60.0
"""No job is expected to be shorter: a start takes its time too."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Estimate:
    """Seconds that a job is expected to run, by `runs` earlier ones; alike: same kind and shape, not just its owner."""

    run_s: float
    runs: int
    alike: bool


class History:
    """The last run times of each account. quantile: of them which is expected, 0 to 1; version: counts the changes."""

    def __init__(self, quantile: float = 0.5) -> None:
        self._quantile = quantile
        self._runs: dict[Hashable, deque[float]] = {}
        self._kinds: set[tuple[AccountName, str]] = set()
        self.version = 0

    def add(self, key: GroupKey, ran_s: float) -> None:
        """A job of `key` ran so many seconds, to its own end."""
        account, shape = key.owner.account, key.shape
        part = ran_s / shape.time_limit_s
        for about, value in (
            ((account, key.kind, shape), ran_s),
            ((account, shape.gpus), part),
            (account, part),
        ):
            self._runs.setdefault(about, deque(maxlen=WINDOW)).append(value)
        if key.kind:
            self._kinds.add((account, key.kind))
            if (plain := replace(key, kind="")) != key:
                self._runs.setdefault((account, "", plain.shape), deque(maxlen=WINDOW)).append(ran_s)
        self.version += 1

    def knows(self, account: AccountName, kind: str) -> bool:
        """Whether any job of that kind ran: of others it is no use to tell them apart."""
        return (account, kind) in self._kinds

    def estimate(self, key: GroupKey) -> Estimate | None:
        """What history says of a job of `key`; `None`: nothing, so its limit counts."""
        account, limit_s = key.owner.account, key.shape.time_limit_s
        for about, unit_s in (
            ((account, key.kind, key.shape), 1.0),
            ((account, key.shape.gpus), limit_s),
            (account, limit_s),
        ):
            runs = self._runs.get(about, ())
            if len(runs) >= LEAST_RUNS:
                run_s = quantile(runs, self._quantile) * unit_s
                bounded = min(float(limit_s), max(LEAST_S, run_s))
                return Estimate(run_s=bounded, runs=len(runs), alike=isinstance(about, tuple) and len(about) == 3)
        return None


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
