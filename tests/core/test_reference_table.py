"""The baselines on a real trace against an independent simulator's figures (within 1 %)."""

from pathlib import Path

import pytest

from engine.core.measures import measure
from engine.core.model import GpuUuid
from engine.core.policy import Policy
from engine.core.simulate import simulate
from engine.core.snapshot import Gpu, Host
from engine.core.trace import Box, Estimates
from engine.daemon.policies import BASELINES
from engine.daemon.trace import CARD_MEMORY_MB, read_trace

TRACE = Path(__file__).parents[3] / "shared" / "data" / "philly_mix.csv"
NAMES = (
    "wait_mean_s", "wait_median_s", "wait_p95_s", "wait_max_s", "wide_wait_mean_s", "wide_wait_max_s", "bsld_mean",
    "utilization",
)  # fmt: skip
REFERENCE = {
    ("fcfs", "limit"): (970_887, 922_677, 2_267_649, 2_566_815, 1_415_849, 2_551_974, 2611.9, 0.631),
    ("greedy", "limit"): (138_835, 90_462, 432_527, 1_782_840, 550_063, 1_782_840, 215.0, 0.846),
    ("easy", "actual"): (245_369, 264_404, 609_320, 1_235_054, 452_505, 1_235_054, 314.3, 0.837),
    ("easy", "limit"): (229_866, 237_075, 643_617, 1_586_224, 653_509, 1_586_224, 237.9, 0.754),
    ("easy-sjbf", "actual"): (199_424, 158_767, 569_510, 1_343_922, 445_607, 1_343_922, 176.8, 0.815),
    ("conservative", "actual"): (249_640, 270_617, 605_393, 1_234_917, 440_384, 1_234_917, 315.2, 0.847),
    ("sjf", "actual"): (86_806, 25_567, 445_373, 1_959_482, 432_806, 1_959_482, 72.7, 0.812),
}


@pytest.fixture(scope="module")
def jobs():
    if not TRACE.exists():
        pytest.skip(f"the real traces are not beside the checkout ({TRACE})")
    return tuple(read_trace(TRACE))


def figures(jobs, name, estimates):
    cards = tuple(Gpu(uuid=GpuUuid(f"G{at}"), index=at, model="any", memory_mb=CARD_MEMORY_MB) for at in range(8))
    box = Box(gpus=cards, host=Host(cpu_cores=128, memory_mb=768 * 1024), groups={})
    ran = list(simulate(jobs, box, Policy(), planner=BASELINES[name], estimates=Estimates(estimates)))
    found = measure(ran, 8, CARD_MEMORY_MB)
    return [getattr(found, measured) for measured in NAMES]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "estimates"), list(REFERENCE))
def test_within_one_percent_of_the_reference(jobs, name, estimates):
    assert figures(jobs, name, estimates) == pytest.approx(REFERENCE[name, estimates], rel=0.01)


@pytest.mark.slow
def test_last_two_runs_as_near_as_the_reference_is_told(jobs):
    """It does not say what becomes of a job that outruns its prediction: here it doubles, and all but two agree."""
    mean, median, p95, longest, wide_mean, wide_longest, slowdown, used = figures(jobs, "easy", "last2")
    assert (mean, median, longest, wide_mean, wide_longest, slowdown) == pytest.approx(
        (156_942, 131_577, 1_423_463, 512_465, 1_423_463, 205.9), rel=0.03
    )
    assert (p95, used) == pytest.approx((518_526, 0.820), rel=0.06)
