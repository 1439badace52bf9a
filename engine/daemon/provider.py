"""Chooses the provider of GPU readings that the settings name, and who tells whose memory is whose.

Must not know what is done with a reading.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from config.settings import Settings, SimulatedCard
from engine.core.model import GpuUuid
from engine.daemon.attribution import ProcessAttribution
from engine.daemon.books import Books
from engine.daemon.sampler import Attribution, SimulatedAttribution
from engine.gpu.canaries import Canaries, simulated_test
from engine.gpu.none import FixedPower, NoGpus
from engine.gpu.simulated import SimulatedCardSpec, SimulatedGpus, card_uuid
from engine.gpu.unavailable import DriverHangs, DriverUnavailable
from engine.gpu.watched import WatchedGpus
from engine.ports import Canary, Clock, GpuProvider, PowerControl

log = logging.getLogger(__name__)


@dataclass(slots=True, frozen=True, kw_only=True)
class Chosen:
    """Where readings come from, who tells whose memory is whose in them, who sets power limits and who tests a card.

    real: the cards can fail, and their memory may be in use for a while after a job.
    """

    provider: GpuProvider
    attribution: Attribution
    power: PowerControl
    canary: Canary = simulated_test
    real: bool = False


def choose(settings: Settings, books: Books, clock: Clock) -> Chosen:
    """The provider that the settings name; `auto` is the driver where it loads, and no cards where it does not."""
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
