"""Writes traces for tests: CSV rows out of keywords, and Standard Workload Format lines."""

import csv
from pathlib import Path
from typing import Any

from engine.daemon.trace import OPTIONAL, REQUIRED

SWF_FIELDS = (
    "job", "submit", "wait", "run", "used", "cpu", "memory", "wanted", "limit", "wanted_memory", "status", "user",
    "group", "program", "queue", "partition", "before", "think",
)  # fmt: skip


def job(job_id: str, submit_s: float, runtime_s: float, gpus: int = 1, **more: Any) -> dict[str, Any]:
    """A row of a CSV trace."""
    assert set(more) <= set(OPTIONAL)
    return {"job_id": job_id, "submit_s": submit_s, "runtime_s": runtime_s, "gpus": gpus, **more}


def write_csv(path: Path, *rows: dict[str, Any]) -> Path:
    """A CSV trace with all columns that any row has."""
    with path.open("w", newline="", encoding="utf-8") as file:
        named = [name for name in (*REQUIRED, *OPTIONAL) if any(name in row for row in rows)]
        out = csv.DictWriter(file, named)
        out.writeheader()
        out.writerows(rows)
    return path


def swf(job: int, **known: float) -> str:
    """A line of SWF; what is not named is unknown."""
    assert set(known) <= set(SWF_FIELDS)
    return " ".join(f"{ {'job': job, **known}.get(name, -1):g}" for name in SWF_FIELDS)


def write_swf(path: Path, *lines: str, max_procs: int | None = None) -> Path:
    """An SWF trace."""
    head = ["; Version: 2.2", *([f"; MaxProcs: {max_procs}"] if max_procs else [])]
    path.write_text("\n".join((*head, *lines)) + "\n")
    return path
