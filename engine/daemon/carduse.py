"""Who has memory on a card, at one reading: rcq's jobs, and strangers. Plain values.

Must not know how a process is told from another.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.core.model import AccountName, GpuUuid, JobId
from engine.readings import GpuLoad, GpuProcess


@dataclass(slots=True, frozen=True, kw_only=True)
class Stranger:
    """A foreign process on a card.

    start: its start time in clock ticks since the boot, which tells a reused pid. user: its Unix user, command: its
    command line; both empty where the host does not tell. account: linked to that user. memory_mb: on that card.
    """

    pid: int
    start: int
    user: str
    command: str
    account: AccountName | None
    memory_mb: int | None


@dataclass(slots=True, frozen=True, kw_only=True)
class CardUse:
    """Who used a card when it was read.

    held_mb: MiB that belong to rcq's jobs. jobs: MiB measured of each of them, as far as the driver tells it.
    processes: of rcq's jobs, each with whose it is. strangers: all others. leaked_mb: MiB that nobody is known to have.
    """

    held_mb: int = 0
    jobs: Mapping[JobId, int] = field(default_factory=dict)
    processes: tuple[tuple[JobId, GpuProcess], ...] = ()
    strangers: tuple[Stranger, ...] = ()
    leaked_mb: int = 0


def shares_of(use: CardUse, asked: Mapping[JobId, int]) -> dict[JobId, int]:
    """MiB that each of these sharers of a card has. asked: MiB that each asked for.

    Where the driver does not tell it of one, what rcq's jobs have and nobody is known to have is split by what they
    asked for.
    """
    untold = {job: max(1, mb) for job, mb in asked.items() if job not in use.jobs}
    rest_mb = max(0, use.held_mb - sum(use.jobs.values()))
    whole = sum(untold.values())
    told = {job: mb for job, mb in use.jobs.items() if job in asked}
    return told | {job: rest_mb * mb // whole for job, mb in untold.items()}


def uses_of(loads: Iterable[GpuLoad]) -> dict[GpuUuid, CardUse]:
    """Who uses simulated cards: what these loads say, each job's together."""
    jobs: dict[GpuUuid, dict[JobId, int]] = {}
    for load in loads:
        if load.job is not None:
            of_card = jobs.setdefault(load.gpu, {})
            of_card[load.job] = of_card.get(load.job, 0) + load.memory_mb
    return {gpu: CardUse(held_mb=sum(of_card.values()), jobs=of_card) for gpu, of_card in jobs.items()}
