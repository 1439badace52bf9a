"""Elements of job arrays on the screen: what one is called, and many that wait for the same as one line.

Pure. Must not know columns or what draws them.
"""

from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from typing import Any

from engine.protocol.arrays import compact, parse_elements
from rcq_tui.viewmodel.text import clean

Row = dict[str, Any]


def title(name: str | None, command_line: str | None, index: int | None) -> str:
    """The name, else the command; of an element with its index: `train[3]`, `python train.py [3]`."""
    if index is None:
        return name or command_line or ""
    return f"{name}[{index}]" if name else f"{command_line or ''} [{index}]".lstrip()


def folded_title(name: str, count: int, told: str) -> str:
    """One row for several elements: `100x train[0-99]`; where not all of the indices are told, that shows."""
    return f"{count:,}x {name}[{told}{',…' if how_many(told) < count else ''}]"


@lru_cache(maxsize=1024)
def how_many(elements: str) -> int:
    """How many indices `0-5,9` names; none where it is not to be understood."""
    try:
        return len(parse_elements(elements))
    except ValueError:
        return 0


def collapsed(rows: Iterable[Row]) -> list[Row]:
    """Rows in their order, with neighbours that are elements of one array and wait for the same as one row.

    Its `id` is text, `7[3-99]`, and it has no index of its own; position and start are those of its first.
    """
    found: list[Row] = []
    for key, some in groupby(rows, _alike):
        alike = list(some)
        if key is None or len(alike) == 1:
            found += alike
            continue
        indices = compact(sorted(row["array_index"] for row in alike))
        found.append({**alike[0], "id": f"{alike[0]['array_parent']}[{indices}]", "array_index": None})
    return found


def named_as_one(row: Row) -> Row:
    """A row that the engine made of many elements, with `7[0-5]` as its id; any other as it is."""
    if row.get("folded") is None:
        return row
    told = clean(row["elements"])
    rest = ",…" if how_many(told) < row["folded"] else ""
    return {**row, "id": f"{row['array_parent']}[{told}{rest}]", "array_index": None}


def _alike(row: Row) -> tuple[Any, ...] | None:
    """What rows of one line have in common; `None` for what stands alone."""
    if row.get("array_parent") is None or row["state"] not in {"pending", "held"}:
        return None
    codes = tuple(reason["code"] for reason in row["reasons"])
    return row["array_parent"], row["state"], row["priority"], row["gpus"], codes
