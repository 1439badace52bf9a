"""Hostile text is data: nothing of it reaches the terminal as a command."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcq_tui.viewmodel.text import clean, clean_lines, cut, pad, width


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain name", "plain name"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1;2|payload\x1b\\x", "x"),
        ("\x9b31mred", "red"),
        ("a\x1b]0;never closed", "a␛]0;never closed"),
        ("bell\x07", "bell␇"),
        ("two\nlines", "two␊lines"),
        ("tab\tstop", "tab    stop"),
        ("del\x7f", "del␡"),
        ("abc\u202etxt.exe", "abctxt.exe"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("\u2028line", " line"),
        ("\udc80raw", "\ufffdraw"),
        ("[bold]markup[/bold]", "[bold]markup[/bold]"),
        ("größe 数据", "größe 数据"),
        ("Z" + "\u0301\u0489" * 200, "Z" + "\u0301\u0489" * 2),
        ("x" + "\u0301\u200d" * 9, "x" + "\u0301" * 4),
        (None, ""),
        (7, "7"),
    ],
)
def test_clean_shows_the_letters_and_drops_the_power(raw: object, shown: str) -> None:
    assert clean(raw) == shown


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=60))
def test_clean_leaves_nothing_that_a_terminal_obeys(raw: str) -> None:
    shown = clean(raw)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert clean(shown) == shown


@pytest.mark.timeout(10)
@pytest.mark.parametrize("opening", ["\x1b]", "\x1b[", "\x1bP", "\x1b[9;", "\x1b(", "\x9d", "\x9b", "\x90", "\x9f1"])
def test_clean_is_linear_on_a_flood_of_openings(opening: str) -> None:
    assert "\x1b" not in clean(opening * 100_000)


def test_lines_keep_what_the_last_carriage_return_left() -> None:
    assert clean_lines("a\r\n10%\r50%\r100%\nend") == ["a", "100%", "end"]
    assert clean_lines("one\n\n") == ["one", ""]
    assert clean_lines("") == []


@given(st.text(max_size=30), st.integers(0, 20))
def test_pad_takes_exactly_its_cells(raw: str, cells: int) -> None:
    assert width(pad(clean(raw), cells)) == cells


def test_cut_counts_wide_letters_twice() -> None:
    assert cut("数据处理", 5) == "数据…"
    assert cut("abc", 3) == "abc"
    assert pad("7", 3, right=True) == "  7"
