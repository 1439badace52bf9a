"""What happened to an account's jobs since it was last told, bounded, until it is told.

Owned by the event loop. Must not know what the account chose, nor how anything is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core.lifecycle import JobState

MOST_JOBS = 1000
"""Jobs that are remembered by their ids; of more, only how many they were."""
MOST_WARNINGS = 100


@dataclass(slots=True, kw_only=True)
class Heap:
    """jobs: how the last attempt of each ended. more: jobs beyond, by state. warnings: notices with their job."""

    jobs: dict[int, JobState] = field(default_factory=dict)
    more: dict[JobState, int] = field(default_factory=dict)
    warnings: list[Mapping[str, Any]] = field(default_factory=list)
    more_warnings: int = 0

    def __bool__(self) -> bool:
        return bool(self.jobs or self.more or self.warnings or self.more_warnings)

    def job(self, number: int, state: JobState) -> None:
        """An attempt of a job came to its end, as `state`."""
        if number in self.jobs or len(self.jobs) < MOST_JOBS:
            self.jobs[number] = state
        else:
            self.more[state] = self.more.get(state, 0) + 1

    def warning(self, told: Mapping[str, Any]) -> None:
        """A notice was raised. What was said already, of the same card for several jobs, is said once."""
        about = _about(told)
        if any(_about(one) == about for one in self.warnings):
            return
        if len(self.warnings) < MOST_WARNINGS:
            self.warnings.append(told)
        else:
            self.more_warnings += 1


def _about(told: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(told.get(name) for name in ("code", "job", "gpu", "pid"))
