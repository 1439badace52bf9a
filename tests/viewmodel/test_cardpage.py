"""The page of a card: everything in words, each line as wide as the screen, nothing hostile."""

from dataclasses import replace

import pytest

from engine.protocol.cards import GpuProcessView, GpuSlot, GpuUser, GpuView
from rcq_tui.viewmodel import cardpage
from rcq_tui.viewmodel.history import History
from rcq_tui.viewmodel.text import width

NOW = 1_700_000_000.0
FINE = GpuView(
    uuid="GPU-2", index=2, model="NVIDIA RTX A6000", state="ok", memory_mb=49_140, memory_used_mb=0, utilization=0.0,
    temperature_c=40.0, threshold_c=75.0, resume_c=70.0, power_w=22.0, power_limit_w=300.0, throttled=False,
    foreign_mb=0, tolerated_mb=500, age_s=0.3,
)  # fmt: skip
RICH = replace(
    FINE, state="quarantined", why="ecc", detail="Xid 48", since=NOW - 60, slowdown_c=93.0, sm_clock_mhz=1980,
    power_cap_w=285.0, memory_clock_mhz=8000, ecc_corrected=1, ecc_uncorrected=2, pci="0000:41:00.0", numa_node=1,
    links=[2, 5, 0, 2], parent="GPU-9",
    slot=GpuSlot(account="bob", group="nlp", start_at=NOW + 60, end_at=NOW + 660, starts_in_s=60, ends_in_s=660),
    jobs=[GpuUser(id=7, account="ada", group="g", name="a\n\x1b[31mb", memory_mb=20_480, until=NOW + 4320)],
    processes=[
        GpuProcessView(pid=9, foreign=True, job=None, user="e\x1b[2Jve", command="x\ty" * 99, memory_mb=120),
        GpuProcessView(pid=10, foreign=False, job=7, user=None, command=None, memory_mb=None),
        GpuProcessView(pid=11, foreign=False, job=None, user="ann", command="python", memory_mb=4000),
    ],
)  # fmt: skip


def told(card: GpuView, cells: int = 120) -> str:
    shown = cardpage.lines(card, History(), cells, NOW)
    return "\n".join("".join(text for text, _ in line).rstrip() for line in shown)


def test_everything_that_is_known_stands_there() -> None:
    page = told(RICH)
    for piece in (
        "Quarantined since", "its memory has an error that could not be corrected (Xid 48)", "Held to 285 W by rcq.",
        "Booked in 1m00s, bob", "core clock 1.98 GHz, memory clock 8.00 GHz", "no start from 75°C", "back below 70°C",
        "slows itself down at 93°C", "22/285W", "7 ada", "1h12m left, ends by", "20G asked for",
        "not of rcq", "job 7", "a job", "0000:41:00.0", "MIG part of", "1 closest, then 0, 3",
        "1 corrected error, 2 uncorrected errors",
    ):  # fmt: skip
        assert piece in page, piece
    assert page.index("3.9G") < page.rindex("120M"), "the largest process first"


def test_a_card_that_is_fine_says_so() -> None:
    assert told(FINE).startswith("Free: a job may start here.")
    assert told(replace(FINE, jobs=RICH.jobs)).startswith("In use and well.")
    assert "processes" not in told(FINE)


@pytest.mark.parametrize("card", [FINE, RICH])
@pytest.mark.parametrize("cells", [20, 40, 76, 216])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_each_line_fills_the_screen_and_nothing_hostile_is_in_it(card: GpuView, cells: int, ascii_only: bool) -> None:
    for line in cardpage.lines(card, None, cells, NOW, ascii_only=ascii_only):
        text = "".join(text for text, _ in line)
        assert width(text) == cells
        assert text.isprintable()
