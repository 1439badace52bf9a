"""What a simulated planner is told of run times, and what it learns from those that ended.

Pure. This module must not know what is made of it.
"""

from collections.abc import Iterable, Sequence

from engine.core.estimate import History
from engine.core.model import GroupKey, GroupName
from engine.core.trace import Estimates, TraceJob


class Knowledge:
    """Expected run times by key. trace: told beforehand where the truth is asked for (its keys are distinct then).

    quantile: of earlier runs which is expected.
    """

    def __init__(self, told: Estimates, trace: Sequence[TraceJob], quantile: float = 0.5) -> None:
        self._told = told
        self._truth = {job.key: job.runtime_s for job in trace} if told is Estimates.ACTUAL else {}
        self._history = History(quantile)
        self._last: dict[GroupName, list[float]] = {}
        self._known: dict[GroupKey, float] = {}
        self._known_at = -1

    def learn(self, job: TraceJob) -> None:
        """A job ran to its own end."""
        if self._told is Estimates.HISTORY:
            self._history.add(job.key, job.runtime_s)
        elif self._told is Estimates.LAST2:
            runs = self._last.setdefault(job.key.owner.group, [])
            runs.append(job.runtime_s)
            del runs[:-2]

    def of(self, keys: Iterable[GroupKey]) -> dict[GroupKey, float]:
        """Seconds that jobs of these keys are expected to run; those that are not there: their limit."""
        if self._told is Estimates.ACTUAL:
            return self._truth
        if self._told is Estimates.HISTORY:
            return self._by_history(keys)
        means = {group: sum(runs) / len(runs) for group, runs in self._last.items()}
        known = ((key, means[key.owner.group]) for key in keys if key.owner.group in means)
        return {key: min(run_s, float(key.shape.time_limit_s)) for key, run_s in known}

    def _by_history(self, keys: Iterable[GroupKey]) -> dict[GroupKey, float]:
        if self._history.version != self._known_at:
            self._known = {}
            self._known_at = self._history.version
        for key in keys:
            if key not in self._known:
                found = self._history.estimate(key)
                self._known[key] = found.run_s if found else float(key.shape.time_limit_s)
        return self._known
