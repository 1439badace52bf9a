"""Four stacked RTX 3090 on virtual time: what placement and power caps do against thermally blind first fit."""

import pytest

from tests.bench.bench_heat import RTX_3090, Run, replay

BLIND = Run(load="made-up 0.7", policy="first-fit", jobs=40)
LEVERS = Run(load="made-up 0.7", policy="fair-share", share=0.7, jobs=40)


def test_the_levers_keep_a_busy_box_below_the_threshold_at_no_lost_throughput():
    """The three bounds: 80 % less time above it, none throttled, 3 % of the throughput at most; speed 5 % at most."""
    (_, blind), (_, levers) = replay(BLIND), replay(LEVERS)
    assert blind.above_h > 50 and blind.throttled_h > 10
    assert levers.above_h <= 0.2 * blind.above_h
    assert levers.throttled_h == 0
    assert levers.throughput >= 0.97 * blind.throughput
    assert levers.speed >= 0.95 * blind.speed
    assert levers.energy_kwh < blind.energy_kwh


def test_on_a_full_box_heat_has_its_price():
    """All four at work all the time at 75 °C take some 245 W each: physics lets nobody have the speed of 350."""
    (_, blind), (_, mild), (_, hard) = (
        replay(Run(load="full box", policy="first-fit", jobs=24)),
        replay(Run(load="full box", policy="fair-share", share=0.8, jobs=24)),
        replay(Run(load="full box", policy="fair-share", share=0.7, jobs=24)),
    )
    assert mild.throttled_h == hard.throttled_h == 0
    assert hard.above_h < 0.2 * blind.above_h < mild.above_h < blind.above_h
    assert 0.94 < hard.speed / blind.speed < mild.speed / blind.speed < 0.98


def test_the_same_again_every_time():
    short = Run(load="made-up 0.7", policy="fair-share", share=0.7, jobs=12)
    assert replay(short) == replay(short)


def test_coupling_alone_makes_a_stack_throttle():
    apart = Run(load="full box", policy="first-fit", jobs=12, coupling=0.0)
    (_, heat) = replay(apart)
    assert heat.throttled_h == 0
    assert heat.hottest_c == pytest.approx(25 + 0.12 * RTX_3090.limit_w, abs=0.01)
    assert heat.speed == pytest.approx(1.0)
