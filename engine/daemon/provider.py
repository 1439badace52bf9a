"""Chooses the provider of GPU readings that the settings name, and who tells whose memory is whose.

Must not know what is done with a reading.
"""

import logging
from collections.abc import Mapping

from config.settings import Settings, SimulatedCard
from engine.core.model import GpuUuid
from engine.daemon.books import Books
from engine.daemon.sampler import Attribution, LeaseAttribution, SimulatedAttribution
from engine.gpu.none import NoGpus
from engine.gpu.nvml import NvmlGpus
from engine.gpu.simulated import SimulatedCardSpec, SimulatedGpus, card_uuid
from engine.gpu.unavailable import DriverUnavailable
from engine.ports import Clock, GpuProvider

log = logging.getLogger(__name__)


def choose(settings: Settings, books: Books, clock: Clock) -> tuple[GpuProvider, Attribution]:
    """The provider that the settings name; `auto` is the driver where it loads, and no cards where it does not."""
    kind = settings.gpu.provider
    if kind == "simulated":
        cards = [card for card in settings.gpu.simulated for _ in range(card.count)]
        attribution = SimulatedAttribution(books, _default_load(cards))
        return SimulatedGpus([spec_of(card) for card in cards], lambda: attribution.loads, clock), attribution
    if kind == "none":
        return NoGpus(), LeaseAttribution(books)
    driver = NvmlGpus(clock)
    try:
        driver.read()
    except DriverUnavailable as error:
        if kind == "nvml":
            raise
        log.info("No GPUs: %s", error)
        driver.close()
        return NoGpus(), LeaseAttribution(books)
    return driver, LeaseAttribution(books)


def _default_load(cards: list[SimulatedCard]) -> Mapping[GpuUuid, float]:
    return {card_uuid(index, card.model): card.load for index, card in enumerate(cards)}


def spec_of(card: SimulatedCard) -> SimulatedCardSpec:
    """The settings' card without what only the engine needs of it."""
    return SimulatedCardSpec(**card.model_dump(exclude={"count", "load"}))
