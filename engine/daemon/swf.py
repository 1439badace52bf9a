"""Reads the Standard Workload Format (Feitelson's Parallel Workloads Archive) into the simulator's jobs.

18 numbers a line, -1 for unknown, `;` begins a header line. Read are: 1 job, 2 submitted, 4 run time, 8 requested
processors (else 5, allocated ones), 9 requested time, 12 user, 13 group, 14 executable. Processors become GPUs; cores
and memory are left out. Must not know how it is scheduled.
"""

import gzip
import math
import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TextIO, cast

from engine.core.model import DEFAULT_PRIORITY, AccountName, GroupKey, GroupName, JobId, Owner, Shape
from engine.core.trace import TraceJob
from engine.daemon.trace import Trace, TraceError

FIELDS = 18
_MAX_PROCS = re.compile(r";\s*MaxProcs:\s*(\d+)", re.IGNORECASE)


def read_swf(path: Path, gpus: int, cores_per_gpu: float | None) -> Trace:
    """Every job of a trace that ran, the first submission at 0. Raises TraceError.

    gpus: of the box. cores_per_gpu: processors that count as one GPU; unset, the header's MaxProcs are all the GPUs.
    """
    jobs: list[TraceJob] = []
    seen: dict[float, int] = {}
    skipped = 0
    try:
        with _open(path) as file:
            for line, numbers, max_procs in _lines(path, file):
                per_gpu = cores_per_gpu or (max_procs / gpus if max_procs else None)
                if per_gpu is None:
                    raise TraceError(
                        f"{path}:{line}: no header line '; MaxProcs: N' before it. Say how many processors make a GPU: "
                        "--swf-cores-per-gpu N"
                    )
                if (before := seen.setdefault(numbers[0], line)) != line:
                    raise TraceError(f"{path}:{line}: job {numbers[0]:.0f} stands in line {before} too (field 1)")
                job = _job(path, line, numbers, per_gpu)
                skipped += job is None
                jobs += [job] if job else []
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        told = getattr(error, "strerror", None) or error
        raise TraceError(f"{path}: {told}. A whole SWF file is wanted, plain or gzipped (.swf.gz)") from error
    first = min((job.submit_s for job in jobs), default=0.0)
    return Trace(
        name=str(path), jobs=tuple(replace(job, submit_s=job.submit_s - first) for job in jobs), skipped=skipped
    )


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8"))
    return path.open(encoding="utf-8")


def _lines(path: Path, file: TextIO) -> Iterator[tuple[int, list[float], int | None]]:
    """Each job's line number and numbers, with the MaxProcs of the header above it."""
    max_procs = None
    for line, text in enumerate(file, 1):
        if text.lstrip().startswith(";"):
            if found := _MAX_PROCS.search(text):
                max_procs = int(found[1])
        elif cells := text.split():
            if len(cells) != FIELDS:
                raise TraceError(f"{path}:{line}: {len(cells)} fields; a line of SWF has {FIELDS}")
            try:
                numbers = [float(cell) for cell in cells]
            except ValueError as error:
                raise TraceError(f"{path}:{line}: {error}; numbers are wanted there") from error
            if not all(map(math.isfinite, numbers)):
                raise TraceError(f"{path}:{line}: finite numbers are wanted there, -1 for what is unknown")
            yield line, numbers, max_procs


def _job(path: Path, line: int, numbers: list[float], per_gpu: float) -> TraceJob | None:
    """One line; `None` if that job never ran, or nobody knows how wide it was."""
    number, submit_s, _, runtime_s, allocated, _, _, requested, limit_s, _, _, user, group, program, *_ = numbers
    if submit_s < 0:
        raise TraceError(f"{path}:{line}: field 2, the time of submission, must be 0 or more")
    processors = requested if requested > 0 else allocated
    if runtime_s <= 0 or processors <= 0:
        return None
    return TraceJob(
        job=JobId(f"{number:.0f}"),
        key=GroupKey(
            owner=Owner(account=AccountName(_named("user", user)), group=GroupName(_named("group", group))),
            service=None,
            priority=DEFAULT_PRIORITY,
            preemptible=False,
            kind=_named("program", program) if program >= 0 else "",
            shape=Shape(
                gpus=math.ceil(processors / per_gpu),
                time_limit_s=math.ceil(max(1.0, limit_s, runtime_s)),
            ),
        ),
        submit_s=submit_s,
        runtime_s=runtime_s,
    )


def _named(what: str, number: float) -> str:
    return f"{what}{number:.0f}" if number >= 0 else f"{what}-unknown"
