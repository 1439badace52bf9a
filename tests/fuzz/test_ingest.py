"""Any bytes at all, in any pieces, are judged line by line and never break the parser of ingest."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings, target
from hypothesis import strategies as st

from engine.api.schema import JOB_NAMES
from tests.fuzz.ingest import SEEDS
from tests.fuzz.lines import check

ROOT = Path(__file__).parents[2]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.just("x" * 300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.sampled_from(JOB_NAMES) | st.text(max_size=8), JSON, max_size=6).map(json.dumps)
CELL = st.text(alphabet='",\r\n ab1[]{}', max_size=12) | JSON.map(json.dumps)
RECORD = st.lists(CELL, max_size=5).map(",".join)
HEADER = st.lists(st.sampled_from(JOB_NAMES), max_size=5).map(",".join)
PIECE = st.one_of(OBJECT.map(str.encode), RECORD.map(str.encode), HEADER.map(str.encode), st.binary(max_size=40))
END = st.sampled_from([b"\n", b"\r\n", b"\r", b"", b"\n\n", b'"', b"\xef\xbb\xbf", b"\xff", b"\0"])
FILE = st.lists(st.tuples(PIECE, END), max_size=8).map(lambda parts: b"".join(part for pair in parts for part in pair))
CUTS = st.lists(st.integers(0, 4096), max_size=4)


@settings(max_examples=120, deadline=None)
@given(data=FILE, cuts=CUTS)
@example(data=b'\xef\xbb\xbf{"command": ["true"]}\r\n' * 3, cuts=[1, 2, 3])
@example(data=b'command,name\n"[""true""]","a\nb"\n', cuts=[15])
@example(data=b'command\n"' + b"x" * 2000 + b"\n" * 3, cuts=[600])
def test_any_file_in_any_pieces(data: bytes, cuts: list[int]) -> None:
    target(float(check(data, cuts)), label="lines judged")


@pytest.mark.parametrize("seed", sorted(SEEDS.iterdir()), ids=lambda seed: seed.name)
def test_what_the_fuzzer_starts_from(seed: Path) -> None:
    data = seed.read_bytes()
    for cut in range(0, len(data), max(1, len(data) // 50)):
        check(data[2:], [cut])


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="wants atheris: pip install '.[fuzz]'")
def test_some_seconds_of_coverage_guided_fuzz() -> None:
    command = [sys.executable, "-m", "tests.fuzz.ingest", "--seconds", "15"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-4000:]
    assert "stat::number_of_executed_units" in ran.stderr
