"""From a launch to what the launcher is asked for. Pure. Must not know what it makes of it."""

from collections.abc import Sequence

from engine.executor.attempt import Limits
from engine.ports import Launch

Request = dict[str, object]
BASE = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "XDG_RUNTIME_DIR")
"""What stands in the unit, where everybody can read it, for what is run after the job."""


def of_launch(launch: Launch, limits: Limits, tasks_max: int, pids: Sequence[tuple[int, int]] = ()) -> Request:
    """The request that starts an attempt, or puts the processes `pids` (each with its start) into a unit."""
    shape = launch.lease.key.shape
    request: Request = {
        "do": "start",
        "job": launch.job,
        "attempt": launch.attempt,
        "user": launch.user or "",
        "limit_s": limits.net_s,
        "grace_s": launch.grace_s,
        "memory_mb": launch.memory_mb,
        "cpus": shape.cpu_cores,
        "cores": list(launch.cores),
        "tasks": tasks_max,
        "devices": list(launch.devices),
    }
    if launch.adopt is not None:
        return request | {"do": "adopt", "scope": True, "pids": [list(one) for one in pids]}
    return request | {
        "environment": {name: launch.environment[name] for name in BASE if name in launch.environment},
        "workdir": str(launch.workdir),
        "cleanup": list(launch.cleanup),
    }


def of_task(job: str, user: str, limit_s: float) -> Request:
    """The request for a short program beside a job, as its owner."""
    return {"do": "task", "job": job, "user": user, "limit_s": limit_s}
