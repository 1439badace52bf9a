"""Cards that do not exist, for machines without any: load and memory from the jobs, heat from a thermal model.

Each card follows dT/dt = (inlet + R * P - T) / tau, where P rises in a straight line with the load and the inlet air is
warmed by the cards beside it. From `target_c` on a card's own regulation takes power from it, little by little, down to
half of it at `slowdown_c`, where it also works at half speed; a power limit below what the load wants takes power too.
What a reading finds (load, power) holds until the next reading. There is no randomness.
Must not know the settings file, nor how jobs are started.
"""

import math
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from engine.core.model import GpuUuid
from engine.gpu.thermal import SLOWED_SHARE, heat_share, inlet_c, power_w, speed, steady_c, step_c
from engine.ports import Clock
from engine.protocol.errors import Refused
from engine.readings import GpuLoad, GpuReading, NodeReading

LEAST_LIMIT = 0.3
"""The lowest power limit that a simulated card takes, as a part of its own."""

_NAMESPACE = uuid.UUID("5f0c2f8e-6f3e-5c1b-9d53-7b1b5c0e4a10")


@dataclass(slots=True, frozen=True, kw_only=True)
class SimulatedCardSpec:
    """One card's make. Memory in MiB, power in watts, temperatures in degrees Celsius.

    kelvin_per_watt: steady temperature over the inlet air, per watt. coupling: kelvin that each watt of the card in the
    next slot warms that air by (`thermal.inlet_c`). time_constant_s: seconds of the approach to the steady temperature.
    start_c: temperature at the first reading; `None`: that of a card at rest alone. target_c: from there on heat takes
    power from it; slowdown_c: at or above it half of its power and speed are left.
    """

    model: str = "NVIDIA RTX A6000"
    memory_mb: int = 49_140
    idle_w: float = 22.0
    limit_w: float = 300.0
    ambient_c: float = 25.0
    kelvin_per_watt: float = 0.18
    coupling: float = 0.0
    time_constant_s: float = 20.0
    start_c: float | None = None
    target_c: float = 84.0
    slowdown_c: float = 95.0

    def steady_c(self, power: float) -> float:
        """Degrees Celsius at rest under `power` watts, alone."""
        return steady_c(self.ambient_c, self.kelvin_per_watt, power)


def card_uuid(index: int, model: str) -> GpuUuid:
    """The UUID of the simulated card at `index`: the same at every start, in the driver's spelling."""
    return GpuUuid(f"GPU-{uuid.uuid5(_NAMESPACE, f'{index}:{model}')}")


