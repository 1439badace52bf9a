"""The jobs' units that systemd is known to have, as the launcher tells of them.

Must not know what is done about any of them.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.core.model import JobId
from engine.executor.launcherlink import Told
from engine.executor.unitstate import Unit

GROUP = re.compile(
    r"^[0-9]+:[^:\n]*:/rcq\.slice/rcq-jobs\.slice/rcq-job-([0-9]+)\.(?:service|scope)(?:/|$)", re.MULTILINE
)
"""In what /proc tells of a process. From the root on: people name groups below their own log-in as they like."""


class UnitBook:
    """changed: hears of a unit's news; gone: of the name of one that is no more."""

    def __init__(self, changed: Callable[[Unit], None], gone: Callable[[str], None]) -> None:
        self._changed = changed
        self._gone = gone
        self._units: dict[str, Unit] = {}

    def heard(self, told: Told) -> None:
        """News of one unit."""
        unit, name = Unit.of(told), str(told.get("unit"))
        if unit is not None:
            # news may be older than an answer that was quicker: a unit never goes back
            if self.newer(unit) is unit:
                self._changed(unit)
        elif self._units.pop(name, None) is not None:
            self._gone(name)

    def listed(self, told: Sequence[Told]) -> None:
        """All units there are; what is not among them is gone."""
        names = {str(one.get("unit")) for one in told}
        for name in [one for one in self._units if one not in names]:
            self.heard({"unit": name})
        for one in told:
            self.heard(one)

    def all(self) -> list[Unit]:
        """Every one, by its last news."""
        return list(self._units.values())

    def of(self, job: JobId) -> list[Unit]:
        """Those of one job."""
        return [one for one in self._units.values() if one.job == job]

    def one(self, job: JobId, attempt: int) -> Unit | None:
        """That of one attempt."""
        return next((one for one in self.of(job) if one.attempt == attempt), None)

    def newer(self, unit: Unit) -> Unit:
        """What was heard of it or `unit`, whichever is further along; that is known of it from now on."""
        heard = self._units.get(unit.name)
        if heard is not None and heard.attempt == unit.attempt and heard.phase.value > unit.phase.value:
            return heard
        self._units[unit.name] = unit
        return unit


def job_of(pid: int) -> JobId | None:
    """In which job's unit a process is, by its control group; `None` for a stranger's. Any thread."""
    try:
        told = Path(f"/proc/{pid}/cgroup").read_text()
    except (OSError, ValueError):  # a name in there need not be text
        return None
    found = GROUP.search(told)
    return JobId(found[1]) if found else None
