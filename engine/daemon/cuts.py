"""Other cuts of a trace, made by hash and so the same each time: thinned, rotated, stretched to a load.

One trace is one stroke of luck; what holds on its cuts too is worth telling. Must not know how a trace is scheduled.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from engine.core.trace import TraceJob

_FORM = re.compile(r"(\d+)/(\d+)(?:@(\w+))?")
_HASHES = 1 << 64


@dataclass(slots=True, frozen=True, kw_only=True)
class Cut:
    """Keep this part of the jobs. salt: another one keeps other jobs."""

    part: Fraction
    salt: str = "0"


def cut_of(text: str) -> Cut:
    """`N/D@SALT` as a cut; `@SALT` may be left out. Raises ValueError, saying what is wanted."""
    found = _FORM.fullmatch(text)
    if found is None or not 0 < int(found[1]) <= int(found[2]):
        raise ValueError(f"{text!r} is no part of a trace; 1/3 or 1/3@2 is meant: a part up to 1, @ and any salt")
    return Cut(part=Fraction(int(found[1]), int(found[2])), salt=found[3] or "0")


def thinned(jobs: Sequence[TraceJob], cut: Cut) -> tuple[TraceJob, ...]:
    """The part of the jobs whose hash is low; they come closer together by as much, so that the load stays alike."""
    kept = (job for job in jobs if _hash(f"{cut.salt}:{job.job}") < cut.part * _HASHES)
    return tuple(replace(job, submit_s=job.submit_s * float(cut.part)) for job in kept)


def rotated(jobs: Sequence[TraceJob], part: float) -> tuple[TraceJob, ...]:
    """Begin `part` (0 to 1) of the span later; what came before it follows at the end."""
    span = max((job.submit_s for job in jobs), default=0.0)
    from_s = part * span
    moved = (replace(job, submit_s=job.submit_s - from_s + (span if job.submit_s < from_s else 0.0)) for job in jobs)
    return tuple(sorted(moved, key=lambda job: (job.submit_s, job.job)))


def stretched(jobs: Sequence[TraceJob], load: float, gpus: int, card_memory_mb: int) -> tuple[TraceJob, ...]:
    """Submissions moved apart or together until they offer `load` (1 is all that the cards can give)."""
    now = offered_load(jobs, gpus, card_memory_mb)
    return tuple(replace(job, submit_s=job.submit_s * now / load) for job in jobs)


def offered_load(jobs: Sequence[TraceJob], gpus: int, card_memory_mb: int) -> float:
    """GPU time that the jobs want, of what the cards have until the last submission; 0 where all come at once."""
    wanted = sum(
        job.runtime_s * shape.gpus * (shape.gpu_memory_mb / card_memory_mb if shape.share else 1.0)
        for job in jobs
        for shape in (job.key.shape,)
    )
    span = max((job.submit_s for job in jobs), default=0.0)
    return wanted / (gpus * span) if span else 0.0


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
