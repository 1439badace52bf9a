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
