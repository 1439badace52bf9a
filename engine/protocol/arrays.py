"""Job arrays as people write them: which indices, and how many elements may run at once.

Pure, and little is imported: the command line loads it at every start. Must not know how an array is stored or run.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

MAX_ELEMENTS = 1_000_000
"""However an engine is set up, no array has more; what is longer is refused before it is spelled out."""
ALL = "all"
MAX_INDEX = 2**31 - 1
FORM = 'write indices and ranges, such as "0-99", "1,3,7-9" or "0-99:10"; "%4" at the end: at most 4 run at once'

_PART = r"(\d{1,10})(?:-(\d{1,10})(?::(\d{1,10}))?)?"
_MOST = r"[1-9]\d{0,9}"
"""Compiled when the first array is read: most commands read none."""


class ArraySpec(NamedTuple):
    """A job array: its indices, ascending, each once. most: how many elements may run at once; `None`: any number."""

    indices: Sequence[int]
    most: int | None = None

    @property
    def size(self) -> int:
        """How many elements it has."""
        return len(self.indices)


@lru_cache(maxsize=64)
def parse_array(text: str) -> ArraySpec:
    """`0-99%4`, `1,3,7-9`, `0-99:10`. Raises ValueError, whose words say what is wrong and how to write it."""
    listed, percent, most = text.partition("%")
    if percent and not re.fullmatch(_MOST, most, re.ASCII):
        raise ValueError(f"after % stands how many may run at once, 1 or more; {FORM}")
    return ArraySpec(indices=_indices(listed), most=int(most) if percent else None)


def parse_elements(text: str) -> Sequence[int]:
    """Indices of some elements: `3`, `3-5,9`; `all` gives none, which stands for all. Raises ValueError."""
    if text == ALL:
        return ()
    if "%" in text:
        raise ValueError('write indices and ranges, such as "3" or "3-5,9"')
    return _indices(text)


def compact(indices: Iterable[int]) -> str:
    """Ascending indices as people write them: `3-5,9`."""
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in _runs(indices))


def _indices(text: str) -> Sequence[int]:
    parts = [_range(part) for part in text.split(",")]
    total = sum(map(len, parts))
    if total > MAX_ELEMENTS:
        raise ValueError(f"makes {total} elements; {MAX_ELEMENTS} is the most")
    if len(parts) == 1:
        return parts[0]
    indices = sorted(set(chain.from_iterable(parts)))
    if len(indices) < total:
        raise ValueError("names an index twice; each makes one job")
    return tuple(indices)


def _range(part: str) -> range:
    found = re.fullmatch(_PART, part, re.ASCII)
    if found is None:
        raise ValueError(FORM)
    low = int(found[1])
    high = int(found[2]) if found[2] else low
    step = int(found[3]) if found[3] else 1
    if high > MAX_INDEX:
        raise ValueError(f"the largest index is {MAX_INDEX}")
    if high < low or step < 1:
        raise ValueError(f"{part} is no range; the smaller index comes first and the step is 1 or more")
    return range(low, high + 1, step)


def _runs(indices: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of each stretch without a hole."""
    first = last = None
    for index in indices:
        if first is None or last is None or index != last + 1:
            if first is not None and last is not None:
                yield first, last
            first = index
        last = index
    if first is not None and last is not None:
        yield first, last
