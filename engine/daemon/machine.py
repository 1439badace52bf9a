"""The machine that a simulation runs on: made up, or this host's own cards.

Must not know what is simulated.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from config.settings import Settings
from engine.core.model import GpuUuid, GroupName
from engine.core.snapshot import Gpu, GroupTerms, Host, Quotas
from engine.core.trace import Box, TraceJob
from engine.daemon.books import Books
from engine.daemon.cards import Cards
from engine.daemon.host import SystemClock, host_of
from engine.daemon.policy import policy_of
from engine.daemon.provider import choose
from engine.daemon.trace import CARD_MEMORY_MB
from engine.daemon.usage import UsageBook

CORES, MEMORY_GB = 128, 768
"""Of a made-up host."""


def made_up(count: int, types: Iterable[str] = ()) -> tuple[Gpu, ...]:
    """So many equal cards that are of every one of these types."""
    model = " ".join(dict.fromkeys(("simulated", *types)))
    return tuple(
        Gpu(uuid=GpuUuid(f"GPU-sim-{at:02d}"), index=at, model=model, memory_mb=CARD_MEMORY_MB) for at in range(count)
    )


def of_this_host(settings: Settings) -> tuple[Gpu, ...]:
    """The cards that an engine with these settings would have here, idle and cool; none where there is no driver.

    A cluster's cards are none of this host's.
    """
    provider = choose(settings, empty_books(settings), SystemClock()).provider
    try:
        readings = provider.read()
    finally:
        provider.close()
    return tuple(
        Gpu(
            uuid=reading.uuid,
            index=reading.index,
            model=reading.model,
            memory_mb=reading.memory_mb,
            power_w=reading.power_limit_w,
        )
        for reading in readings
        if reading.node is None
    )


def as_many(cards: Sequence[Gpu], count: int) -> tuple[Gpu, ...]:
    """The first `count` of these cards; if there are fewer, they are taken over and over."""
    return tuple(
        replace(cards[at % len(cards)], index=at, uuid=GpuUuid(f"{cards[at % len(cards)].uuid}-{at}"))
        if at >= len(cards)
        else cards[at]
        for at in range(count)
    )


def types_of(jobs: Iterable[TraceJob]) -> list[str]:
    """Every GPU type that one of the jobs asks for."""
    return sorted({job.key.shape.gpu_type for job in jobs if job.key.shape.gpu_type})


def box_of(
    cards: tuple[Gpu, ...],
    host: Host,
    jobs: Iterable[TraceJob],
    groups: Mapping[GroupName, GroupTerms],
    quotas: Quotas,
) -> Box:
    """The box for these jobs; a group without terms gets the plain ones."""
    plain = {job.key.owner.group: GroupTerms() for job in jobs}
    return Box(gpus=cards, host=host, groups=plain | dict(groups), quotas=quotas)


def empty_books(settings: Settings) -> Books:
    """Books of nothing yet."""
    usage = UsageBook(policy_of(settings).half_life_s)
    return Books(host=host_of(settings.scheduling), cards=Cards(settings.engine.stall_after_s), usage=usage)
