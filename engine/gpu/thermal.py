"""The heat of one simulated card, as pure arithmetic: power from load, temperature from power and time.

Must not know clocks, jobs or who asks.
"""

import math


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