class SimulatedCard:
    """One card's state between readings. limit, power: watts. speed: 1 is full speed."""

    __slots__ = (
        "energy_j", "index", "limit", "power", "read_at", "spec", "speed", "temperature_c", "throttle", "throttled",
        "uuid",
    )  # fmt: skip

    def __init__(self, index: int, spec: SimulatedCardSpec) -> None:
        self.index = index
        self.spec = spec
        self.uuid = card_uuid(index, spec.model)
        self.limit = spec.limit_w
        self.power = spec.idle_w
        self.speed = 1.0
        self.throttled = False
        self.throttle: tuple[str, ...] = ()
        self.temperature_c = spec.steady_c(spec.idle_w) if spec.start_c is None else spec.start_c
        self.read_at: float | None = None
        self.energy_j = 0.0

    def pass_time(self, now: float, inlet: float) -> None:
        """Let the time since the last reading pass, in air of `inlet` degrees."""
        if self.read_at is not None:
            spec = self.spec
            target = steady_c(inlet, spec.kelvin_per_watt, self.power)
            self.temperature_c = step_c(self.temperature_c, target, now - self.read_at, spec.time_constant_s)
            self.energy_j += self.power * max(0.0, now - self.read_at)
        self.read_at = now

    def take_up(self, load: float) -> None:
        """Work at `load` from now on, as far as heat and the power limit let it."""
        spec = self.spec
        wanted = power_w(spec.idle_w, spec.limit_w, load) - spec.idle_w
        by_heat = heat_share(self.temperature_c, spec.target_c, spec.slowdown_c)
        by_limit = max(0.0, self.limit - spec.idle_w) / wanted if wanted > 0 else 1.0
        share = min(1.0, by_heat, by_limit)
        slowed, self.throttled = self.temperature_c >= spec.slowdown_c, wanted > 0 and by_heat < 1.0
        self.power = spec.idle_w + share * wanted
        self.speed = min(speed(share), SLOWED_SHARE if slowed else 1.0)
        heat = ("hw-thermal" if slowed else "sw-thermal",) if self.throttled else ()
        self.throttle = (*heat, *(("power-cap",) if by_limit < min(1.0, by_heat) else ()))

    def read(self, now: float, loads: Iterable[GpuLoad]) -> GpuReading:
        """Take up the loads of now, and tell how the card is."""
        spec = self.spec
        load, memory = _sum(loads)
        self.take_up(load)
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
            power_limit_w=self.limit,
            power_default_w=spec.limit_w,
            power_min_w=LEAST_LIMIT * spec.limit_w,
            power_max_w=spec.limit_w,
            slowdown_c=spec.slowdown_c,
            throttled=self.throttled,
            throttle=self.throttle,
            energy_j=self.energy_j,
            position=self.index,
            nodes=(f"/dev/nvidia{self.index}",),
        )


def pass_time(stack: Sequence[SimulatedCard], now: float) -> None:
    """Let the time pass for cards that warm each other, slot by slot."""
    powers = [card.power for card in stack]
    for at, card in enumerate(stack):
        card.pass_time(now, inlet_c(card.spec.ambient_c, card.spec.coupling, powers, at))


def _sum(loads: Iterable[GpuLoad]) -> tuple[float, int]:
    """The sharers of one card taken together: load clamped to 0 to 1, and MiB."""
    load, memory = 0.0, 0
    for one in loads:
        load += one.load
        memory += one.memory_mb
    # A load that is no number would stay in the temperature for ever.
    return (min(max(load, 0.0), 1.0) if math.isfinite(load) else 1.0), max(memory, 0)


class SimulatedGpus:
    """A `GpuProvider` and `PowerControl` of simulated cards in one stack, numbered in the order of `cards`.

    loads: what runs where right now; loads on cards that are not among these are nobody's and are left out.
    """

    def __init__(
        self, cards: Sequence[SimulatedCardSpec], loads: Callable[[], Sequence[GpuLoad]], clock: Clock
    ) -> None:
        self._cards = tuple(SimulatedCard(index, spec) for index, spec in enumerate(cards))
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
            pass_time(self._cards, now)
            return tuple(card.read(now, by_card[card.uuid]) for card in self._cards)

    def refusal(self) -> str | None:
        """Nobody needs a privilege for cards that do not exist."""
        return None

    def set_limit(self, gpu: GpuUuid, watts: float) -> None:
        """Set a card's power limit, in force from the next reading on. Raises Refused where the driver would refuse."""
        with self._lock:
            card = next((card for card in self._cards if card.uuid == gpu), None)
            if card is None:
                raise Refused("NOT_FOUND", f"There is no simulated card {gpu}. `rcq gpus` lists those there are.")
            least, most = LEAST_LIMIT * card.spec.limit_w, card.spec.limit_w
            if not least <= watts <= most:
                raise Refused(
                    "VALIDATION_ERROR",
                    f"Card {card.index} takes a power limit of {least:.0f} to {most:.0f} W, not {watts:.0f}.",
                )
            card.limit = watts

    def nodes(self) -> tuple[NodeReading, ...]:
        """None: its cards are this host's."""
        return ()

    def close(self) -> None:
        """Nothing to let go of; the model stays as it is."""
