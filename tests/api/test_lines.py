"""Cutting lines and records out of chunks: the same whatever the chunking, nothing too long is held."""

import csv
import io
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.api.lines import BOM, Line, LineSplitter
from engine.api.records import RecordSplitter, celled, cells_of, texts_of

LIMIT = 12


UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A machine that others use as well decides nothing."""


def chunked(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


def run(splitter: LineSplitter | RecordSplitter, chunks: list[bytes]) -> list[Line]:
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [celled(line) if isinstance(splitter, RecordSplitter) else line for line in lines + splitter.finish()]


def seen(lines: list[Line]) -> list[tuple[int, bytes, list[bytes] | None, str | None]]:
    return [(line.number, line.text, line.cells, line.fault.code if line.fault else None) for line in lines]


CUTS = st.lists(st.integers(0, 120), max_size=30)
MESSY = st.lists(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"a", b"bc", b'"', b'""', b",", BOM, b" ", b"x" * 9]), max_size=40
)


@UNHURRIED
@given(MESSY, CUTS)
def test_any_chunking_gives_the_same_lines(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    assert seen(run(LineSplitter(LIMIT), chunked(data, cuts))) == seen(run(LineSplitter(LIMIT), [data]))


@UNHURRIED
@given(MESSY, CUTS)
def test_any_chunking_gives_the_same_records(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    assert seen(run(RecordSplitter(40), chunked(data, cuts))) == seen(run(RecordSplitter(40), [data]))


@UNHURRIED
@given(MESSY, CUTS)
def test_lines_are_what_split_says(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    texts = data.removeprefix(BOM).split(b"\n")
    if texts[-1] == b"" and (data == b"" or data.endswith(b"\n")):
        texts.pop()
    texts = [text.removesuffix(b"\r") for text in texts]
    lines = run(LineSplitter(LIMIT), chunked(data, cuts))
    if data == BOM:
        texts = [b""]
    assert [line.number for line in lines] == list(range(1, len(texts) + 1))
    for line, text in zip(lines, texts, strict=True):
        assert (line.fault is not None) == (len(text) > LIMIT)
        assert line.text == text or (line.fault is not None and text.startswith(line.text))


def test_a_line_of_ten_megabytes_is_never_held() -> None:
    splitter = LineSplitter(1000)
    most = 0
    for _ in range(2000):
        assert splitter.feed(b"y" * 5000) == []
        most = max(most, len(splitter._pending))
    (line,) = splitter.feed(b"end\n")
    assert line.fault is not None
    assert line.fault.code == "TOO_LARGE"
    assert line.text == b"y" * 200
    assert most <= 1010
    assert splitter.feed(b"next\n") == [Line(2, b"next")]


def test_one_byte_at_a_time_is_not_quadratic() -> None:
    splitter = LineSplitter(1_000_000)
    lines: list[Line] = []
    for _ in range(300_000):
        lines += splitter.feed(b"z")
    assert len(splitter.finish()[0].text) == 300_000
    assert lines == []


CELL = st.text(st.sampled_from('ab",\n;ü '), max_size=6)


@UNHURRIED
@given(st.lists(st.lists(CELL, min_size=1, max_size=4), max_size=8), CUTS, st.sampled_from(["\n", "\r\n"]))
def test_records_are_what_a_csv_writer_meant(rows: list[list[str]], cuts: list[int], end: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    records = run(RecordSplitter(10_000), chunked(text.getvalue().encode(), cuts))
    assert [[cell.decode() for cell in record.cells or []] for record in records] == rows
    starts = [1]
    for row in rows:
        starts.append(starts[-1] + 1 + sum(cell.count("\n") for cell in row))
    assert [record.number for record in records] == starts[:-1]


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        (b"", [b""]),
        (b",", [b"", b""]),
        (b"a,b,", [b"a", b"b", b""]),
        (b'"a,""b"""', [b'a,"b"']),
        (b'"",x', [b"", b"x"]),
        (b'"a"b', None),
        (b'a"b"', None),
        (b'"a', None),
        (b' "a"', None),
    ],
)
def test_cells(text: bytes, cells: list[bytes] | None) -> None:
    assert cells_of(text) == cells


@given(
    st.lists(st.sampled_from([b'"', b'""', b",", b"a", b"\xff", b"\n", b"\r", b" ", b"\0", "ü".encode()])).map(b"".join)
)
def test_the_quick_way_to_cells_is_the_same_or_none(text: bytes) -> None:
    texts, cells = texts_of(Line(1, text)), cells_of(text)
    assert texts is None or (cells is not None and texts == [cell.decode() for cell in cells])


@pytest.mark.parametrize("text", [b"a,b,", b'"x, ""y""",1,"[""a""]"', b'"line\nbreak",2', 'ü,"é"'.encode()])
def test_what_is_common_goes_the_quick_way(text: bytes) -> None:
    assert texts_of(Line(1, text)) == [cell.decode() for cell in cells_of(text) or []]


def outcome(data: bytes, limit: int = 1000) -> list[tuple[int, str]]:
    lines = run(RecordSplitter(limit), [data])
    return [(line.number, line.fault.code if line.fault else "ok") for line in lines]


def test_a_quote_that_never_closes_costs_its_own_line_only() -> None:
    assert outcome(b'h\n"a\nb\nc\n') == [(1, "ok"), (2, "BAD_FORMAT"), (3, "ok"), (4, "ok")]
    assert outcome(b'5" disk,x\nb,c\n"q"\n') == [(1, "BAD_FORMAT"), (2, "ok"), (3, "ok")]
    assert outcome(b'"a\nb\n"c"\nd\n') == [(1, "BAD_FORMAT"), (2, "ok"), (3, "ok"), (4, "ok")]
    assert outcome(b'"a\n' + b"bbbbbbbbb\n" * 200, 100) == [(1, "BAD_FORMAT"), *[(n, "ok") for n in range(2, 202)]]


def test_a_long_line_inside_an_open_quote_is_told_by_itself() -> None:
    assert outcome(b'"a\nb\n' + b"x" * 2000 + b"\nc\n") == [(1, "BAD_FORMAT"), (2, "ok"), (3, "TOO_LARGE"), (4, "ok")]


def test_a_file_full_of_open_quotes_is_read_in_linear_time() -> None:
    records = run(RecordSplitter(1_000_000), [b'"a\nb\n' * 20_000])
    assert len(records) <= 40_000
    records = run(RecordSplitter(1_000_000), [b'a"b\n' + b'x,"y"\n' * 20_000 + b'"z'])
    assert len(records) == 20_002
