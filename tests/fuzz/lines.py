"""What must be so of any file of jobs, in whatever pieces it comes: what both fuzzers of ingest hold it to.

Nothing but `Refused` is raised; every line is judged exactly once, in order; pieces change nothing; what is held of a
line that does not end is bounded; what is accepted can be written as JSON and is accepted again.
"""

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from engine.api.changes import changed
from engine.api.formats import Csv, Format, Ndjson
from engine.api.lines import Line
from engine.protocol.errors import STATUS, Refused
from engine.protocol.fields import JobFields

LIMIT = 512
"""Bytes of a line: small, so that a fuzzer comes to it."""
HELD = 8 * LIMIT
FORMATS: tuple[Callable[[int], Format], ...] = (Ndjson, Csv)
Verdict = tuple[int, Any, str | None]
"""A line's number, what became of it, the key that it has."""


def judged(make: Callable[[int], Format], pieces: Sequence[bytes]) -> list[Verdict] | tuple[str, str]:
    """Every line's verdict, or why the file as a whole is refused."""
    form = make(LIMIT)
    lines: list[Line] = []
    try:
        for piece in pieces:
            lines += form.feed(piece)
            assert held(form) <= HELD, "holds more of a line than it may"
        lines += form.finish()
    except Refused as refused:
        told(refused)
        return refused.code, refused.message
    numbers = [line.number for line in lines]
    assert all(before < after for before, after in itertools.pairwise(numbers)), "a line came twice"
    return [verdict(form, line) for line in lines]


def verdict(form: Format, line: Line) -> Verdict:
    """What becomes of one line; the same if it is asked twice."""
    found, key = form.parse(line), form.job_id(line)
    if isinstance(found, Refused):
        assert asdict_of(form.parse(line)) == asdict_of(found)
        told(found)
        return line.number, (found.code, found.message), key
    assert found.job_id is None or key == found.job_id
    plain = asdict(found)
    assert json.dumps(plain, allow_nan=False).encode()
    assert changed(found, {}) == found
    return line.number, plain, key


def asdict_of(found: JobFields | Refused) -> Any:
    """Comparable, whichever it is."""
    return found.body() if isinstance(found, Refused) else asdict(found)


def told(refused: Refused) -> None:
    """A refusal is one that an answer can hold: a known code, words, details as JSON."""
    assert refused.code in STATUS
    assert refused.message
    json.dumps(refused.body()).encode()


def held(form: Format) -> int:
    """Bytes that a splitter keeps of lines that have not ended."""
    splitter: Any = getattr(form, "_lines", None) or getattr(form, "_records", None)
    inner: Any = getattr(splitter, "_lines", splitter)
    return len(inner._pending) + sum(len(line.text) for line in getattr(splitter, "_open", ()))


def check(data: bytes, cuts: Sequence[int]) -> int:
    """Hold both formats to all of it; how many lines were judged. cuts: places at which the file is cut up."""
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    pieces = [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
    judgements = 0
    for make in FORMATS:
        whole = judged(make, [data])
        assert judged(make, pieces) == whole, "pieces change the outcome"
        assert judged(make, [data[at : at + 1] for at in range(min(len(data), 64))] + [data[64:]]) == whole
        judgements += len(whole)
    return judgements
