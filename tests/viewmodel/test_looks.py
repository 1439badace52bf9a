"""What the queue shows is asked for and told as it was chosen, whatever was remembered."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocol.listings import ORDERS, SORTS
from engine.protocol.responses import Stats
from engine.protocol.search import parse_search
from rcq_tui.viewmodel.filters import MOST, Filters
from rcq_tui.viewmodel.looks import (
    WHICH,
    Extent,
    Look,
    empty_words,
    look_of,
    next_sort,
    next_which,
    parts,
    queue_title,
    remembered,
    sorted_by,
)
from rcq_tui.viewmodel.states import FINISHED, LIVE

LOOKS = st.builds(
    Look,
    mine=st.booleans(),
    which=st.sampled_from(WHICH),
    sort=st.sampled_from(SORTS),
    reverse=st.booleans(),
    fold=st.booleans(),
    array=st.none() | st.integers(1, 99),
)
STATS = Stats(
    version="0.1.0", policy="fair-share", now=0.0, uptime_s=1.0,
    jobs={"running": 4, "pending": 700, "held": 1, "completed": 1000}, gpus_total=8, gpus_busy=4, gpus_hot=0,
    cpu_cores_total=64, cpu_cores_busy=21, memory_mb_total=1, memory_mb_busy=1, passes=1, last_pass_at=0.0,
    last_pass_age_s=0.0, last_pass_s=0.0,
)  # fmt: skip


def plain(look: Look, extent: Extent, marked: int = 0, *, ascii_only: bool = False) -> str:
    return "".join(text for text, _ in queue_title(look, extent, STATS, marked, ascii_only=ascii_only))


@given(LOOKS)
def test_every_state_that_is_wanted_is_asked_for_once_and_in_a_known_order(look: Look) -> None:
    asked = parts(look)
    states = [state for part in asked for state in part.states]
    wanted = {"live": LIVE, "all": LIVE + FINISHED, "finished": FINISHED}["all" if look.array else look.which]
    assert sorted(states) == sorted(wanted)
    assert all(part.sort in SORTS and part.order in ORDERS for part in asked)
    assert all(part.order == "asc" for part in asked if part.sort == "queue"), "the plan's order has one direction"


@given(LOOKS)
def test_a_choice_outlives_the_program_but_an_opened_array_and_a_search_do_not(look: Look) -> None:
    assert look_of(remembered(replace(look, search="x"))) == replace(look, array=None)


JSON = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)


@given(st.dictionaries(st.sampled_from(["mine", "which", "sort", "reverse", "fold", "other"]), JSON))
def test_whatever_was_remembered_is_a_look(kept: dict[str, object]) -> None:
    assert parts(look_of(kept))


def test_an_opened_array_is_a_search_that_the_engine_understands() -> None:
    look = Look(array=7, search="state:failed lr1")
    assert look.searched == "array:7 state:failed lr1"
    assert parse_search(look.searched).words == ("lr1",)


def test_orders_go_round_and_turn() -> None:
    look = Look()
    for sort in [*SORTS[1:], SORTS[0]]:
        look = next_sort(look)
        assert look.sort == sort
    assert sorted_by(Look(), "ended").descending
    assert not sorted_by(sorted_by(Look(), "ended"), "ended").descending
    assert not sorted_by(Look(), "name").descending
    assert [next_which(one) for one in WHICH] == [*WHICH[1:], WHICH[0]]


@pytest.mark.parametrize(
    ("look", "extent", "told"),
    [
        (Look(), Extent(rows=13, jobs=13), "Queue  everybody's jobs"),
        (Look(), Extent(rows=100, jobs=100, more=True), "the first 100 jobs of 705"),
        (Look(mine=True), Extent(rows=100, jobs=100, more=True), "my jobs  the first 100 jobs"),
        (Look(which="all"), Extent(rows=100, jobs=900, more=True), "finished too  the first 900 jobs of 1,705"),
        (Look(which="finished"), Extent(before=300, rows=5000, jobs=5000), "finished only  lines 301 to 5,300"),
        (Look(search="lr"), Extent(rows=3, jobs=3), "filter “lr”: 3"),
        (Look(search="lr"), Extent(rows=3, jobs=3, more=True, searched=400, busy=True), "3+  searched 400 of 1,705"),
        (Look(sort="ended"), Extent(), "by ended ▼"),
        (Look(sort="time_limit"), Extent(), "by time limit ▲"),
        (Look(array=7), Extent(rows=9, jobs=9), "array 7, its elements"),
    ],
)
def test_the_title_says_what_is_shown_of_how_much(look: Look, extent: Extent, told: str) -> None:
    assert told in plain(look, extent)


@given(LOOKS, st.booleans())
def test_the_title_without_unicode(look: Look, busy: bool) -> None:
    assert plain(replace(look, search="x"), Extent(busy=busy), 2, ascii_only=True).isascii()


def test_an_empty_queue_says_why_and_what_to_press() -> None:
    words = [
        empty_words(look, Extent()) for look in (Look(), Look(mine=True), Look(search="x"), Look(which="finished"))
    ]
    assert len(set(words)) == 4
    assert "s submits" in words[0]
    assert empty_words(Look(), Extent(busy=True)) == "Looking …"


def test_filters_are_walked_back_and_forth_and_what_was_written_comes_again() -> None:
    filters = Filters(["a", 7, "", "b"])
    assert filters.older("new") == "b"
    assert filters.older("b") == "a"
    assert filters.older("a") is None
    assert [filters.newer(), filters.newer(), filters.newer()] == ["b", "new", None]
    assert filters.kept("a").texts == ("b", "a")
    assert len(Filters([str(one) for one in range(200)]).texts) == MOST
