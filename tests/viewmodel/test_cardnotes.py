"""What is special about a card, in words."""

from dataclasses import replace

import pytest

from engine.core.health import CAUSES
from engine.protocol.cards import GpuProcessView, GpuView
from engine.readings import THROTTLES
from rcq_tui.viewmodel import cardnotes
from rcq_tui.viewmodel.cardnotes import notes
from rcq_tui.viewmodel.faults import FAULTS, HEALS

NOW = 1_700_000_000.0
FINE = GpuView(
    uuid="GPU-1", index=2, model="NVIDIA RTX A6000", state="ok", memory_mb=49_140, memory_used_mb=0, utilization=0.0,
    temperature_c=40.0, threshold_c=75.0, resume_c=70.0, power_w=22.0, power_limit_w=300.0, throttled=False,
    foreign_mb=0, tolerated_mb=500, age_s=0.3,
)  # fmt: skip


def eve(pid: int = 4711, mb: int | None = 3277, command: str | None = "python train.py") -> GpuProcessView:
    return GpuProcessView(pid=pid, foreign=True, job=None, user="eve", command=command, memory_mb=mb)


def test_a_card_that_is_fine_has_none() -> None:
    ours = GpuProcessView(pid=1, foreign=False, job=7, user="ann", command="python", memory_mb=100)
    assert notes(replace(FINE, processes=[ours]), NOW) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"state": "hot", "temperature_c": 80.0}, "too hot to start a job on: it comes back below 70°C."),
        ({"state": "drained", "why": "fan rattles"}, "drained by an admin: fan rattles. Back with: rcq resume 2"),
        ({"state": "drained"}, "drained by an admin. Back with: rcq resume 2"),
        (
            {"state": "quarantined", "why": "off-bus", "detail": "Xid 79"},
            "quarantined: it fell off the bus; reseat it or restart the host (Xid 79). "
            "Tested and back with: rcq resume 2",
        ),
        (
            {"state": "quarantined", "why": "leak", "detail": "9000 MiB of nobody", "settling": True},
            "quarantined: its memory is in use and no process is known to hold it (9000 MiB of nobody). "
            "Back by itself once it is well and free, or tested at once with: rcq resume 2",
        ),
        ({"state": "missing", "why": "lost", "age_s": 99.0}, "cannot be read: the driver has lost it."),
        ({"throttle": ["hw-thermal"]}, "slowed down by itself, because of heat."),
        ({"throttle": ["power-brake", "power-cap"]}, "slowed down by the power supply."),
        ({"power_cap_w": 280.0}, "held to 280 W by rcq."),
        ({"margin_c": -1.0}, "no degree is left before it slows itself down."),
        ({"settling": True}, "a job has just left it; it is offered again once its memory is seen free."),
        ({"ecc_uncorrected": 1}, "1 memory error beyond correction since its driver was loaded."),
        ({"age_s": 42.0}, "last read 42s ago."),
        ({"foreign_mb": 3277}, "3.2G are in use and nobody is known to hold them: no job starts here."),
        (
            {"foreign_mb": 3277, "tolerated_mb": None, "processes": [eve()]},
            "not started by rcq: eve python train.py 3.2G (pid 4711).",
        ),
    ],
)  # fmt: skip
def test_each_thing_has_its_sentence(changed: dict, told: str) -> None:
    assert notes(replace(FINE, **changed), NOW) == [told]


def test_foreign_processes_are_named_with_what_is_tolerated() -> None:
    many = [eve(pid=at, mb=1000 * at, command=None) for at in range(1, 6)]
    told = notes(replace(FINE, processes=many, foreign_mb=15_000), NOW)
    assert told[0] == "not started by rcq: eve 4.9G (pid 5)."
    assert told[3:] == [
        "and 2 more that rcq did not start.",
        "15G in foreign use, 500M are tolerated: no job starts here. `rcq adopt PID` makes a process a job.",
    ]


def test_to_reach_its_power_limit_is_nothing_special() -> None:
    assert notes(replace(FINE, throttle=["power-cap"]), NOW) == []


def test_a_hostile_command_stays_one_harmless_line() -> None:
    (told,) = notes(replace(FINE, processes=[eve(command="a\n\x1b[31m" + "b" * 500)]), NOW)
    assert "\n" not in told
    assert "\x1b" not in told
    assert len(told) < 120


def test_every_throttle_and_every_cause_has_words() -> None:
    assert set(cardnotes.THROTTLES) == set(THROTTLES)
    assert set(FAULTS) == {*CAUSES, "missing"}
    assert {cause for cause, entails in CAUSES.items() if entails.heals} == HEALS
