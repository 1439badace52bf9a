"""A GPU as lines: every line fills its width, and what is wrong is said in words, not only in colour."""

from dataclasses import replace
from typing import Any

import pytest

from engine.protocol.cards import GpuSlot, GpuUser, GpuView
from rcq_tui.viewmodel import cardrows, cards
from rcq_tui.viewmodel.bars import graph, meter
from rcq_tui.viewmodel.cardfacts import heat, heat_text, model, note, power_text
from rcq_tui.viewmodel.cards import FEWEST_LINES, MOST_LINES
from rcq_tui.viewmodel.history import SPAN_S, History
from rcq_tui.viewmodel.pieces import changed
from rcq_tui.viewmodel.text import width

COOL = GpuView(
    uuid="GPU-1", index=3, model="NVIDIA GeForce RTX 4090", state="ok", memory_mb=24_564, memory_used_mb=1000,
    utilization=0.5, temperature_c=50.0, threshold_c=75.0, resume_c=70.0, power_w=120.0, power_limit_w=450.0,
    throttled=False, foreign_mb=0, tolerated_mb=500, age_s=0.2,
)  # fmt: skip
DARK = replace(COOL, memory_used_mb=None, utilization=None, temperature_c=None, power_w=None, state="missing")
ADA = GpuUser(id=7, account="ada", group="vision", name="\x1b[1mx[b]", memory_mb=1, until=1_700_000_000.0 + 4320)
USED = replace(COOL, jobs=[ADA])
SHARED = replace(COOL, jobs=[ADA, GpuUser(id=None, account=None, group="nlp", name=None, memory_mb=None)])
FULL = replace(
    SHARED, jobs=SHARED.jobs * 9, foreign_mb=9000, slowdown_c=93.0, power_cap_w=200.0, sm_clock_mhz=1980,
    slot=GpuSlot(account="bob", group="nlp", start_at=0, end_at=9, starts_in_s=7200, ends_in_s=9000),
)  # fmt: skip


NOW = 1_700_000_000.0


def plain(line: list[tuple[str, str]]) -> str:
    return "".join(text for text, _ in line)


def past(level: float = 0.5) -> History:
    history = History()
    for second in range(SPAN_S):
        history.add(NOW - SPAN_S + second, level)
    return history


def lines(card: GpuView, cells: int, rows: int = FEWEST_LINES) -> list[list[tuple[str, str]]]:
    return cards.lines(card, past(), cells, rows, NOW)


def row(card: GpuView, cells: int, *, same_model: bool = True) -> list[tuple[str, str]]:
    return cardrows.row(card, past(), cells, NOW, same_model=same_model)


@pytest.mark.parametrize("card", [COOL, DARK, USED, SHARED, FULL])
@pytest.mark.parametrize("cells", [30, 38, 60, cards.WIDE, 214])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_card_fills_its_frame_whatever_its_size(card: GpuView, cells: int, ascii_only: bool) -> None:
    for rows in range(FEWEST_LINES, MOST_LINES + 1):
        inside = cards.lines(card, past(), cells, rows, NOW, ascii_only=ascii_only)
        assert len(inside) == rows
        assert {width(plain(line)) for line in inside} == {cells}
        signs = set("".join(map(plain, inside))) - set("°…")
        assert not ascii_only or "".join(signs).isascii()


@pytest.mark.parametrize("card", [COOL, DARK, USED, SHARED, FULL])
@pytest.mark.parametrize("cells", [38, 39, 70, 78, 98, 118, 158, 218])
@pytest.mark.parametrize("same_model", [False, True])
def test_a_row_and_its_heading_fill_their_line(card: GpuView, cells: int, same_model: bool) -> None:
    assert width(plain(row(card, cells, same_model=same_model))) == cells
    assert width(plain(cardrows.row_titles([card], cells, same_model=same_model))) == cells


def test_a_line_names_the_model_only_where_models_differ() -> None:
    assert "RTX 4090" not in plain(row(COOL, 78))
    assert plain(cardrows.row_titles([COOL], 78, same_model=True)).endswith("RTX 4090")
    assert "RTX 4090" in plain(row(COOL, 78, same_model=False))
    assert cardrows.one_model([COOL, DARK])
    assert not cardrows.one_model([COOL, replace(COOL, model="NVIDIA A2")])


def test_users_are_named_cleanly_and_those_unknown_by_group() -> None:
    assert "7 ada x[b]" in plain(lines(USED, 38)[-1])
    unknown = replace(COOL, jobs=[GpuUser(id=None, account=None, group="nlp", name=None, memory_mb=None)])
    assert "(nlp)" in plain(lines(unknown, 38)[-1])
    assert "3G not of rcq" in plain(lines(replace(COOL, foreign_mb=3072), 38)[-1])
    assert "free" in plain(lines(replace(COOL, foreign_mb=120), 38)[-1])
    assert "120M not of rcq" in plain(lines(replace(COOL, foreign_mb=120, tolerated_mb=100), 38)[-1])
    assert "hot until below 70°C" in plain(lines(replace(COOL, state="hot"), 38)[-1])


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
    out = plain(row(replace(COOL, state="quarantined", why="ecc"), 78))
    assert out.rstrip().endswith("  memory error")
    capped = replace(USED, state="ok", foreign_mb=0, power_cap_w=200.0)
    assert plain(row(capped, 98)).endswith(" held to 200W")
    assert "held" not in plain(row(capped, 78)), "names come first"
    assert plain(row(replace(capped, throttled=True), 98)).endswith(" throttled")
    assert plain(row(replace(USED, state="hot", throttled=True), 158)).endswith(" hot, throttled")
    slow = replace(COOL, throttled=True, throttle=["hw-thermal", "sw-thermal", "power-cap", "power-brake"])
    assert note(slow)[0] == "throttled: heat, power supply"


