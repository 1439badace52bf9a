"""`rcq simulate --thermal`: cards warm up under load, and a hot one takes no job until it has cooled."""

import json

import pytest

from engine.daemon.simulate import main
from tests.daemon.traces import job, write_csv

HOT = """
[[gpu.simulated]]
idle_w = 20.0
limit_w = 300.0
ambient_c = 25.0
kelvin_per_watt = 0.25
time_constant_s = 100.0
load = 1.0
target_c = 120.0
slowdown_c = 130.0
"""


@pytest.fixture
def replay(tmp_path, capsys):
    def run(rows, *more, config=HOT):
        trace = write_csv(tmp_path / "t.csv", *rows)
        settings = tmp_path / "rcq.toml"
        settings.write_text(config)
        code = main([str(trace), "--config", str(settings), "--thermal", "--json", *more])
        told = capsys.readouterr()
        return json.loads(told.out) if code == 0 else told.err

    return run


def test_the_next_job_waits_until_the_card_has_cooled_below_resume(replay):
    """Steady at 100 °C under load and 30 at rest: from 100 it is below 70 after 100 s x ln(70/40) = 56 s."""
    found = replay([job("a", 0, 5000), job("b", 1, 10)], "--gpus", "1", "--policy", "greedy")
    assert found["wait_max_s"] == pytest.approx(4999 + 56, abs=5)


def test_a_short_job_leaves_the_card_cool_enough(replay):
    """After 50 s it has 30 + 70 x (1 - e^-0.5) = 57.5 °C."""
    found = replay([job("a", 0, 50), job("b", 1, 10)], "--gpus", "1", "--policy", "greedy")
    assert found["wait_max_s"] == pytest.approx(49)


@pytest.mark.parametrize("policy", ["fair-share", "aging", "fcfs", "easy", "conservative", "sjf"])
def test_every_policy_turns_to_the_cool_card(replay, policy):
    """Card 0 is hot when b comes; card 1 has been idle."""
    rows = [job("a", 0, 5000), job("b", 5010, 10)]
    assert replay(rows, "--gpus", "2", "--policy", policy)["wait_max_s"] == 0
    assert replay(rows, "--gpus", "1", "--policy", policy)["wait_max_s"] == pytest.approx(46, abs=5)


def test_each_policy_begins_with_cool_cards(replay):
    found = replay([job("a", 0, 5000), job("b", 1, 10)], "--gpus", "1", "--policy", "fcfs,greedy")
    first, second = found["items"]
    assert first["wait_max_s"] == second["wait_max_s"]


def test_cards_that_never_cool_are_refused(replay):
    said = replay([job("a", 0, 5)], config=HOT.replace("ambient_c = 25.0", "ambient_c = 66.0"))
    assert "at rest has 71 °C and never comes below thermal.resume_c, 70. Lower its ambient_c" in said


SLOWED = HOT.replace("target_c = 120.0", "target_c = 90.0").replace("slowdown_c = 130.0", "slowdown_c = 90.0")
SLOWED = SLOWED.replace("ambient_c = 25.0", "ambient_c = 62.5").replace(
    "time_constant_s = 100.0", "time_constant_s = 0.01"
)
"""At rest 67.5 °C, at half power 102.5: from the first look on it is slowed down to half speed for good."""


def test_a_job_on_a_card_at_half_speed_takes_twice_as_long(replay):
    """Full speed until the first look after 5 s; then the other 95 s of its work take 190."""
    found = replay([job("a", 0, 100)], "--gpus", "1", "--policy", "first-fit", config=SLOWED)
    assert found["makespan_s"] == pytest.approx(5 + 190)
    assert found["speed"] == pytest.approx(100 / 195, abs=1e-4)
    assert found["throttled_h"] == pytest.approx(190 / 3600, abs=1e-4)
    assert found["energy_kwh"] == pytest.approx((5 * 300 + 190 * 160) / 3.6e6, abs=1e-4)


def test_a_gang_waits_for_its_slowest_card(replay):
    """Two makes: one is slowed down, the other is not."""
    cool = HOT.replace("ambient_c = 25.0", "ambient_c = 20.0")
    found = replay([job("a", 0, 100, gpus=2)], "--gpus", "2", "--policy", "first-fit", config=SLOWED + cool)
    assert found["makespan_s"] == pytest.approx(5 + 190)


def test_a_cap_costs_speed_and_time_and_is_counted(replay):
    """From 73 °C on it keeps 0.5 of 300 W: 130 of 280 W above rest."""
    caps = "[thermal]\npower_cap = true\npower_cap_share = 0.5\n"
    rows = [job("a", 0, 5000)]
    free = replay(rows, "--gpus", "1", "--policy", "fair-share")
    held = replay(rows, "--gpus", "1", "--policy", "fair-share", config=caps + HOT)
    assert free["above_h"] > 1.3 and free["speed"] == 1.0 and free["capped_h"] == 0.0
    assert held["hottest_c"] < free["hottest_c"] - 15
    assert held["above_h"] < 0.1 * free["above_h"]
    assert held["makespan_s"] == pytest.approx(5000 / held["speed"], rel=1e-3)
    assert 0.7 < held["speed"] < 1.0 and held["capped_h"] > 0.5


def test_what_is_blind_to_heat_starts_at_once_and_is_never_capped(replay):
    rows = [job("a", 0, 5000), job("b", 1, 10)]
    caps = "[thermal]\npower_cap = true\n"
    for policy in ("first-fit", "blind"):
        found = replay(rows, "--gpus", "1", "--policy", policy, config=caps + HOT)
        assert (found["wait_max_s"], found["capped_h"]) == (pytest.approx(4999), 0.0)


def test_several_policies_are_compared_by_heat_too(replay, tmp_path, capsys):
    replay([job("a", 0, 500)])
    assert (
        main([str(tmp_path / "t.csv"), "--config", str(tmp_path / "rcq.toml"), "--thermal", "--policy", "fcfs,blind"])
        == 0
    )
    told = capsys.readouterr().out
    assert "card-h above" in told and told.splitlines()[-1].startswith("blind")


def test_a_cap_that_would_stop_a_card_is_refused(replay):
    caps = "[thermal]\npower_cap = true\npower_cap_share = 0.3\n"
    said = replay([job("a", 0, 5)], config=caps + HOT.replace("idle_w = 20.0", "idle_w = 95.0"))
    assert "thermal.power_cap_share: 0.3 of the 300 W" in said
