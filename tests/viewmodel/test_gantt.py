"""The planned future as a picture."""

from hypothesis import given
from hypothesis import strategies as st

from rcq_tui.viewmodel.gantt import MOST_LANES, axis, gantt
from rcq_tui.viewmodel.text import width

NOW = 1_772_373_900.0
"""Sunday 2026-03-01 14:05 UTC."""
HOUR = 3600.0


def item(kind, number, gpus, start_h, end_h, **more):
    return {
        "kind": kind, "id": number, "name": None, "account": "ann", "group": "vision", "gpus": gpus,
        "start": NOW + start_h * HOUR, "end": NOW + end_h * HOUR, "basis": "time limit", "redacted": False, **more,
    }  # fmt: skip


def planned(cards, items, hours=8.0, **more):
    return {
        "now": NOW, "until": NOW + hours * HOUR, "known_until": NOW + 72 * HOUR, "later": 0,
        "cards": [{"index": at, "uuid": f"G{at}", "model": "A6000", "state": state} for at, state in enumerate(cards)],
        "items": items, **more,
    }  # fmt: skip


def test_a_picture():
    items = [
        item("running", 7, [0, 1], -1, 2),
        item("promised", 9, [0, 1], 2, 6),
        item("forecast", None, [2], 1, 3, account=None, redacted=True),
        item("forecast", 12, [2], 3, 9),
        item("slot", None, [3], 4, 6, account="cleo", group=None),
        item("running", 8, [], 0, 1),
        item("forecast", 13, [], 1, 2),
    ]
    told = planned(["ok", "ok", "ok", "ok", "drained"], items, later=3, known_until=NOW + 20 * HOUR)
    assert gantt(told, 72) == [
        "        now            16:00           18:00           20:00",
        "GPU 0   █7██████████████[9▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓················",
        "GPU 1   █7██████████████[9▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓················",
        "GPU 2   ········[(vision)▒▒▒▒▒▒▒[12▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒",
        "GPU 3   ································[(cleo)░░░░░░░░░················",
        "GPU 4   ·· drained ·····················································",
        "",
        "█ runs   ▓ promised   ▒ foreseen   ░ booked",
        "Without GPUs: 1 running, 1 to start.",
        "3 more pending jobs, not foreseen to start before Mon 10:05.",
    ]
    plain = gantt(told, 72, ascii_only=True)
    assert all(line.isascii() for line in plain)
    assert plain[1].startswith("GPU 0   #7####")


def test_sharers_stand_under_each_other_and_not_without_end():
    items = [item("running", at, [0], -1, 1) for at in range(MOST_LANES + 3)]
    lines = gantt(planned(["ok"], items), 60)
    assert [line[:LABELLED].strip() for line in lines[1 : MOST_LANES + 2]] == ["GPU 0", *[""] * MOST_LANES]
    assert lines[MOST_LANES + 1].strip() == "and 3 more jobs on it"


LABELLED = 8


def test_nothing_to_show_and_where_knowledge_ends():
    assert gantt(planned(["ok"], []), 60)[-1] == "Nothing runs and nothing is to start."
    assert gantt(planned(["ok"], [], known_until=NOW + HOUR), 60)[-1] == "The forecast ends at 15:05."


times = st.floats(-100, 100, allow_nan=False)
items_ = st.lists(
    st.builds(
        lambda kind, gpus, one, two, number: item(kind, number, gpus, min(one, two), max(one, two)),
        st.sampled_from(["running", "slot", "promised", "forecast", "new"]),
        st.lists(st.integers(0, 3), max_size=3, unique=True),
        times,
        times,
        st.one_of(st.none(), st.integers(1, 10**9)),
    ),
    max_size=12,
)


@given(items_, st.integers(1, 200), st.floats(0.01, 2160))
def test_no_line_outgrows_the_width_and_every_card_has_a_row(items, total, hours):
    lines = gantt(planned(["ok", "hot", "missing"], items, hours), total)
    picture = lines[: lines.index("")]
    assert all(width(line) <= max(total, 40) for line in picture)
    assert [line[:6].strip() for line in lines if line.startswith("GPU ")] == ["GPU 0", "GPU 1", "GPU 2"]


@given(st.floats(60, 2160 * HOUR), st.integers(32, 300))
def test_the_axis_has_room_for_what_it_says(span, cells):
    line = axis(NOW, NOW + span, cells)
    assert line.startswith("now") and len(line) <= cells


def test_a_clusters_cards_are_named_by_their_machines():
    told = planned(["ok", "ok", "ok"], [item("running", 7, [2], -1, 8)])
    told["cards"][1]["node"] = told["cards"][2]["node"] = "a-long-name"
    lines = gantt(told, 80)
    assert [line[:15] for line in lines[1:4]] == ["GPU 0          ", "a-long-name:0  ", "a-long-name:1  "]
    assert all(width(line) <= 80 for line in lines)
    assert "7" in lines[3][15:]
