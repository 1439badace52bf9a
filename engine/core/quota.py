"""Quotas: what an account, a group or a service may hold at once, and what stands in a job's way.

Pure. This module must not know who set a limit or where it is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True, frozen=True, kw_only=True)
class Quota:
    """Limits on what may be held at once; `None` is no limit.

    gpus_by_type: GPUs of each type, keyed by words of the model name in lower case. Memory is in MiB.
    """

    gpus: int | None = None
    gpus_by_type: Mapping[str, int] = field(default_factory=dict)
    gpu_memory_mb: int | None = None
    cpu_cores: int | None = None
    memory_mb: int | None = None
    jobs: int | None = None
