"""Four stacked RTX 3090 under the levers against heat: placement, a short delay and power caps; on virtual time.

    python tests/bench/bench_heat.py [--coupling K] [--load L]

Each row is a simulation of the same jobs: `philly_mix.csv`, an eighth of its jobs by hash, moved to a load; and made-up
ones, 400 jobs of 1 to 3 hours on one card each, that come evenly or, on a full box, are all there from the start.
`first-fit` and `blind` know nothing of heat (jobs in order of submission, and in the engine's own order); a share is
what hot cards keep of their power limit, 1.00 no caps.
"""

import argparse
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from config.settings import GpuSettings, Settings, SimulatedCard, ThermalSettings
from engine.core.measures import Measures, measure
from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, Shape
from engine.core.simulate import simulate
from engine.core.snapshot import Host, Quotas
from engine.core.trace import Estimates, TraceJob
from engine.core.warmth import HeatMeasures
from engine.daemon import machine
from engine.daemon.cuts import cut_of, stretched, thinned
from engine.daemon.heat import warmth_of
from engine.daemon.policies import contender
from engine.daemon.policy import policy_of
from engine.daemon.trace import CARD_MEMORY_MB, read_trace

DATA = Path(__file__).parents[3] / "shared" / "data"
GPUS, CUT = 4, "1/8"
MADE_UP = {"made-up 0.5": 0.5, "made-up 0.7": 0.7, "full box": None}
"""Loads of made-up jobs; `None`: more than there is room for."""
REAL = {"philly 0.5": 0.5, "philly 0.7": 0.7, "philly 0.85": 0.85}
LOADS = (*REAL, *MADE_UP)
SHARES = (1.0, 0.9, 0.8, 0.75, 0.7, 0.65, 0.6)
RTX_3090 = SimulatedCard(
    model="NVIDIA GeForce RTX 3090",
    memory_mb=24_576,
    idle_w=20.0,
    limit_w=350.0,
    ambient_c=25.0,
    kelvin_per_watt=0.12,
    coupling=0.03,
    time_constant_s=20.0,
    load=1.0,
    target_c=83.0,
    slowdown_c=95.0,
)
"""Alone it has 67 °C at 350 W; the inner two of four would have 93, were they not slowed down by then."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One simulation. share: of their power limit, what hot cards keep. jobs: how many are made up."""

    load: str
    policy: str
    share: float = 1.0
    coupling: float = RTX_3090.coupling
    jobs: int = 400


def made_up(count: int, load: float | None) -> tuple[TraceJob, ...]:
    """Jobs of 1 to 3 hours on one card each, in the same mix every time."""
    owner = Owner(account=AccountName("ann"), group=GroupName("lab"))
    key = GroupKey(owner=owner, service=None, priority=5, preemptible=False, shape=Shape(gpus=1, time_limit_s=21_600))
    apart_s = 7200.0 / (GPUS * load) if load else 0.0
    return tuple(
        TraceJob(job=JobId(f"j{at:04}"), key=key, submit_s=at * apart_s, runtime_s=3600.0 + at * 2311 % 7200)
        for at in range(count)
    )


def jobs_of(run: Run) -> tuple[TraceJob, ...]:
    """The jobs that a run replays."""
    if run.load in MADE_UP:
        return made_up(run.jobs, MADE_UP[run.load])
    jobs = thinned(tuple(read_trace(DATA / "philly_mix.csv")), cut_of(CUT))
    jobs = stretched(jobs, REAL[run.load], GPUS, CARD_MEMORY_MB)
    return tuple(job for job in jobs if job.key.shape.gpus <= GPUS)


def replay(run: Run) -> tuple[Measures, HeatMeasures]:
    """Simulate one run."""
    settings = Settings(
        thermal=ThermalSettings(power_cap=run.share < 1, power_cap_share=run.share),
        gpu=GpuSettings(simulated=(RTX_3090.model_copy(update={"count": GPUS, "coupling": run.coupling}),)),
    )
    jobs = jobs_of(run)
    host = Host(cpu_cores=machine.CORES, memory_mb=machine.MEMORY_GB * 1024)
    box = machine.box_of(machine.made_up(GPUS), host, jobs, {}, Quotas())
    by = contender(run.policy, policy_of(settings))
    warmth = warmth_of(settings, box.gpus, by.policy.thermal)
    ran = list(simulate(jobs, box, by.policy, planner=by.planner, estimates=Estimates.HISTORY, warmth=warmth))
    assert len(ran) == len(jobs), run
    return measure(ran, GPUS, CARD_MEMORY_MB), warmth.measured(ran)


def runs(loads: Iterable[str], coupling: float) -> list[Run]:
    """Every row: what is blind to heat, then the levers with caps from none to hard ones."""
    return [
        Run(load=load, policy=policy, share=share, coupling=coupling)
        for load in loads
        for policy, share in (("first-fit", 1.0), ("blind", 1.0), *(("fair-share", share) for share in SHARES))
    ]


def main() -> None:
    """Print a table for each load; ratios of throughput are to `first-fit` and to `blind`."""
    parser = argparse.ArgumentParser(description="Four stacked RTX 3090 under the levers against heat.")
    parser.add_argument("--coupling", type=float, default=RTX_3090.coupling, help="K/W from slot to slot")
    parser.add_argument("--load", choices=LOADS, action="append", help="only this load")
    asked = parser.parse_args()
    todo = runs(asked.load or LOADS, asked.coupling)
    with ProcessPoolExecutor() as pool:
        found = dict(zip(todo, pool.map(replay, todo), strict=True))
    for load in asked.load or LOADS:
        titles = (
            load,
            "share",
            "card-h above",
            "throttled",
            "capped",
            "hottest °C",
            "kWh",
            "speed",
            "throughput",
            "wait s",
        )
        print(f"\n| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
        base = [found[run][1].throughput for run in todo if run.load == load][:2]
        for run, (measures, heat) in found.items():
            if run.load == load:
                ratios = ", ".join(f"{heat.throughput / its:.3f}" for its in base)
                print(
                    f"| {run.policy} | {run.share:.2f} | {heat.above_h:,.1f} | {heat.throttled_h:,.1f} "
                    f"| {heat.capped_h:,.1f} | {heat.hottest_c:.1f} | {heat.energy_kwh:,.0f} | {heat.speed:.3f} "
                    f"| {ratios} | {measures.wait_mean_s:,.0f} |"
                )


if __name__ == "__main__":
    main()
