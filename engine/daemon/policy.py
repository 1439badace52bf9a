"""From settings to the core's policy. Must not know anything else of the engine."""

from config.settings import Settings
from engine.core.forecast import Bounds
from engine.core.policy import Basis, Order, Policy, Power, Preemption, Thermal


def policy_of(settings: Settings) -> Policy:
    """The policy that these settings ask for."""
    scheduling = settings.scheduling
    return Policy(
        order=Order(scheduling.policy),
        half_life_s=scheduling.half_life_days * 86_400.0,
        shortness=scheduling.shortness,
        starvation_bound_s=scheduling.starvation_bound_h * 3600.0,
        starvation_stretch_s=scheduling.starvation_stretch_h * 3600.0,
        reservation_depth=scheduling.reservations,
        promise_window_s=scheduling.promise_window_h * 3600.0,
        promises=Basis(scheduling.promises),
        thermal=Thermal(
            threshold_c=settings.thermal.threshold_c,
            resume_c=settings.thermal.resume_c,
            margin_c=settings.thermal.margin_c,
            neighbour=settings.thermal.neighbour,
            critical_c=settings.thermal.critical_c,
            power_cap=settings.thermal.power_cap,
            power_cap_share=settings.thermal.power_cap_share,
        ),
        power=Power(budget_w=settings.power.budget_w, idle_w=settings.power.idle_w),
        tolerated_foreign_mb=None if settings.gpu.foreign == "ignore" else settings.gpu.tolerated_foreign_mb,
        preemption=Preemption(
            enabled=scheduling.preemption,
            min_run_s=scheduling.preemption_min_run_s,
            priority_gap=scheduling.preemption_priority_gap,
            grace_s=settings.executor.grace_s,
        ),
    )


def bounds_of(settings: Settings) -> Bounds:
    """How far these settings let a forecast go."""
    scheduling = settings.scheduling
    return Bounds(horizon_s=scheduling.forecast_h * 3600.0, passes=scheduling.forecast_passes)
