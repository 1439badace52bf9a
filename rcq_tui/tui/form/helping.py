"""What would let a job start sooner, written into the form. Pure. Must not know widgets."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rcq_tui.tui.form.questions import TICKED
from rcq_tui.tui.form.writing import size_text, time_text

Change = Mapping[str, Any]

_WRITES: dict[str, Callable[[Change], dict[str, str]]] = {
    "FEWER_GPUS": lambda change: {"gpus": str(change["gpus"])},
    "ANY_GPU_TYPE": lambda change: {"gpu_type": ""},
    "LESS_GPU_MEMORY": lambda change: {"gpu_memory_mb": size_text(change["gpu_memory_mb"])},
    "SHARE_GPU": lambda change: {"gpu_share": TICKED, "gpu_memory_mb": size_text(change["gpu_memory_mb"])},
    "FEWER_CORES": lambda change: {"cpu_cores": str(change["cpu_cores"])},
    "LESS_MEMORY": lambda change: {"memory_mb": size_text(change["memory_mb"])},
    "LESS_POWER": lambda change: {"gpu_power_w": str(change["gpu_power_w"])},
    "SHORTER_LIMIT": lambda change: {"time_limit_s": time_text(change["time_limit_s"])},
    "PREEMPTIBLE": lambda change: {"preemptible": TICKED},
    "ANYWHERE": lambda change: {"anywhere": TICKED},
}
"""By the code of a change. What is not here is for others to do: a raised quota, a card that is put back into use."""


def writes(told: Mapping[str, Any]) -> dict[str, str] | None:
    """The texts that a help of a preview asks for; `None` where the form cannot do it alone."""
    found: dict[str, str] = {}
    for change in told.get("changes") or ():
        writer = _WRITES.get(str(change.get("code")))
        if writer is None:
            return None
        try:
            found |= writer(change)
        except (KeyError, TypeError, ValueError):  # a newer engine may have renamed a number
            return None
    return found or None


def usable(helps: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Which helps the form can follow by itself."""
    return [writes(one) is not None for one in helps]
