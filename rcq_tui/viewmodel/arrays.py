"""Elements of job arrays on the screen: what one is called, and many that wait for the same as one line.

Pure. Must not know columns or what draws them.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from engine.protocol.arrays import compact

Row = dict[str, Any]


def title(name: str | None, command_line: str | None, index: int | None) -> str:
    """The name, else the command; of an element with its index: `train[3]`, `python train.py [3]`."""
    if index is None:
        return name or command_line or ""
    return f"{name}[{index}]" if name else f"{command_line or ''} [{index}]".lstrip()


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


def _alike(row: Row) -> tuple[Any, ...] | None:
    """What rows of one line have in common; `None` for what stands alone."""
    if row.get("array_parent") is None or row["state"] not in {"pending", "held"}:
        return None
    codes = tuple(reason["code"] for reason in row["reasons"])
    return row["array_parent"], row["state"], row["priority"], row["gpus"], codes
