"""The heat of a simulated box over virtual time: caps, speeds, and how long cards were hot.

Pure. This module must not know how heat comes about, nor what is scheduled.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from engine.core.model import GpuUuid
from engine.core.placement.caps import capped
from engine.core.placement.thermal import hot_cards
from engine.core.policy import Thermal
from engine.core.snapshot import Gpu, Lease
from engine.core.trace import Heat, Ran, Warm

NEVER = float("inf")
STEP_S = 5.0
"""While temperatures move, cards are looked at so often: between two looks power and speed stay what they are."""
SETTLED_C = 0.001
"""When no card moved by more in a step, nothing will change before the next event."""


@dataclass(slots=True, frozen=True, kw_only=True)
class HeatMeasures:
    """How warm a schedule was. Card-hours: two cards for an hour are two.

    above_h: at or above the threshold. throttled_h: slowed down by their own heat. capped_h: under a lower power limit.
    hottest_c: degrees Celsius. energy_kwh: of all cards, at rest included. speed: the mean of working cards, 1 is full
    speed. throughput: GPU time of work at full speed done until the end, of what the cards had (sharers count whole).
    """

    above_h: float
    throttled_h: float
    capped_h: float
    hottest_c: float
    energy_kwh: float
    speed: float
    throughput: float


class Warmth:
    """The cards of a box between instants that never go back. threshold_c: what counts as too hot in the measures."""

    def __init__(self, cards: Sequence[Gpu], heat: Heat, thermal: Thermal, threshold_c: float) -> None:
        self._gpus = tuple(cards)
        self._heat = heat
        self._thermal = thermal
        self._threshold_c = threshold_c
        self._now = 0.0
        self._leases: tuple[Lease, ...] = ()
        self._working: frozenset[GpuUuid] = frozenset()
        self._capped: frozenset[GpuUuid] = frozenset()
        self._cards: tuple[Warm, ...] = heat(0.0, (), ())
        self._speed: dict[GpuUuid, float] = {}
        self._settled = False
        self._above_s = self._throttled_s = self._capped_s = self._energy_j = 0.0
        self._hottest_c = self._hottest()

    @property
    def cards(self) -> tuple[Gpu, ...]:
        """As last looked at."""
        return tuple(
            replace(gpu, temperature_c=card.temperature_c, throttled=card.throttled)
            for gpu, card in zip(self._gpus, self._cards, strict=True)
        )

    def hot(self, hot_before: frozenset[GpuUuid]) -> frozenset[GpuUuid]:
        """The cards that are too hot to start on, given which ones were before."""
        return hot_cards(self._readings(), hot_before, self._thermal)

    @property
    def due(self) -> float:
        """When they want to be looked at again, seconds; NEVER while nothing changes by itself."""
        return NEVER if self._settled else self._now + STEP_S

    def speed(self, lease: Lease) -> float:
        """How fast a job works at present: a gang waits for its slowest card."""
        return min((self._speed[uuid] for uuid in lease.gpus if uuid in self._speed), default=1.0)

    def pass_time(self, now: float) -> None:
        """Let the time pass until `now` and look at the cards."""
        before, elapsed_s = self._cards, now - self._now
        self._capped_s += elapsed_s * len(self._capped)
        self._look(now)
        self._count(before, elapsed_s)
        moved_c = max((abs(then.temperature_c - card.temperature_c) for then, card in self._pairs(before)), default=0.0)
        if elapsed_s >= STEP_S:
            self._settled = moved_c < SETTLED_C

    def carry(self, leases: Sequence[Lease]) -> None:
        """From now on the cards carry these leases."""
        self._leases = tuple(leases)
        working = frozenset(uuid for lease in leases for uuid in lease.gpus)
        if working != self._working:
            self._working = working
            self._settled = False
        self._look(self._now)

    def measured(self, schedule: Sequence[Ran]) -> HeatMeasures:
        """What it came to, for the schedule that the cards carried."""
        work_s = math.fsum(ran.job.runtime_s * len(ran.gpus) for ran in schedule)
        held_s = math.fsum((ran.end_s - ran.start_s) * len(ran.gpus) for ran in schedule)
        makespan_s = max((ran.end_s for ran in schedule), default=0.0)
        had_s = makespan_s * len(self._cards)
        return HeatMeasures(
            above_h=self._above_s / 3600,
            throttled_h=self._throttled_s / 3600,
            capped_h=self._capped_s / 3600,
            hottest_c=self._hottest_c,
            energy_kwh=self._energy_j / 3.6e6,
            speed=work_s / held_s if held_s else 1.0,
            throughput=work_s / had_s if had_s else 0.0,
        )

    def _look(self, now: float) -> None:
        """Read the cards; where the heat of now asks for other caps, set them at once."""
        self._now = now
        self._cards = self._heat(now, self._leases, self._capped)
        caps = capped((card for card in self._readings() if card.uuid in self._working), self._capped, self._thermal)
        if caps != self._capped:
            self._capped, self._settled = caps, False
            self._cards = self._heat(now, self._leases, caps)
        self._speed = {gpu.uuid: card.speed for gpu, card in zip(self._gpus, self._cards, strict=True)}
        self._hottest_c = max(self._hottest_c, self._hottest())

    def _count(self, before: Sequence[Warm], elapsed_s: float) -> None:
        """Add up the time since `before`, in which power stayed as it was; half of it where heat crossed the line."""
        for then, now in self._pairs(before):
            ends_above = (then.temperature_c >= self._threshold_c) + (now.temperature_c >= self._threshold_c)
            self._above_s += elapsed_s * ends_above / 2
            self._throttled_s += elapsed_s * then.throttled
            self._energy_j += elapsed_s * then.power_w

    def _hottest(self) -> float:
        return max((card.temperature_c for card in self._cards), default=0.0)

    def _pairs(self, before: Sequence[Warm]) -> Iterator[tuple[Warm, Warm]]:
        return zip(before, self._cards, strict=True)

    def _readings(self) -> Iterator[Gpu]:
        """What of the cards their heat is judged by: this is asked at each step, and a whole copy is slow."""
        for gpu, card in zip(self._gpus, self._cards, strict=True):
            yield Gpu(
                uuid=gpu.uuid, index=gpu.index, model=gpu.model, memory_mb=gpu.memory_mb,
                temperature_c=card.temperature_c, throttled=card.throttled,
            )  # fmt: skip
