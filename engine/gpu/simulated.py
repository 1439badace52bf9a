"""Cards that do not exist, for machines without any: load and memory from the jobs, heat from a thermal model.

Each card follows dT/dt = (ambient + R * P - T) / tau, where P rises in a straight line with the load. What a reading
finds (load, power) holds until the next reading. At or above `slowdown_c` a card throttles: from that reading on only
`THROTTLED_SHARE` of the load gets through, until a reading finds it cooler. There is no randomness.
Must not know the settings file, nor how jobs are started.
"""

import math
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from engine.core.model import GpuUuid
from engine.gpu.thermal import power_w, steady_c, step_c
from engine.ports import Clock
from engine.readings import GpuLoad, GpuReading

THROTTLED_SHARE = 0.5
"""Part of the load that a throttled card still gets done, and pays for in watts."""

_NAMESPACE = uuid.UUID("5f0c2f8e-6f3e-5c1b-9d53-7b1b5c0e4a10")


@dataclass(slots=True, frozen=True, kw_only=True)
class SimulatedCardSpec:
    """One card's make. Memory in MiB, power in watts, temperatures in degrees Celsius.

    kelvin_per_watt: steady temperature over ambient, per watt. time_constant_s: seconds of the approach to it.
    start_c: temperature at the first reading; `None`: that of a card at rest. slowdown_c: it throttles at or above.
    """

    model: str = "NVIDIA RTX A6000"
    memory_mb: int = 49_140
    idle_w: float = 22.0
    limit_w: float = 300.0
    ambient_c: float = 25.0
    kelvin_per_watt: float = 0.18
    time_constant_s: float = 20.0
    start_c: float | None = None
    slowdown_c: float = 95.0

    def steady_c(self, power: float) -> float:
        """Degrees Celsius at rest under `power` watts."""
        return steady_c(self.ambient_c, self.kelvin_per_watt, power)


def card_uuid(index: int, model: str) -> GpuUuid:
    """The UUID of the simulated card at `index`: the same at every start, in the driver's spelling."""
    return GpuUuid(f"GPU-{uuid.uuid5(_NAMESPACE, f'{index}:{model}')}")


class _Card:
    """One card's state between readings."""

    __slots__ = ("index", "power", "read_at", "spec", "temperature_c", "uuid")

    def __init__(self, index: int, spec: SimulatedCardSpec) -> None:
        self.index = index
        self.spec = spec
        self.uuid = card_uuid(index, spec.model)
        self.power = spec.idle_w
        self.temperature_c = spec.steady_c(spec.idle_w) if spec.start_c is None else spec.start_c
        self.read_at: float | None = None

    def read(self, now: float, loads: Iterable[GpuLoad]) -> GpuReading:
        """Let the time since the last reading pass, then take up the loads of now."""
        spec = self.spec
        if self.read_at is not None:
            target = spec.steady_c(self.power)
            self.temperature_c = step_c(self.temperature_c, target, now - self.read_at, spec.time_constant_s)
        self.read_at = now
        wanted, memory = _sum(loads)
        throttled = self.temperature_c >= spec.slowdown_c
        load = wanted * THROTTLED_SHARE if throttled else wanted
        self.power = power_w(spec.idle_w, spec.limit_w, load)
        return GpuReading(
            uuid=self.uuid,
            index=self.index,
            model=spec.model,
            memory_mb=spec.memory_mb,
            read_at=now,
            memory_used_mb=min(memory, spec.memory_mb),
            utilization=load,
            temperature_c=self.temperature_c,
            power_w=self.power,
            power_limit_w=spec.limit_w,
            throttled=throttled,
        )


def _sum(loads: Iterable[GpuLoad]) -> tuple[float, int]:
    """The sharers of one card taken together: load clamped to 0 to 1, and MiB."""
    load, memory = 0.0, 0
    for one in loads:
        load += one.load
        memory += one.memory_mb
    # A load that is no number would stay in the temperature for ever.
    return (min(max(load, 0.0), 1.0) if math.isfinite(load) else 1.0), max(memory, 0)


class SimulatedGpus:
    """A `GpuProvider` of simulated cards, numbered in the order of `cards`.

    loads: what runs where right now; loads on cards that are not among these are nobody's and are left out.
    """

    def __init__(
        self, cards: Sequence[SimulatedCardSpec], loads: Callable[[], Sequence[GpuLoad]], clock: Clock
    ) -> None:
        self._cards = tuple(_Card(index, spec) for index, spec in enumerate(cards))
        self._loads = loads
        self._clock = clock
        self._lock = threading.Lock()  # readings come from worker threads, and a reading moves the model on

    def read(self) -> tuple[GpuReading, ...]:
        """Every card now, by index."""
        with self._lock:
            by_card: dict[GpuUuid, list[GpuLoad]] = {card.uuid: [] for card in self._cards}
            for load in self._loads():
                if load.gpu in by_card:
                    by_card[load.gpu].append(load)
            now = self._clock.now()
            return tuple(card.read(now, by_card[card.uuid]) for card in self._cards)

    def close(self) -> None:
        """Nothing to let go of; the model stays as it is."""
