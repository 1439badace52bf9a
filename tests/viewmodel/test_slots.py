"""Booked reservations in words: on a card in one line that fills its cells, in a column, in a list."""

from dataclasses import replace

import pytest

from engine.protocol.cards import GpuSlot, GpuUser, GpuView
from rcq_tui.viewmodel import slots
from rcq_tui.viewmodel.cardrows import row
from rcq_tui.viewmodel.cards import lines
from rcq_tui.viewmodel.text import width

NOW = 1_000_600.0  # 13:56:40
SOON = GpuSlot(account="ada", group="vision", start_at=NOW + 7500, end_at=NOW + 9000, starts_in_s=7500, ends_in_s=9000)
ON = replace(SOON, start_at=NOW - 60, end_at=NOW + 4320, starts_in_s=0.0, ends_in_s=4320)
CARD = GpuView(
    uuid="GPU-1", index=3, model="NVIDIA GeForce RTX 4090", state="ok", memory_mb=24_564, memory_used_mb=1000,
    utilization=0.5, temperature_c=50.0, threshold_c=75.0, resume_c=70.0, power_w=120.0, power_limit_w=450.0,
    throttled=False, foreign_mb=0, tolerated_mb=500, age_s=0.2, slot=SOON,
)  # fmt: skip
JOB = GpuUser(id=7, account="bob", group="nlp", name="x", memory_mb=1)


def users(card: GpuView) -> str:
    return "".join(text for text, _ in lines(card, None, 60, 5, NOW)[-1]).rstrip()


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (CARD, "free, booked in 2h05m, ada"),
        (replace(CARD, slot=ON), "booked 1h12m more, ada"),
        (replace(CARD, slot=replace(ON, account=None)), "booked 1h12m more, (vision)"),
        (replace(CARD, jobs=[JOB]), "▶ 7 bob x, booked in 2h05m, ada"),
        (replace(CARD, state="drained"), "drained, booked in 2h05m, ada"),
        (replace(CARD, state="drained", slot=ON), "drained, booked 1h12m more, ada"),
        (replace(CARD, foreign_mb=3072), "3G not of rcq, booked in 2h05m, ada"),
        (replace(CARD, slot=replace(SOON, account="\x1b[1mx[b]")), "free, booked in 2h05m, x[b]"),
        (replace(CARD, slot=None), "free"),
    ],
)
def test_a_card_tells_its_slot_in_its_last_line(card: GpuView, words: str) -> None:
    assert users(card) == words


@pytest.mark.parametrize("card", [CARD, replace(CARD, slot=ON, jobs=[JOB])])
@pytest.mark.parametrize("cells", [30, 78, 118])
def test_whatever_it_tells_a_line_fills_its_cells(card: GpuView, cells: int) -> None:
    assert {width("".join(text for text, _ in line)) for line in lines(card, None, cells, 5, NOW)} == {cells}
    if cells > 60:
        assert width("".join(text for text, _ in row(card, None, cells, NOW, same_model=True))) == cells


def test_a_column_tells_when_and_who() -> None:
    slot = {"account": "ada", "group": "vision", "start_at": NOW - 60, "end_at": NOW + 7200}
    assert slots.in_column(slot, NOW) == "until 15:56 ada"
    assert slots.in_column({**slot, "start_at": NOW + 60, "account": None}, NOW) == "13:57 to 15:56 (vision)"
    assert slots.in_column(None, NOW) == "-"


def test_a_line_of_the_list_also_of_a_card_that_is_gone() -> None:
    slot = {
        "id": 3, "account": "ada", "group": "vision", "gpu_indices": [0], "gpu_uuids": ["a", "b"],
        "start_at": NOW + 60, "end_at": NOW + 7200, "active": False,
    }  # fmt: skip
    assert slots.line(slot, NOW) == ["3", "ada", "0 (+1 gone)", "13:57", "15:56", "in 1m00s"]
    assert slots.line({**slot, "active": True, "gpu_uuids": ["a"]}, NOW)[2:] == ["0", "13:57", "15:56", "2h00m left"]
