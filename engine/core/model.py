"""What is asked for and by whom: ids, shapes, pending groups.

Pure values. This module must not know GPUs' readings, clocks or how anything is stored.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, NewType

JobId = NewType("JobId", str)
"""A job's id as text. Ties between jobs are settled in text order."""
AccountName = NewType("AccountName", str)
GroupName = NewType("GroupName", str)
ServiceName = NewType("ServiceName", str)
GpuUuid = NewType("GpuUuid", str)

MAX_KIND = 64
"""Characters of a name that tell its kind."""

MIN_PRIORITY, DEFAULT_PRIORITY, MAX_PRIORITY = 1, 5, 10


@dataclass(slots=True, frozen=True, kw_only=True)
class Shape:
    """The part of a request that decides where it fits; jobs of one shape fit or fail together.

    gpus: how many GPUs, all or nothing. gpu_type: words of the model name, lower case, `None` for any.
    gpu_memory_mb: MiB needed on each GPU (0: any card will do). share: this memory of one GPU is enough and
    others may use the rest. cpu_cores, memory_mb: cores and MiB of the host. time_limit_s: seconds the job may run.
    gpu_power_w: each of its cards is held to so many watts, `None` for the card's own limit.
    """

    gpus: int = 0
    gpu_type: str | None = None
    gpu_memory_mb: int = 0
    share: bool = False
    cpu_cores: int = 1
    memory_mb: int = 0
    time_limit_s: int = 86_400
    gpu_power_w: int | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Owner:
    """Who pays for a job: the account and the group it was submitted for; the group is empty where it is not known."""

    account: AccountName
    group: GroupName = GroupName("")


@dataclass(slots=True, frozen=True, kw_only=True)
class ArrayCap:
    """At most `most` elements of the array `parent` run at once."""

    parent: JobId
    most: int


@dataclass(slots=True, frozen=True, kw_only=True)
class GroupKey:
    """What equal pending jobs of one owner have in common; they are ordered by submission alone.

    kind: what the job's name says of its run time (`kind_of`); empty where nothing is known of such jobs. array: the
    cap of the job array it belongs to, if that has one. anywhere: it may run on the cluster, too.
    """

    owner: Owner
    service: ServiceName | None
    priority: int
    preemptible: bool
    shape: Shape
    kind: str = ""
    array: ArrayCap | None = None
    anywhere: bool = False


class Waiting(NamedTuple):
    """One pending job inside its group. Sorts by submission, then by id in text order."""

    submitted_at: float
    job: JobId


@dataclass(slots=True, frozen=True, eq=False)
class PendingGroup:
    """Equal pending jobs of one owner, earliest submission first.

    `jobs` is sorted and never empty. It may be a live view of the daemon's queue: a pass only reads it, so its
    cost follows the number of groups, not of jobs.
    """

    key: GroupKey
    jobs: Sequence[Waiting]


def kind_of(name: str | None) -> str:
    """A job's name without its numbers: `train-017` and `train-018` are of one kind and run about as long."""
    return re.sub(r"\d+", "#", name)[:MAX_KIND] if name else ""


@lru_cache(maxsize=4096)
def model_matches(model: str, gpu_type: str) -> bool:
    """Whether every word of `gpu_type` is a whole word of the model name, whatever the case."""
    return _words(gpu_type) <= _words(model)


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", text.lower()))
