"""The engine's default policy against greedy and EASY on real traces and on other cuts of them, as ratios.

    python tests/bench/bench_policies.py [--estimates E] [--policy P[,P...]] [--quick]

The cuts were fixed before any of them was looked at: each part of the list below once or twice with the salts 1 and 2,
one rotation by a third, and each moved to the load of the whole trace, 0.851. None may be added or left out for what it
shows. Ratios are to greedy on the same cut; under 1 is better, but for utilisation.
"""

import argparse
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from engine.core.measures import Measures, measure
from engine.core.model import GpuUuid
from engine.core.policy import Policy
from engine.core.simulate import simulate
from engine.core.snapshot import Gpu, GroupTerms, Host
from engine.core.trace import Box, Estimates, TraceJob
from engine.daemon.cuts import cut_of, rotated, stretched, thinned
from engine.daemon.policies import contender, names_of
from engine.daemon.trace import CARD_MEMORY_MB, read_trace

DATA = Path(__file__).parents[3] / "shared" / "data"
GPUS, LOAD = 8, 0.851
WHOLE = "whole"
CUTS = (
    WHOLE, "2/3@1", "2/3@2", "1/2@1", "1/2@2", "1/3@1", "1/3@2", "3/4@1", "3/4@2", "shifted by 1/3",
)  # fmt: skip
TARGETS = {"bsld_mean": 0.6, "wait_mean_s": 0.9, "wide_wait_max_s": 0.6, "utilization": 0.97}
"""What the default policy should reach of greedy's on the whole trace; utilisation at least, the others at most."""
Run = tuple[str, str, str, Estimates]
"""Trace, cut, policy, estimates."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One replay. took_s: of this machine's time."""

    measures: Measures
    took_s: float


def jobs_of(trace: str, cut: str) -> tuple[TraceJob, ...]:
    """A cut of a trace; all but the whole are moved to one load."""
    jobs = tuple(read_trace(DATA / f"{trace}.csv"))
    if cut == WHOLE:
        return jobs
    jobs = rotated(jobs, 1 / 3) if cut.startswith("shifted") else thinned(jobs, cut_of(cut))
    return stretched(jobs, LOAD, GPUS, CARD_MEMORY_MB)


def replay(run: Run) -> Result:
    """Replay one cut under one policy."""
    trace, cut, name, estimates = run
    jobs = jobs_of(trace, cut)
    cards = tuple(Gpu(uuid=GpuUuid(f"GPU-{at}"), index=at, model="any", memory_mb=CARD_MEMORY_MB) for at in range(GPUS))
    groups = {job.key.owner.group: GroupTerms() for job in jobs}
    box = Box(gpus=cards, host=Host(cpu_cores=128, memory_mb=768 * 1024), groups=groups)
    by = contender(name, Policy())
    began = time.perf_counter()
    ran = list(simulate(jobs, box, by.policy, planner=by.planner, estimates=estimates))
    return Result(measures=measure(ran, GPUS, CARD_MEMORY_MB), took_s=time.perf_counter() - began)


def report(trace: str, cuts: Iterable[str], contenders: list[tuple[str, Estimates]]) -> None:
    """A table of ratios to greedy, a line for each cut and contender."""
    base: list[tuple[str, Estimates]] = [("greedy", Estimates.LIMIT)]
    runs = [(trace, cut, name, estimates) for cut in cuts for name, estimates in base + contenders]
    with ProcessPoolExecutor(2) as pool:
        results = dict(zip(runs, pool.map(replay, runs), strict=True))
    print(f"\n`{trace}`, ratios to greedy\n")
    print("| cut | jobs | policy, estimates | bsld mean | wait mean | wide wait max | utilisation | took s |")
    print("|---|---|---|---|---|---|---|---|")
    for run, result in results.items():
        _, cut, name, estimates = run
        greedy = results[(trace, cut, *base[0])].measures
        if name == "greedy":
            continue
        ratios = (_ratio(getattr(result.measures, of), getattr(greedy, of)) for of in TARGETS)
        told = " | ".join(ratios)
        print(f"| {cut} | {result.measures.jobs:,} | {name}, {estimates} | {told} | {result.took_s:.0f} |", flush=True)


def _ratio(value: float, of: float) -> str:
    return f"{value / of:.2f}" if of else "-"


def main() -> None:
    """Print both traces' tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--policy", type=names_of, default=("fair-share",), help="of the engine's own")
    parser.add_argument("--estimates", type=Estimates, default=Estimates.HISTORY, choices=list(Estimates))
    parser.add_argument("--quick", action="store_true", help="the whole traces only")
    asked = parser.parse_args()
    contenders = [(name, asked.estimates) for name in asked.policy]
    if asked.estimates is not Estimates.ACTUAL:
        contenders.append(("easy", asked.estimates))
    contenders.append(("easy", Estimates.ACTUAL))
    print(f"Aims on the whole of philly_mix: {', '.join(f'{name} {aim}' for name, aim in TARGETS.items())}")
    report("philly_mix", CUTS[:1] if asked.quick else CUTS, contenders)
    report("openb_share", CUTS[:1], contenders)


if __name__ == "__main__":
    main()
