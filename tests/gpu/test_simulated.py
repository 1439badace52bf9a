"""Simulated cards: load and memory from the jobs, heat over time, throttling, and the same again every time."""

import re
from dataclasses import replace

import pytest

from engine.core.model import GpuUuid
from engine.gpu.simulated import SimulatedCardSpec, SimulatedGpus, card_uuid
from engine.protocol.errors import Refused
from engine.readings import GpuLoad
from tests.gpu.conftest import HandClock

A100 = SimulatedCardSpec(
    model="NVIDIA A100-SXM4-80GB",
    memory_mb=81_920,
    idle_w=60.0,
    limit_w=400.0,
    ambient_c=21.0,
    kelvin_per_watt=0.10,
    time_constant_s=18.0,
)
UUID = card_uuid(0, A100.model)


def work(load: float, memory_mb: int = 1_000, gpu: GpuUuid = UUID) -> GpuLoad:
    return GpuLoad(gpu=gpu, load=load, memory_mb=memory_mb)


def speed(cards: SimulatedGpus) -> float:
    """How fast the only card has worked since the last reading: 1 is full speed."""
    (card,) = cards._cards
    return card.speed


def test_a_card_at_rest_stays_at_rest(clock: HandClock) -> None:
    cards = SimulatedGpus([A100], list, clock)
    for _ in range(3):
        (reading,) = cards.read()
        assert (reading.utilization, reading.power_w, reading.memory_used_mb) == (0.0, 60.0, 0)
        assert reading.temperature_c == pytest.approx(27.0)
        assert (reading.power_limit_w, reading.throttled, reading.present) == (400.0, False, True)
        clock.forward(1_000)


def test_sharers_add_up_to_a_full_card_and_no_further(clock: HandClock) -> None:
    loads = [work(0.3, 10_000), work(0.4, 20_000)]
    cards = SimulatedGpus([A100], lambda: loads, clock)
    (reading,) = cards.read()
    assert reading.utilization == pytest.approx(0.7)
    assert reading.power_w == pytest.approx(60 + 0.7 * 340)
    assert reading.memory_used_mb == 30_000
    loads.append(work(0.9, 80_000))
    (reading,) = cards.read()
    assert (reading.utilization, reading.power_w, reading.memory_used_mb) == (1.0, 400.0, 81_920)


def test_heat_follows_the_load_with_the_time_constant(clock: HandClock) -> None:
    loads = [work(1.0)]
    cards = SimulatedGpus([A100], lambda: loads, clock)
    assert cards.read()[0].temperature_c == pytest.approx(27.0)  # the load begins with this reading
    clock.forward(18.0)
    assert cards.read()[0].temperature_c == pytest.approx(61 - 34 / 2.718281828)
    clock.forward(1_000)
    assert cards.read()[0].temperature_c == pytest.approx(61.0)
    loads.clear()
    cards.read()
    clock.forward(1_000)
    assert cards.read()[0].temperature_c == pytest.approx(27.0)


def test_how_often_it_is_read_does_not_matter(clock: HandClock) -> None:
    often = SimulatedGpus([A100], lambda: [work(0.8)], clock)
    seldom = SimulatedGpus([A100], lambda: [work(0.8)], clock)
    seldom.read()
    for _ in range(50):
        often.read()
        clock.forward(0.37)
    assert often.read()[0].temperature_c == pytest.approx(seldom.read()[0].temperature_c)


def test_a_card_may_start_hot_and_cools_below_the_resume_temperature(clock: HandClock) -> None:
    hot = SimulatedCardSpec(start_c=90.0, time_constant_s=6.0)
    cards = SimulatedGpus([hot], list, clock)
    assert cards.read()[0].temperature_c == 90.0
    clock.forward(6.0)
    temperature = cards.read()[0].temperature_c
    assert temperature is not None
    assert 29.0 < temperature < 70.0


STUFFY = SimulatedCardSpec(ambient_c=40.0, kelvin_per_watt=0.25, limit_w=300.0, idle_w=25.0)
"""At full power it would have 115 °C."""


