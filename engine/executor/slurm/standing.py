"""What the daemon may want to know of the cluster's side beyond the port: where a job stands, whether Slurm answers.

Plain values. Must not know how they are found out.
"""

from dataclasses import dataclass

from engine.core.model import GpuUuid


@dataclass(slots=True, frozen=True, kw_only=True)
class Standing:
    """An attempt in Slurm as of the last look. state, reason: in Slurm's words, empty before it was seen.

    expected_start: Unix seconds by the engine's clock, where Slurm foresees it. gpus: that it was given, once it runs.
    """

    slurm_id: int
    state: str = ""
    reason: str = ""
    node: str | None = None
    gpus: tuple[GpuUuid, ...] | None = None
    expected_start: float | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Backend:
    """Whether Slurm answers. since: Unix seconds from which it does, or does not; error: why not.

    waiting: attempts that it has and does not run yet.
    """

    up: bool
    since: float | None = None
    error: str | None = None
    waiting: int = 0
