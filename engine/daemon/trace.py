"""Reads a trace (CSV) into the simulator's jobs.

Columns: `job_id`, `submit_s`, `runtime_s`, `gpus`; optional `group`, `account`, `name`, `gpu_milli` (thousandths of
each GPU, under 1000 shares it), `cpu_milli`, `memory_mib`, `qos`, `preemptible`, `requested_s_synth` or
`time_limit_s`. Must not know how it is scheduled.
"""

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.core.model import (
    DEFAULT_PRIORITY,
    AccountName,
    GroupKey,
    GroupName,
    JobId,
    Owner,
    Shape,
    kind_of,
)
from engine.core.trace import TraceJob

CARD_MEMORY_MB = 100_000
"""Memory of a simulated card: a multiple of 1000, so that thousandths of a card are whole numbers."""

PRIORITY_OF_QOS = {"LS": 7, "Guaranteed": 6, "Burstable": 5, "BE": 3}
"""Job priority that goes with a trace's quality of service; others get the default."""

REQUIRED = ("job_id", "submit_s", "runtime_s", "gpus")
OPTIONAL = (
    "group", "account", "name", "gpu_milli", "cpu_milli", "memory_mib", "qos", "preemptible", "requested_s_synth",
    "time_limit_s",
)  # fmt: skip
WORDS = {"": False, "0": False, "false": False, "no": False, "1": True, "true": True, "yes": True}


class TraceError(ValueError):
    """The trace cannot be read; the message names the file, the line and what to mend."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Trace:
    """Jobs to be replayed. name: where they come from. skipped: jobs of it that never ran, and so are not replayed."""

    name: str
    jobs: tuple[TraceJob, ...]
    skipped: int = 0


def read_trace(path: Path) -> Iterator[TraceJob]:
    """Every job of a trace. Raises TraceError, also for a file that cannot be opened."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = [name for name in REQUIRED if name not in (rows.fieldnames or ())]
            if missing:
                raise TraceError(f"{path}: no column {', '.join(missing)}; a trace needs {', '.join(REQUIRED)}")
            seen: dict[str, int] = {}
            for row in rows:
                if (before := seen.setdefault(row["job_id"], rows.line_num)) != rows.line_num:
                    raise TraceError(f"{path}:{rows.line_num}: job_id {row['job_id']!r} stands in line {before} too")
                yield _job(path, rows.line_num, row)
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TraceError(f"{path}: {error}") from error


def _job(path: Path, line: int, row: Mapping[str, str | None]) -> TraceJob:
    try:
        submit_s, runtime_s = float(row["submit_s"] or ""), float(row["runtime_s"] or "")
        gpus = int(row["gpus"] or "")
        milli = int(row.get("gpu_milli") or 1000)
        limit_s = math.ceil(float(row.get("requested_s_synth") or row.get("time_limit_s") or runtime_s))
        cores = math.ceil(int(row.get("cpu_milli") or 1000) / 1000)
        memory_mb = int(row.get("memory_mib") or 0)
    except (TypeError, ValueError) as error:
        raise TraceError(f"{path}:{line}: {error}; numbers are wanted there") from error
    if not (math.isfinite(submit_s) and math.isfinite(runtime_s)) or submit_s < 0 or runtime_s <= 0 or gpus < 0:
        raise TraceError(f"{path}:{line}: submit_s and gpus must be 0 or more, runtime_s more than 0")
    if (preemptible := WORDS.get((row.get("preemptible") or "").lower())) is None:
        raise TraceError(f"{path}:{line}: preemptible is {row.get('preemptible')!r}; true or false is wanted there")
    shares = gpus > 0 and milli < 1000
    group = row.get("group") or "trace"
    return TraceJob(
        job=JobId(row["job_id"] or ""),
        key=GroupKey(
            owner=Owner(account=AccountName(row.get("account") or group), group=GroupName(group)),
            service=None,
            priority=PRIORITY_OF_QOS.get(row.get("qos") or "", DEFAULT_PRIORITY),
            preemptible=preemptible,
            kind=kind_of(row.get("name")),
            shape=Shape(
                gpus=gpus,
                gpu_memory_mb=milli * CARD_MEMORY_MB // 1000 if shares else 0,
                share=shares,
                cpu_cores=max(1, cores),
                memory_mb=memory_mb,
                time_limit_s=max(1, limit_s, math.ceil(runtime_s)),
            ),
        ),
        submit_s=submit_s,
        runtime_s=runtime_s,
    )
