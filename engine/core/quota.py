"""Quotas: what an account, a group or a service may hold at once, and what stands in a job's way.

Pure. This module must not know who set a limit or where it is written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.core.model import Shape, model_matches
from engine.core.reasons import QuotaReached


@dataclass(slots=True, frozen=True, kw_only=True)
class Quota:
    """Limits on what may be held at once, or used; `None` is no limit.

    gpus_by_type: GPUs of each type, keyed by words of the model name in lower case. Memory is in MiB. gpu_hours: in a
    calendar month (UTC). Asked at submission, not by a pass: queued, jobs that wait; submissions_per_minute;
    ingest_per_minute, of lines of a file or a batch; staged_mb, MiB of staged files that are kept (of an account or a
    group: a service has none).
    """

    gpus: int | None = None
    gpus_by_type: Mapping[str, int] = field(default_factory=dict)
    gpu_memory_mb: int | None = None
    cpu_cores: int | None = None
    memory_mb: int | None = None
    jobs: int | None = None
    gpu_hours: float | None = None
    queued: int | None = None
    submissions_per_minute: int | None = None
    ingest_per_minute: int | None = None
    staged_mb: int | None = None


@dataclass(slots=True, kw_only=True)
class Holding:
    """What an account or a group holds now. models: GPUs held, by model name."""

    gpus: int = 0
    gpu_memory_mb: int = 0
    cpu_cores: int = 0
    memory_mb: int = 0
    jobs: int = 0
    models: dict[str, int] = field(default_factory=dict)

    def of_type(self, gpu_type: str) -> int:
        """GPUs held whose model name has all words of `gpu_type`."""
        return sum(count for model, count in self.models.items() if model_matches(model, gpu_type))


@dataclass(slots=True, frozen=True, kw_only=True)
class Bound:
    """A quota beside what its bearer holds. scope: `account`, `group` or `service`; name: whose."""

    scope: str
    name: str
    quota: Quota
    holding: Holding

    def reached(self, resource: str, limit: float | None, used: float, wanted: float) -> Iterator[QuotaReached]:
        """The reason, if `wanted` more would exceed `limit`."""
        if limit is not None and wanted and used + wanted > limit:
            yield QuotaReached(
                scope=self.scope, name=self.name, resource=resource, limit=limit, used=used, wanted=wanted
            )

    def breaches(self, shape: Shape) -> Iterator[QuotaReached]:
        """Every limit that one more job of `shape` would exceed, as far as that is known before it has cards."""
        quota, held = self.quota, self.holding
        yield from self.reached("gpus", quota.gpus, held.gpus, shape.gpus)
        yield from self.reached("cpu_cores", quota.cpu_cores, held.cpu_cores, shape.cpu_cores)
        yield from self.reached("memory_mb", quota.memory_mb, held.memory_mb, shape.memory_mb)
        yield from self.reached("jobs", quota.jobs, held.jobs, 1)
        if shape.gpu_type:
            for gpu_type, limit in sorted(quota.gpus_by_type.items()):
                if set(gpu_type.split()) <= set(shape.gpu_type.split()):
                    yield from self.reached(f"gpus:{gpu_type}", limit, held.of_type(gpu_type), shape.gpus)
        yield from self.reached("gpu_memory_mb", quota.gpu_memory_mb, held.gpu_memory_mb, least_gpu_memory_mb(shape))


def least_gpu_memory_mb(shape: Shape) -> int:
    """MiB of GPU memory that a job of `shape` holds at least; a whole card counts with all of its memory."""
    return shape.gpus * max(1, shape.gpu_memory_mb)
