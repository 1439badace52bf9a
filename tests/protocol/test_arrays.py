"""Array texts: what they mean, and that what is wrong is said."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocol.arrays import FORM, MAX_ELEMENTS, MAX_INDEX, compact, parse_array, parse_elements
from engine.protocol.fields import JobFields, size_of


@pytest.mark.parametrize(
    ("text", "indices", "most"),
    [
        ("0-3", [0, 1, 2, 3], None),
        ("7", [7], None),
        ("1,3,7-9", [1, 3, 7, 8, 9], None),
        ("0-99:25%2", [0, 25, 50, 75], 2),
        ("9,1-2%1", [1, 2, 9], 1),
        ("007", [7], None),
        (f"{MAX_INDEX}", [MAX_INDEX], None),
    ],
)
def test_what_an_array_means(text: str, indices: list[int], most: int | None) -> None:
    spec = parse_array(text)
    assert (list(spec.indices), spec.most, spec.size) == (indices, most, len(indices))
    assert size_of(JobFields(array=text)) == len(indices)


@pytest.mark.parametrize(
    "text", ["", "a", "1-", "-1", "1,,2", "1 2", "1-2-3", "0:2", "٣", "1-3:", "0x1", "1\n", " 1", "[1]"]
)
def test_what_cannot_be_read_is_answered_with_the_form(text: str) -> None:
    with pytest.raises(ValueError, match="write indices and ranges") as wrong:
        parse_array(text)
    assert str(wrong.value) == FORM


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("5-3", "5-3 is no range; the smaller index comes first"),
        ("0-9:0", "step is 1 or more"),
        ("1,1", "names an index twice"),
        ("0-9,5", "names an index twice"),
        ("0-9%0", "after % stands how many may run at once"),
        ("0-9%", "after % stands"),
        ("0-9%x", "after % stands"),
        ("0-9%2%3", "after % stands"),
        ("9999999999", f"the largest index is {MAX_INDEX}"),
        ("0-1000000", f"makes 1000001 elements; {MAX_ELEMENTS} is the most"),
        ("0-2147483647,0-2147483647", "is the most"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parse_array(text)


def test_elements_have_no_cap() -> None:
    assert list(parse_elements("3-5,9")) == [3, 4, 5, 9]
    with pytest.raises(ValueError, match="such as"):
        parse_elements("3-5%2")


@given(st.sets(st.integers(0, 60), min_size=1))
def test_what_is_compacted_reads_back(indices: set[int]) -> None:
    text = compact(sorted(indices))
    assert list(parse_elements(text)) == sorted(indices)
    assert compact([]) == ""


def test_no_elements_stand_for_all() -> None:
    assert len(parse_elements("all")) == 0


def test_a_job_that_is_no_array_and_one_that_recurs_are_one() -> None:
    assert size_of(JobFields()) == 1
    assert size_of(JobFields(array="0-9", cron="0 3 * * *")) == 1
