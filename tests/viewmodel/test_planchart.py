"""The plan as a coloured picture, its cursor and its words."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rcq_tui.viewmodel import plancursor
from rcq_tui.viewmodel.lanes import card_names
from rcq_tui.viewmodel.planbars import Viewer, group_hues
from rcq_tui.viewmodel.planchart import Room, chart, legend
from rcq_tui.viewmodel.planlook import SPANS, Look, fitting, hours, moved, to_see, zoomed
from rcq_tui.viewmodel.planwords import detail, folded, title
from rcq_tui.viewmodel.text import width

NOW = 1_772_373_900.0
"""Sunday 2026-03-01 14:05 UTC."""
HOUR = 3600.0


def item(kind, number, gpus, start_h, end_h, **more):
    return {
        "kind": kind, "id": number, "name": None, "account": "ann", "group": "vision", "gpus": gpus,
        "start": NOW + start_h * HOUR, "end": NOW + end_h * HOUR, "basis": "time limit", "redacted": False, **more,
    }  # fmt: skip


def planned(cards, items, **more):
    return {
        "now": NOW, "until": NOW + 24 * HOUR, "known_until": NOW + 72 * HOUR, "later": 0,
        "cards": [{"index": at, "uuid": f"G{at}", "model": "A6000", "state": state} for at, state in enumerate(cards)],
        "items": items, **more,
    }  # fmt: skip


def viewer(told=None, account="cleo", **more):
    return Viewer(account=account, hues=group_hues(told or {"items": []}, "vision"), **more)


def flat(lines):
    return ["".join(sign for sign, _ in line) for line in lines]


ITEMS = [
    item("running", 7, [0, 1], -1, 2),
    item("promised", 9, [0, 1], 2, 6, account="cleo", name="sweep"),
    item("forecast", None, [2], 1.05, 3.4, account=None, group="nlp", redacted=True),
    item("slot", None, [3], 4, 6, account="mia", group=None),
]


def test_a_picture():
    told = planned(["ok", "ok", "ok", "ok", "drained"], ITEMS)
    drawn = chart(told, Look(zoom=4), Room(77, 5), viewer(told, ascii_only=True))
    assert [*flat(drawn.head), *flat(drawn.rows)] == [
        "Sun     14:00       15:00       16:00       17:00       18:00       19:00    ",
        "     ---+v now------+-----------+-----------+-----------+-----------+--------",
        " * 0  7 ann #####################[*9 sweep ==================================",
        " * 1  7 ann #####################[*9 sweep ==================================",
        " * 2    :|    .     : [(nlp) ---------------------.     :     .     :     .  ",
        " * 3    :|    .     :     .     :     .     :     .     :[booked mia ::::::::",
        " - 4 xxx: drained: starts nothing xxxx.xxxxx:xxxxx.xxxxx:xxxxx.xxxxx:xxxxx.xx",
    ]


def test_bars_touch_to_an_eighth_of_a_cell():
    told = planned(["ok"], [item("running", 7, [0], -1, 1.03), item("forecast", 8, [0], 1.03, 3)])
    drawn = chart(told, Look(zoom=4), Room(77, 1), viewer(told))
    [(_, paint)] = [piece for piece in drawn.rows[0] if piece[0] == "▍"]
    assert paint == "hue0/hue0.faint", "the end of one lies in the other's first cell"


def test_a_high_bar_says_when_it_ends_and_the_cursor_has_a_sign():
    told = planned(["ok", "ok"], ITEMS)
    drawn = chart(told, Look(zoom=4), Room(77, 30), viewer(told), (0, 9))
    assert drawn.high == 2
    assert "▸★9 sweep" in flat(drawn.rows)[0] and "16:05 to 20:05" in flat(drawn.rows)[1]
    assert "▸" not in "".join(flat(drawn.rows)[3:]), "the same job on another card is lit, not pointed at"
    assert any(paint.endswith("/kin") for _, paint in drawn.rows[3])


def test_a_card_out_of_use_and_the_end_of_what_is_known():
    told = planned(["drained\x1b[31m"], [], known_until=NOW + 2 * HOUR)
    drawn = chart(told, Look(zoom=4), Room(100, 10), viewer(told))
    assert "drained: starts nothing" in flat(drawn.rows)[0]
    assert "\x1b" not in "".join(flat(drawn.rows))
    assert "nothing is foreseen after this" in flat(drawn.head)[1]


def test_the_legend_has_what_there_is():
    told = planned(["ok"], ITEMS[:1])
    assert flat([legend(told, viewer(told))]) == ["██ runs   "]
    assert flat([legend(planned(["ok"], ITEMS), viewer(told))])[0].endswith("★ yours")


times = st.floats(-100, 100, allow_nan=False)
items_ = st.lists(
    st.builds(
        lambda kind, gpus, one, two, number, name: item(
            kind, number, gpus, min(one, two), max(one, two), name=name, account="ann" if number else None
        ),
        st.sampled_from(["running", "slot", "promised", "forecast", "new"]),
        st.lists(st.integers(0, 3), max_size=3, unique=True),
        times,
        times,
        st.one_of(st.none(), st.integers(1, 10**9)),
        st.one_of(st.none(), st.text(max_size=30)),
    ),
    max_size=12,
)
looks = st.builds(
    lambda zoom, shift: Look(zoom=zoom, shift_s=shift), st.integers(0, len(SPANS) - 1), st.floats(-1e6, 1e6)
)


@given(items_, st.integers(20, 230), st.integers(1, 60), looks, st.booleans())
def test_every_line_is_as_wide_as_the_room(items, cells, lines, look, ascii_only):
    told = planned(["ok", "hot", "missing"], items)
    drawn = chart(told, look, Room(cells, lines), viewer(told, ascii_only=ascii_only))
    assert {width(line) for line in flat([*drawn.head, *drawn.rows])} == {cells}
    assert {card for card, _ in drawn.first_row} == {0, 1, 2}
    for lane in drawn.spots:
        assert all(0 <= spot.begin < spot.end <= drawn.scale.cells for spot in lane)
        assert all(one.item["start"] <= two.item["start"] for one, two in pairwise(lane))


@given(items_, looks, st.lists(st.sampled_from(["j", "k", "h", "l"]), max_size=20))
def test_the_cursor_never_leaves_the_bars(items, look, keys):
    told = planned(["ok", "hot", "missing"], items)
    drawn = chart(told, look, Room(100, 30), viewer(told))
    spot = plancursor.first(drawn, told, viewer(told))
    assert (spot is None) == (not drawn.all_spots())
    for key in keys if spot else ():
        if key in "jk":
            spot = plancursor.across(drawn, spot, 1 if key == "j" else -1)
        else:
            spot = plancursor.beside(drawn, spot, 1 if key == "l" else -1) or spot
        assert spot in drawn.all_spots()


def test_the_cursor_begins_where_mine_starts_and_keeps_its_bar():
    told = planned(["ok"] * 4, ITEMS)
    who = viewer(told)
    drawn = chart(told, Look(), Room(100, 30), who)
    spot = plancursor.first(drawn, told, who)
    assert spot.item["id"] == 9
    assert plancursor.next_start(told, who, spot.item)["id"] == 9
    assert plancursor.next_start(told, viewer(account="nobody"), None) is None
    later = planned(["ok"] * 4, [item("running", 9, [0, 1], 1.5, 5, account="cleo"), ITEMS[2]])
    again = plancursor.found(chart(later, Look(), Room(100, 30), who), spot.key, spot)
    assert again.item["kind"] == "running", "the promise came true; the cursor is still on the job"
    gone = planned(["ok"] * 4, [ITEMS[2]])
    assert plancursor.found(chart(gone, Look(), Room(100, 30), who), spot.key, spot).card == 2


@given(looks, st.integers(-1, 1), st.one_of(st.none(), st.floats(-50, 50)))
def test_what_is_asked_for_stays_in_the_picture_when_it_is_zoomed(look, by, around_h):
    around = None if around_h is None else NOW + around_h * HOUR
    seen = zoomed(look, by, NOW, around)
    assert seen.zoom == min(len(SPANS) - 1, max(0, look.zoom + by))
    if around is not None:
        assert seen.shows(around, NOW)
    assert hours(seen, NOW) <= 2160


@given(looks, st.floats(-50, 50))
def test_one_goes_no_further_than_there_is_something(look, part):
    told = planned(["ok"], ITEMS)
    seen = moved(Look(zoom=look.zoom), part, told)
    assert seen.begin(NOW) <= max(NOW, NOW + 72 * HOUR - look.span_s / 2) + look.span_s / 12
    assert seen.begin(NOW) + look.span_s >= NOW - HOUR
    assert to_see(seen, NOW, NOW).shows(NOW, NOW)


def test_at_first_the_picture_has_what_is_to_come():
    assert fitting(planned(["ok"], [item("running", 7, [0], 0, 0.1)])).name == "10m"
    assert fitting(planned(["ok"], ITEMS)).name == "12h", "what is booked counts for nothing here"
    assert fitting(planned(["ok"], [item("running", 7, [0], 0, 40)])).name == "12h"
    assert fitting(planned(["ok"], [])).name == "12h"


def test_a_bar_of_one_cell_is_not_hidden_by_now():
    told = planned(["ok", "ok"], [item("running", 7, [0], -0.001, 0.01), item("running", 8, [1], -8, 3)])
    rows = flat(chart(told, Look(shift_s=-4 * HOUR), Room(77, 2), viewer(told)).rows)
    assert "│" not in rows[0] and "│" in rows[1]


def test_words_over_the_picture_and_under_it():
    told = planned(["ok"] * 4, ITEMS)
    who = viewer(told)
    assert flat([title(told, Look(), who, 80)])[0] == "Plan 12h from 13:30   ★ 9 starts in 2h00m"
    assert "1 running, 1 promised, 1 foreseen, 1 booked" in flat([title(told, Look(), viewer(account="x"), 90)])[0]
    assert width(flat([title(told, Look(), who, 20)])[0]) <= 20
    busy = {"code": "GPUS_BUSY", "wanted": 2, "free": 0, "matching": 4}
    assert flat(detail(ITEMS[1], NOW, who, 200, names={}, reasons=[busy])) == [
        "★ 9 sweep  cleo (vision)  GPUs 0,1",
        "starts 16:05, in 2h00m (promised: cards are kept for it), runs until 20:05 (4h00m, its time limit)",
        "• Needs 2 GPUs; 0 of the 4 cards that match are free.",
    ]
    assert "a job (nlp)  GPU 2" in flat(detail(ITEMS[2], NOW, who, 80, names={}))[0]
    assert "booked by mia" in flat(detail(ITEMS[3], NOW, who, 80, names={}))[0]
    assert "runs since 13:05, until 16:05 (at the latest, its time limit), 2h00m left" in flat(
        detail(ITEMS[0], NOW, who, 99, names={})
    )
    assert flat(folded(["a" * 5, "b" * 5, "c"], 12)) == ["aaaaa, bbbbb", "c"]


def test_a_clusters_cards_have_their_machines_names():
    told = planned(["ok"] * 5, [item("running", 7, [3], -1, 2)])
    for index, node in enumerate((None, None, "n1", "n1", "n2")):
        told["cards"][index]["node"] = node
    assert card_names(told) == {0: "0", 1: "1", 2: "n1:0", 3: "n1:1", 4: "n2:0"}
    drawn = chart(told, Look(), Room(120, 20), viewer())
    assert drawn.label == 8 + 16
    said = ["".join(text for text, _ in row)[: drawn.label].split() for row in drawn.rows]
    assert [words[1] for words in said if words] == ["0", "1", "n1:0", "n1:1", "n2:0"]
    assert "7 ann (vision)  GPU n1:1" in flat(detail(told["items"][0], NOW, viewer(), 80, names=card_names(told)))[0]