def test_a_card_at_its_slowdown_temperature_has_half_its_power_and_speed(clock: HandClock) -> None:
    uuid = card_uuid(0, STUFFY.model)
    cards = SimulatedGpus([STUFFY], lambda: [work(1.0, gpu=uuid)], clock)
    assert (cards.read()[0].throttled, speed(cards)) == (False, 1.0)
    clock.forward(1_000)
    (reading,) = cards.read()
    assert (reading.throttled, reading.throttle, reading.utilization) == (True, ("hw-thermal",), 1.0)
    assert reading.power_w == pytest.approx(25 + 0.5 * 275)
    assert speed(cards) == 0.5
    clock.forward(1_000)
    (reading,) = cards.read()
    assert reading.temperature_c == pytest.approx(40 + 0.25 * (25 + 0.5 * 275))
    assert (reading.throttled, reading.power_w, speed(cards)) == (False, 300.0, 1.0)


def test_between_target_and_slowdown_heat_finds_a_balance_that_costs_a_little_speed(clock: HandClock) -> None:
    """T = 40 + 0.25 P and P = 25 + 275 (1 - (T - 84) / 22): both hold at 87.4 °C and 262.6 W."""
    stuffy = replace(STUFFY, slowdown_c=106.0, target_c=84.0, kelvin_per_watt=0.18, ambient_c=40.14)
    uuid = card_uuid(0, stuffy.model)
    cards = SimulatedGpus([stuffy], lambda: [work(1.0, gpu=uuid)], clock)
    for _ in range(500):
        (reading,) = cards.read()
        clock.forward(5.0)
    assert reading.temperature_c == pytest.approx(40.14 + 0.18 * (reading.power_w or 0), abs=0.01)
    assert reading.power_w == pytest.approx(25 + 275 * (1 - 0.5 * ((reading.temperature_c or 0) - 84) / 22), abs=0.1)
    assert (reading.throttled, reading.throttle) == (True, ("sw-thermal",))
    assert 0.9 < speed(cards) < 1.0


def test_a_power_limit_costs_watts_and_little_speed(clock: HandClock) -> None:
    """An RTX 3090 at 280 of 350 W."""
    card = SimulatedCardSpec(idle_w=20.0, limit_w=350.0, kelvin_per_watt=0.12)
    uuid = card_uuid(0, card.model)
    cards = SimulatedGpus([card], lambda: [work(1.0, gpu=uuid)], clock)
    assert cards.refusal() is None
    cards.set_limit(uuid, 280.0)
    (reading,) = cards.read()
    assert (reading.power_w, reading.power_limit_w, reading.power_default_w) == (280.0, 280.0, 350.0)
    assert reading.throttle == ("power-cap",) and not reading.throttled
    assert 0.95 < speed(cards) < 0.96
    clock.forward(1_000)
    assert cards.read()[0].temperature_c == pytest.approx(25 + 0.12 * 280)
    cards.set_limit(uuid, 350.0)
    assert (cards.read()[0].power_w, cards.read()[0].throttle, speed(cards)) == (350.0, (), 1.0)


def test_a_limit_above_what_the_work_takes_costs_nothing(clock: HandClock) -> None:
    cards = SimulatedGpus([A100], lambda: [work(0.5)], clock)
    cards.set_limit(UUID, 250.0)
    (reading,) = cards.read()
    assert (reading.power_w, reading.throttle, speed(cards)) == (230.0, (), 1.0)


@pytest.mark.parametrize("watts", [0.0, 119.0, 401.0, float("nan")])
def test_a_limit_that_no_driver_would_take_is_refused(clock: HandClock, watts: float) -> None:
    cards = SimulatedGpus([A100], list, clock)
    with pytest.raises(Refused, match="takes a power limit of 120 to 400 W"):
        cards.set_limit(UUID, watts)
    with pytest.raises(Refused, match="no simulated card"):
        cards.set_limit(GpuUuid("GPU-elsewhere"), 200.0)
    assert cards.read()[0].power_limit_w == 400.0


