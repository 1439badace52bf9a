"""Chooses the provider of GPU readings that the settings name: this host's cards, a cluster's, or both.

Also who tells whose memory is whose, sets power limits and tests a card: of this host's cards alone.

Must not know what is done with a reading.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from config.settings import Settings, SimulatedCard, SlurmSettings
from engine.core.model import GpuUuid
from engine.daemon.attribution import ProcessAttribution
from engine.daemon.books import Books
from engine.daemon.sampler import Attribution, SimulatedAttribution
from engine.gpu.beside import BesideCluster
from engine.gpu.canaries import Canaries, simulated_test
from engine.gpu.none import FixedPower, NoGpus
from engine.gpu.simulated import SimulatedCardSpec, SimulatedGpus, card_uuid
from engine.gpu.slurm import CardKind, ClusterTerms, SlurmNodes
from engine.gpu.unavailable import DriverHangs, DriverUnavailable
from engine.gpu.watched import WatchedGpus
from engine.ports import Canary, Clock, GpuProvider, PowerControl
from engine.slurm.commands import Commands

log = logging.getLogger(__name__)

STALE_LOOKS = 5
"""A cluster's card counts as missing when so many looks at it have not been answered."""
FRESH = 0.9
"""Of the time between two looks: one that comes a little early still asks."""


IDLE_LOOKS = STALE_LOOKS - 1
"""While no job is there, one look of so many is made: a cluster is not asked every second for nothing."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Chosen:
    """Where readings come from, who tells whose memory is whose in them, who sets power limits and who tests a card.

    real: the cards can fail, and their memory may be in use for a while after a job. cluster: if there is one; it is
    to be introduced to Slurm's jobs, so that it tells strangers'.
    """

    provider: GpuProvider
    attribution: Attribution
    power: PowerControl
    canary: Canary = simulated_test
    real: bool = False
    cluster: SlurmNodes | None = None


def choose(settings: Settings, books: Books, clock: Clock) -> Chosen:
    """The provider that the settings name: with kind "slurm" the cluster alone, with overflow both."""
    if settings.executor.kind == "slurm":
        return _with_cluster(_no_cards(books), settings, books, clock)
    here = _of_this_host(settings, books, clock)
    return _with_cluster(here, settings, books, clock) if settings.executor.overflow == "slurm" else here


def _with_cluster(here: Chosen, settings: Settings, books: Books, clock: Clock) -> Chosen:
    slurm = settings.slurm
    looks_s = STALE_LOOKS * max(slurm.poll_s, settings.engine.sample_interval_s)
    books.cards.cluster_stale_after_s = max(books.cards.stale_after_s, looks_s)
    commands = Commands(bin_dir=str(slurm.bin_dir or ""), timeout_s=slurm.timeout_s)
    cluster = SlurmNodes(commands.run_now, terms_of(slurm), clock)
    return replace(here, provider=BesideCluster(here.provider, cluster), cluster=cluster)


def terms_of(slurm: SlurmSettings) -> ClusterTerms:
    """Which part of the cluster the settings name."""
    return ClusterTerms(
        partitions=frozenset(name for name in (slurm.partition or "").split(",") if name),
        reserved=any(option.startswith("--reservation=") for option in slurm.extra),
        kinds={name: CardKind(model=card.model, memory_mb=card.memory_mb) for name, card in slurm.cards.items()},
        fresh_s=FRESH * slurm.poll_s,
        idle_s=(IDLE_LOOKS - 1 + FRESH) * slurm.poll_s,
    )


def _of_this_host(settings: Settings, books: Books, clock: Clock) -> Chosen:
    """`auto` is the driver where it loads, and no cards where it does not."""
    kind = settings.gpu.provider
    if kind == "simulated":
        cards = [card for card in settings.gpu.simulated for _ in range(card.count)]
        attribution = SimulatedAttribution(books, _default_load(cards))
        simulated = SimulatedGpus([spec_of(card) for card in cards], lambda: attribution.loads, clock)
        return Chosen(provider=simulated, attribution=attribution, power=simulated)
    if kind == "none":
        return _no_cards(books)
    driver = WatchedGpus(clock, settings.gpu.read_timeout_s)
    try:
        driver.read()
    except DriverHangs as error:
        log.error("%s The engine goes on without cards until it answers.", error)  # jobs of before still run
    except DriverUnavailable as error:
        if kind == "nvml":
            raise
        log.info("No GPUs: %s", error)
        driver.close()
        return _no_cards(books)
    return Chosen(provider=driver, attribution=ProcessAttribution(books), power=driver, canary=Canaries(), real=True)


def _no_cards(books: Books) -> Chosen:
    power = FixedPower("There is no card whose power limit could be set.")
    return Chosen(provider=NoGpus(), attribution=ProcessAttribution(books), power=power)


def _default_load(cards: list[SimulatedCard]) -> Mapping[GpuUuid, float]:
    return {card_uuid(index, card.model): card.load for index, card in enumerate(cards)}


def spec_of(card: SimulatedCard) -> SimulatedCardSpec:
    """The settings' card without what only the engine needs of it."""
    return SimulatedCardSpec(**card.model_dump(exclude={"count", "load"}))
