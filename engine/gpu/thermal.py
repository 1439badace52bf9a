"""The heat of simulated cards, as pure arithmetic: power from load, temperature from power and time, speed from power.

Must not know clocks, jobs or who asks.
"""

import math
from collections.abc import Sequence

FREE_SHARE = 0.6
"""Above this part of its power a card trades watts for voltage, which costs little speed; below, for clock alone."""
SPEED_EXPONENT = 0.2
"""There speed goes with this power of the watts: 280 of 350 W leave 95 to 96 %, as was measured on four RTX 3090."""
SLOWED_SHARE = 0.5
"""The part of its work and of its watts that a card keeps at its slowdown temperature."""


def steady_c(ambient_c: float, kelvin_per_watt: float, power_w: float) -> float:
    """Degrees Celsius that a card comes to rest at when it takes `power_w` watts for ever."""
    return ambient_c + kelvin_per_watt * power_w


def step_c(temperature_c: float, target_c: float, elapsed_s: float, time_constant_s: float) -> float:
    """Degrees Celsius after `elapsed_s` seconds on the way from `temperature_c` to `target_c`.

    The exact solution of dT/dt = (target - T) / time_constant, so any step will do and two short steps give what one
    long step gives. A clock that was set back counts as no time at all.
    """
    if elapsed_s <= 0:
        return temperature_c
    decay = math.exp(-elapsed_s / time_constant_s)
    return target_c + (temperature_c - target_c) * decay


def power_w(idle_w: float, limit_w: float, load: float) -> float:
    """Watts at `load` (0 to 1): from `idle_w` at rest in a straight line to `limit_w`."""
    return idle_w + load * (limit_w - idle_w)


def inlet_c(ambient_c: float, coupling: float, powers_w: Sequence[float], at: int) -> float:
    """Degrees Celsius of the air that card `at` of a stack breathes: its neighbours have warmed it.

    coupling: kelvin for each watt of the card in the next slot, half of that two slots away, and so on.
    """
    return ambient_c + math.fsum(
        coupling * watts / 2 ** (abs(other - at) - 1) for other, watts in enumerate(powers_w) if other != at
    )


def heat_share(temperature_c: float, target_c: float, slowdown_c: float) -> float:
    """The part of its power above rest that a card's own heat regulation allows it.

    All of it up to `target_c`, from there in a straight line down to `SLOWED_SHARE` at `slowdown_c`.
    """
    if temperature_c < target_c:
        return 1.0
    if temperature_c >= slowdown_c:
        return SLOWED_SHARE
    return 1.0 - (1.0 - SLOWED_SHARE) * (temperature_c - target_c) / (slowdown_c - target_c)


def speed(share: float) -> float:
    """How fast a card works, 1 at full speed, with `share` (0 to 1) of the power above rest that its work takes."""
    voltage = math.pow(max(FREE_SHARE, min(1.0, share)), SPEED_EXPONENT)
    return voltage * min(1.0, max(0.0, share) / FREE_SHARE)