def test_the_inner_cards_of_a_stack_are_the_hottest(clock: HandClock) -> None:
    """Each warms the next slots by 0.03, 0.015, 0.0075 kelvin per watt."""
    stack = [replace(A100, coupling=0.03)] * 4
    uuids = [card_uuid(at, A100.model) for at in range(4)]
    busy = [work(1.0, gpu=uuid) for uuid in uuids]
    cards = SimulatedGpus(stack, lambda: busy, clock)
    cards.read()
    clock.forward(10_000)
    outer, inner = 61 + 400 * (0.03 + 0.015 + 0.0075), 61 + 400 * (2 * 0.03 + 0.015)
    assert [reading.temperature_c for reading in cards.read()] == pytest.approx([outer, inner, inner, outer])
    assert sum(reading.energy_j or 0 for reading in cards.read()) == pytest.approx(4 * 400 * 10_000)


def test_an_idle_card_is_warmed_by_its_neighbour_alone(clock: HandClock) -> None:
    busy = [work(1.0)]
    cards = SimulatedGpus([replace(A100, coupling=0.03)] * 3, lambda: busy, clock)
    cards.read()
    clock.forward(10_000)
    temperatures = [reading.temperature_c or 0 for reading in cards.read()]
    assert temperatures[1] == pytest.approx(27 + 0.03 * (400 + 60))
    assert temperatures[0] > temperatures[1] > temperatures[2]


def test_a_clock_set_back_neither_heats_nor_cools(clock: HandClock) -> None:
    cards = SimulatedGpus([SimulatedCardSpec(start_c=80.0)], list, clock)
    cards.read()
    clock.forward(-3_600)
    assert cards.read()[0].temperature_c == 80.0
    clock.forward(1.0)
    temperature = cards.read()[0].temperature_c
    assert temperature is not None
    assert 70.0 < temperature < 80.0


@pytest.mark.parametrize("load", [float("nan"), float("inf"), 17.0])
def test_a_load_that_is_too_much_is_a_full_card(clock: HandClock, load: float) -> None:
    cards = SimulatedGpus([A100], lambda: [work(load)], clock)
    cards.read()
    clock.forward(1_000)
    (reading,) = cards.read()
    assert (reading.utilization, reading.temperature_c) == (1.0, pytest.approx(61.0))


def test_a_load_below_nothing_is_nothing(clock: HandClock) -> None:
    (reading,) = SimulatedGpus([A100], lambda: [work(-3.0, -5)], clock).read()
    assert (reading.utilization, reading.power_w, reading.memory_used_mb) == (0.0, 60.0, 0)


def test_work_on_a_card_of_another_host_is_left_out(clock: HandClock) -> None:
    elsewhere = work(1.0, 5_000, GpuUuid("GPU-elsewhere"))
    (reading,) = SimulatedGpus([A100], lambda: [elsewhere], clock).read()
    assert (reading.utilization, reading.memory_used_mb) == (0.0, 0)


def test_each_card_has_its_own_work_and_heat(clock: HandClock) -> None:
    specs = [SimulatedCardSpec(), A100, SimulatedCardSpec()]
    busy = card_uuid(1, A100.model)
    cards = SimulatedGpus(specs, lambda: [work(1.0, gpu=busy)], clock)
    cards.read()
    clock.forward(100)
    readings = cards.read()
    assert [reading.model for reading in readings] == [spec.model for spec in specs]
    assert [reading.utilization for reading in readings] == [0.0, 1.0, 0.0]
    assert readings[0].temperature_c == readings[2].temperature_c == pytest.approx(25 + 0.18 * 22)


def test_uuids_are_the_same_at_every_start_and_differ_by_card() -> None:
    uuids = [card_uuid(index, model) for index in range(8) for model in ("NVIDIA RTX A6000", A100.model)]
    assert len(set(uuids)) == len(uuids)
    assert all(re.fullmatch(r"GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid) for uuid in uuids)
    # Books from before an upgrade name cards by these.
    assert card_uuid(0, "NVIDIA RTX A6000") == "GPU-ce58b880-4d85-58c4-bc85-ba9a9f2a0db1"
