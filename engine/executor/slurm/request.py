"""From a launch to the words of `sbatch`. Pure. Must not know how it is run, nor what the script does."""

import math
from collections import Counter
from dataclasses import dataclass

from engine.ports import Launch
from engine.slurm.nodes import UNTYPED, type_of_card

MARGIN_S = 60.0
"""Slurm's own limit is the net below the script's: so much later than the end of its grace."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Where:
    """What every submission says. extra: further options of sbatch, as somebody would write them there."""

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    extra: tuple[str, ...] = ()


def arguments(launch: Launch, name: str, where: Where) -> list[str]:
    """All options; the script comes by standard input. What rcq says itself stands last, which is what counts."""
    shape, owner = launch.lease.key.shape, launch.lease.key.owner
    return [
        *where.extra,
        *(f"--{option}={value}" for option, value in _choices(where) if value),
        "--parsable",
        f"--job-name={name}",
        f"--comment={name} {owner.account}",
        f"--chdir={launch.workdir}",
        f"--output={_plain(str(launch.directory / 'stdout.log'))}",
        f"--error={_plain(str(launch.directory / 'stderr.log'))}",
        "--open-mode=append",
        "--nodes=1",
        "--ntasks=1",
        f"--cpus-per-task={max(1, shape.cpu_cores)}",
        *([f"--mem={launch.memory_mb}M"] if launch.memory_mb else []),  # 0 would be all that a node has
        f"--time={minutes(launch)}",
        *_cards(launch),
        "--no-requeue",
        # What sbatch sees is next to nothing, and it is all; NONE would have each node log the user in.
        "--export=ALL",
        "--propagate=NONE",
    ]


def minutes(launch: Launch) -> int:
    """Slurm's time limit."""
    return math.ceil((launch.time_limit_s + launch.grace_s + MARGIN_S) / 60)


def _choices(where: Where) -> tuple[tuple[str, str | None], ...]:
    return ("partition", where.partition), ("account", where.account), ("qos", where.qos)


def _cards(launch: Launch) -> list[str]:
    """By type where the request cares which: that of the cards of its lease."""
    if not launch.lease.gpus:
        return []
    shape = launch.lease.key.shape
    types = Counter(map(type_of_card, launch.lease.gpus))
    if not (shape.gpu_type or shape.gpu_memory_mb) or UNTYPED in types:
        return [f"--gres=gpu:{len(launch.lease.gpus)}"]
    return ["--gres=" + ",".join(f"gpu:{kind}:{count}" for kind, count in sorted(types.items()))]


def _plain(path: str) -> str:
    """Without a meaning of `%` to Slurm."""
    return path.replace("%", "%%")
