"""A GPU as lines: every line fills its width, and what is wrong is said in words, not only in colour."""

from dataclasses import replace

import pytest

from engine.protocol.cards import GpuUser, GpuView
from rcq_tui.viewmodel.cards import CARD_LINES, heat, lines, model, note, row, row_titles
from rcq_tui.viewmodel.history import SPAN_S, History
from rcq_tui.viewmodel.text import width

COOL = GpuView(
    uuid="GPU-1", index=3, model="NVIDIA GeForce RTX 4090", state="ok", memory_mb=24_564, memory_used_mb=1000,
    utilization=0.5, temperature_c=50.0, threshold_c=75.0, resume_c=70.0, power_w=120.0, power_limit_w=450.0,
    throttled=False, foreign_mb=0, tolerated_mb=500, age_s=0.2,
)  # fmt: skip
DARK = replace(COOL, memory_used_mb=None, utilization=None, temperature_c=None, power_w=None, state="missing")
USED = replace(COOL, jobs=[GpuUser(id=7, account="ada", group="vision", name="\x1b[1mx[b]", memory_mb=1)])


def plain(line: list[tuple[str, str]]) -> str:
    return "".join(text for text, _ in line)


@pytest.mark.parametrize("card", [COOL, DARK, USED])
@pytest.mark.parametrize("cells", [30, 38, 60])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_card_fills_its_frame(card: GpuView, cells: int, ascii_only: bool) -> None:
    inside = lines(card, [0.1, None, 0.9], cells, ascii_only=ascii_only)
    assert len(inside) == CARD_LINES
    assert {width(plain(line)) for line in inside} == {cells}


@pytest.mark.parametrize("card", [COOL, DARK, USED])
@pytest.mark.parametrize("cells", [78, 98, 118, 158])
def test_a_row_fills_its_line(card: GpuView, cells: int) -> None:
    assert width(plain(row(card, [0.5] * 10, cells))) == cells
    assert width(row_titles(cells)) <= cells


def test_users_are_named_cleanly_and_those_unknown_by_group() -> None:
    assert "7 ada x[b]" in plain(lines(USED, [], 38)[-1])
    unknown = replace(COOL, jobs=[GpuUser(id=None, account=None, group="nlp", name=None, memory_mb=None)])
    assert "(nlp)" in plain(lines(unknown, [], 38)[-1])
    assert "3G not of rcq" in plain(lines(replace(COOL, foreign_mb=3072), [], 38)[-1])
    assert "free" in plain(lines(replace(COOL, foreign_mb=120), [], 38)[-1])
    assert "120M not of rcq" in plain(lines(replace(COOL, foreign_mb=120, tolerated_mb=100), [], 38)[-1])
    assert "hot until below 70°C" in plain(lines(replace(COOL, state="hot"), [], 38)[-1])


@pytest.mark.parametrize(
    ("celsius", "throttled", "role"),
    [(50, False, "ok"), (70, False, "warn"), (74.9, False, "warn"), (75, False, "bad"), (50, True, "bad")],
)
def test_heat_against_the_threshold(celsius: float, throttled: bool, role: str) -> None:
    assert heat(replace(COOL, temperature_c=celsius, throttled=throttled)) == role


def test_notes_say_what_colours_say() -> None:
    assert note(COOL)[0] == ""
    assert note(replace(COOL, state="quarantined"))[0] == "quarantined"
    assert note(replace(COOL, throttled=True))[0] == "throttled"
    assert note(replace(COOL, age_s=25))[0] == "read 25s ago"
    assert model(COOL) == "RTX 4090"


def test_rows_say_why_a_card_is_out_of_use_and_what_is_special_about_it() -> None:
    out = plain(row(replace(COOL, state="quarantined", why="ecc"), [], 78))
    assert out.rstrip().endswith("  memory error")
    capped = replace(USED, state="ok", foreign_mb=0, power_cap_w=200.0)
    assert plain(row(capped, [], 98)).endswith(" held to 200W")
    assert "held" not in plain(row(capped, [], 78)), "names come first"
    assert plain(row(replace(capped, throttled=True), [], 78)).endswith(" throttled")
    assert plain(row(replace(USED, state="hot", foreign_mb=0, throttled=True), [], 158)).endswith(" hot, throttled")
    assert width(plain(row(capped, [], 98))) == 98


def test_a_card_tells_its_clock_where_it_is_known() -> None:
    busy = replace(COOL, utilization=1.0, sm_clock_mhz=1980)
    assert plain(lines(busy, [], 33)[0]).endswith(" 100% 2.0GHz")
    assert plain(lines(replace(busy, sm_clock_mhz=None), [], 33)[0]).endswith(" 100%")


def test_history_keeps_two_minutes_bridges_hiccups_and_shows_gaps() -> None:
    history = History()
    assert history.values(0) == []
    for second in range(200):
        history.add(1000 + second + 0.3, second / 200)
    assert len(history.values(1199)) == SPAN_S
    assert history.values(1199)[-1] == 199 / 200
    history.add(1203, 1.0)
    assert history.values(1203)[-4:] == [199 / 200] * 3 + [1.0]
    history.add(1303, None)
    assert history.values(1303)[-50:] == [None] * 50
    history.add(1303.5, 0.5)
    assert history.values(1303)[-1] == 0.5