@pytest.mark.parametrize(
    ("changed", "word"),
    [({}, "free"), ({"state": "quarantined", "why": "ecc"}, "quarantined"), ({"state": "hot"}, "hot"),
     ({"foreign_mb": 9000}, "foreign"), ({"settling": True}, "settling"), ({"jobs": [ADA]}, "7 ada"),
     ({"jobs": [ADA, ADA]}, "7 ada +1")],
)  # fmt: skip
def test_half_a_line_still_says_why(changed: dict[str, Any], word: str) -> None:
    assert plain(row(replace(COOL, **changed), 39)).rstrip().endswith(f" {word}")


def test_the_time_that_a_job_has_left_stands_where_there_is_room() -> None:
    assert plain(lines(USED, 38)[-1]).endswith(" 1h12m left")
    assert plain(row(USED, 118)).endswith(" 1h12m left")
    assert "left" not in plain(row(USED, 78))
    alone, more = lines(SHARED, 60, 8)[-2:]
    assert plain(alone).endswith("1h12m left")
    assert plain(more).strip() == "▶ (nlp)"
    minutes = replace(USED, jobs=[replace(ADA, until=NOW + 1199)])
    assert plain(lines(minutes, 38)[-1]).endswith(" 19m left"), "seconds would change every second"


def test_a_card_shows_limits_beside_its_figures() -> None:
    assert heat_text(COOL) == "50/75°C"
    assert heat_text(replace(COOL, slowdown_c=93.0)) == "50/75/93°C"
    assert power_text(COOL, limit=True) == "120/450W"
    assert power_text(replace(COOL, power_cap_w=200.0), limit=True) == "120/200W"
    assert "power" in plain(lines(COOL, 38, 6)[3])
    assert "power" not in "".join(map(plain, lines(COOL, 38, 5)))


def test_what_is_filled_and_what_is_not_differ_without_colour() -> None:
    assert meter(0.5, 8) == ("━━━━", "────")
    assert meter(0.56, 8, mark=0.75) == ("━━━━╸", "─┼─")
    assert meter(0.9, 8, mark=0.5) == ("━━━━┿━━", "─")
    assert meter(0.5, 8, mark=0.5, ascii_only=True) == ("====", "|---")
    assert meter(None, 4) == ("", "····")
    for cells in range(1, 30):
        for ratio in (0.0, 0.01, 0.49, 0.5, 0.99, 1.0, 7.0):
            assert len("".join(meter(ratio, cells, mark=0.7))) == cells


def test_a_graph_has_eight_levels_a_row() -> None:
    assert graph([0.0, 0.25, 0.5, 0.75, 1.0, None], 6, 2) == ["   ▄█ ", "▁▄███ "]
    assert graph([1.0], 3, 1, ascii_only=True) == ["  @"]


def test_only_cells_that_changed_are_told() -> None:
    before = [("use ", "quiet"), ("97%", "text"), ("                    ", "text"), ("a", "bad")]
    assert changed(before, list(before)) == []
    assert changed(before, [("use ", "quiet"), ("98%", "text"), *before[2:]]) == [(5, 1)]
    assert changed(before, [("use ", "warn"), ("97%", "text"), before[2], ("b", "bad")]) == [(0, 4), (27, 1)]
    assert changed([("日x", "text")], [("本x", "text")]) == [(0, 2)]
    assert changed([("ab", "text")], [("a", "text")]) == [(1, 1)]


def test_a_card_tells_its_clock_where_it_is_known() -> None:
    busy = replace(COOL, utilization=1.0, sm_clock_mhz=1980)
    assert plain(lines(busy, 33)[0]).endswith(" 100% 2.0GHz")
    assert plain(lines(replace(busy, sm_clock_mhz=None), 33)[0]).endswith(" 100%")


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


def test_steps_stand_still_until_the_next_is_over() -> None:
    history = History()
    for second in range(300):
        history.add(3000 + second, (second // 5) % 2)
    first = history.steps(3299.9, 5)
    assert len(first) == SPAN_S // 5
    assert first[:2] == [1.0, 0.0], "the oldest may be cut short, never mixed"
    assert history.steps(3295.0, 5) == first
    history.add(3300, 0.0)
    history.add(3301, 0.0)
    assert history.steps(3304, 5)[:-1] == first[1:]
    assert History().steps(10.0, 5) == [None] * 24
