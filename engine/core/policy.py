"""How an admin wants the box to be run: the numbers a pass is steered by.

Pure values with their defaults. This module must not know the settings file.
"""

from dataclasses import dataclass
from enum import StrEnum


class Order(StrEnum):
    """The named orders of pending jobs."""

    FAIR_SHARE = "fair-share"
    AGING = "aging"


@dataclass(slots=True, frozen=True, kw_only=True)
class Thermal:
    """Degrees Celsius: no start at or above `threshold_c`; a hot card comes back below `resume_c`.

    margin_c: a card that tells how many degrees are left before it slows itself down is hot with no more than these.
    neighbour: of two cards that are equal else, the cooler one is taken; so much of its neighbours' heat counts with
    its own (0 to 1). critical_c: a running job is acted on, too, from there until the card is below threshold_c.
    power_cap: hot cards at work get a lower power limit (`placement.caps`), power_cap_share of their own.
    """

    threshold_c: float = 75.0
    resume_c: float = 70.0
    margin_c: float = 5.0
    neighbour: float = 0.2
    critical_c: float = 90.0
    power_cap: bool = False
    power_cap_share: float = 0.7


@dataclass(slots=True, frozen=True, kw_only=True)
class Preemption:
    """When a running job that said it is preemptible may be stopped for another one.

    min_run_s: seconds that a job may run before it can be stopped. priority_gap: the other's base priority (job plus
    group, 2 to 20) must be higher by so much. grace_s: seconds between the signal and the end.
    """

    enabled: bool = True
    min_run_s: float = 600.0
    priority_gap: int = 3
    grace_s: float = 30.0


@dataclass(slots=True, frozen=True, kw_only=True)
class Power:
    """Watts. budget_w: what all cards of the host may draw together, `None` for no bound. idle_w: of a card at rest."""

    budget_w: float | None = None
    idle_w: float = 25.0


class Basis(StrEnum):
    """What promises rest on.

    Time limits, which nothing outlasts, or expected run times, which keep fewer cards empty and are often wrong, so
    that promises slip; or both: expected run times, until a job has waited for the whole starvation stretch.
    """

    BOTH = "both"
    LIMITS = "limits"
    ESTIMATES = "estimates"


@dataclass(slots=True, frozen=True, kw_only=True)
class Policy:
    """Order and bounds of a pass.

    half_life_s: seconds after which recorded usage counts half. shortness: how much sooner short jobs come in the
    fair-share order, 0 not at all (the exponent of `fairshare.short_factor`). starvation_bound_s: a job that has
    waited longer goes to the head; starvation_stretch_s: so much longer at most where the queue itself is that long
    (`ordering.patience_s`). reservation_depth: how many jobs that cannot start are promised a future lease in one
    pass; promise_window_s: how far ahead. promises: what they rest on. tolerated_foreign_mb: MiB of other people's
    processes on a card that are ignored, `None` for any. core_weight: the part of a GPU that a core is billed as.
    """

    order: Order = Order.FAIR_SHARE
    half_life_s: float = 7 * 86_400.0
    shortness: float = 0.5
    starvation_bound_s: float = 86_400.0
    starvation_stretch_s: float = 6 * 86_400.0
    reservation_depth: int = 8
    promise_window_s: float = 86_400.0
    promises: Basis = Basis.BOTH
    thermal: Thermal = Thermal()
    power: Power = Power()
    tolerated_foreign_mb: int | None = 500
    core_weight: float = 0.01
    preemption: Preemption = Preemption()
