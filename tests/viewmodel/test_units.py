"""Sizes and times as typed."""

import pytest

from rcq_tui.viewmodel.units import mebibytes, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("16G", 16384), ("16GB", 16384), ("16GiB", 16384), ("16g", 16384), ("512M", 512), ("512", 512),
        ("1.5T", 1_572_864), ("1K", 1), ("1025k", 2), ("0", 0), (" 2 G ", 2048),
    ],
)  # fmt: skip
def test_sizes(text: str, expected: int) -> None:
    assert mebibytes(text) == expected


@pytest.mark.parametrize("text", ["", "G", "16X", "-1G", "1,5G", "16 G G", "1e3"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="write for example"):
        mebibytes(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30", 30), ("90s", 90), ("2h30m", 9000), ("1d12h", 129_600), ("5m", 300), ("1d2h3m4s", 93_784),
        ("1-02:00:00", 93_600), ("1-2", 93_600), ("1-02:30", 95_400), ("2:30:00", 9000), ("45:00", 2700), ("0", 0),
    ],
)  # fmt: skip
def test_times(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", " ", "h", "30x", "-5", "1.5h", "m30", "1:2:3:4", "1-", "30m2h"])
def test_no_times(text: str) -> None:
    with pytest.raises(ValueError, match="write for example"):
        seconds(text)
