"""Two hundred jobs of four people in three groups, as files for `rcq ingest`: what each asks for and how it has to end.

Must not know who runs them.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.slurm.lab import Lab

PEOPLE = {"ann": "bio", "ben": "bio", "cat": "chem", "dan": "phys"}
QUOTAS = {"bio": ("--gpus", "2"), "chem": ("--jobs", "4"), "phys": ("--cores", "6")}
EACH = 50
ARRAY = 10
"""Elements of dan's last job: with them a file is EACH jobs long."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Wanted:
    """How one job has to end. code: its exit code; says: what its log has to be."""

    code: int
    says: str


@dataclass(slots=True, kw_only=True)
class Day:
    """Everybody's file, and what is to come of it. wanted: by the jobs' own keys."""

    files: dict[str, str] = field(default_factory=dict)
    wanted: dict[str, Wanted] = field(default_factory=dict)


def made(lab: Lab) -> Day:
    """Some with one card or two, of one type or any, most without; some fail; priorities of all kinds."""
    day = Day()
    for name in PEOPLE:
        count = EACH - ARRAY if name == "dan" else EACH
        lines = [_line(lab, day, name, at) for at in range(count)]
        if name == "dan":
            array = {"name": "array", "script": lab.script(say="element"), "array": f"0-{ARRAY - 1}%3"}
            lines.append({**array, "time_limit_s": 600, "priority": 2})
        day.files[name] = "".join(f"{json.dumps(line)}\n" for line in lines)
    return day


def _line(lab: Lab, day: Day, name: str, at: int) -> dict[str, Any]:
    key, code = f"{name}-{at}", 3 + at % 5 if at % 7 == 3 else 0
    says = f"{key} says ü <b>{at}</b>" if at % 2 else ""
    day.wanted[key] = Wanted(code=code, says=f"{says}\n" if says else "")
    seconds = 1.0 if at % 10 == 0 else 0.0
    line = {
        "job_id": key,
        "script": lab.script(code=code, say=says, seconds=seconds),
        "gpus": {0: 2, 1: 1, 2: 1}.get(at % 8, 0),
        "cpu_cores": 1 + at % 3,
        "memory_mb": 100 * (1 + at % 2),
        "time_limit_s": 600 + 60 * (at % 4),
        "priority": 1 + at * 3 % 10,
    }
    return {**line, "gpu_type": "a100"} if at % 16 == 1 else line
