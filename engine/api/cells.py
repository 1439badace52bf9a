"""From the text of a CSV cell to the value that JSON would have held, by the column's name.

Pure. Must not know quoting or files. Ranges and rules are `model`'s; here is only what a cell's text can mean.
"""

from collections.abc import Callable
from typing import Any

from pydantic_core import from_json

from engine.api.model import load_json

_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _text(cell: str) -> str:
    return cell


def _whole(cell: str) -> int:
    if cell.isascii() and cell.isdecimal() and len(cell) <= 18:
        return int(cell)
    digits = cell.strip()
    # Tables that once had an empty cell in a column of whole numbers come out of pandas as 4.0.
    digits = digits[:-2] if digits.endswith(".0") else digits
    if not digits.isascii() or not digits.removeprefix("-").isdigit() or len(digits) > 18:
        raise ValueError("must be a whole number")
    return int(digits)


def _number(cell: str) -> float:
    if "_" in cell:  # float() would take 1_000
        raise ValueError("must be a number")
    try:
        return float(cell)
    except ValueError:
        raise ValueError("must be a number") from None


def _moment(cell: str) -> float | str:
    """A number, or a time as text."""
    try:
        return _number(cell)
    except ValueError:
        return cell


def _flag(cell: str) -> bool:
    try:
        return _FLAGS[cell.strip().lower()]
    except KeyError:
        raise ValueError("must be true or false") from None


def _json(example: str) -> Callable[[str], Any]:
    def read(cell: str) -> Any:
        try:
            return _plain_json(cell) or load_json(cell)
        except (ValueError, RecursionError):
            raise ValueError(f"must be JSON, such as {example}") from None

    return read


def _plain_json(cell: str) -> Any:
    """A list of texts, or a map whose keys are surely different; `None` for what `load_json` has to look at."""
    try:
        value = from_json(cell)
    except ValueError:
        return None
    if isinstance(value, list):
        return value if "{" not in cell else None
    # Every key, repeated or not, brings at least one colon.
    return value if isinstance(value, dict) and cell.count(":") == len(value) else None


_LIST = _json('["python", "train.py"]')
_MAP = _json('{"SEED": "1"}')

READERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(
        (
            "gpus",
            "gpu_count",
            "num_gpu",
            "gpu_memory_mb",
            "cpu_cores",
            "memory_mb",
            "memory_mib",
            "priority",
            "retries",
            "gpu_power_w",
        ),
        _whole,
    ),
    "time_limit_s": _whole,
    **dict.fromkeys(
        ("memory_gb", "max_runtime", "expected_time", "max_runtime_minutes", "estimated_hours", "submitted_at"), _number
    ),
    **dict.fromkeys(("gpu_share", "preemptible", "idle_ok", "anywhere"), _flag),
    **dict.fromkeys(("command", "args"), _LIST),
    "after": _json('[12, {"id": 13, "when": "any"}]'),
    "files": _json('[{"name": "data.csv", "upload": "0123456789abcdef0123456789abcdef"}]'),
    "snapshot": _json('{"upload": "0123456789abcdef0123456789abcdef"}'),
    "begin": _moment,
    **dict.fromkeys(("environment", "tags"), _MAP),
}
"""How to read a column that is not plain text. Each raises ValueError with what the cell must be."""


def reader_of(column: str) -> Callable[[str], Any]:
    """How to read a cell of this column."""
    return READERS.get(column, _text)
