"""What elements of a job array are called, and which of them share a line."""

from typing import Any

import pytest

from rcq_tui.viewmodel.arrays import collapsed, title


def row(number: int, index: int | None = None, **changes: Any) -> dict[str, Any]:
    parent = None if index is None else 7
    plain = {"id": number, "array_parent": parent, "array_index": index, "state": "pending", "priority": 5, "gpus": 1}
    return {**plain, "reasons": [], "position": number, **changes}


@pytest.mark.parametrize(
    ("name", "command", "index", "shown"),
    [
        ("train", "python t.py", None, "train"),
        (None, "python t.py", None, "python t.py"),
        (None, None, None, ""),
        ("train", "python t.py", 0, "train[0]"),
        (None, "python t.py", 12, "python t.py [12]"),
        (None, None, 3, "[3]"),
    ],
)
def test_title(name: str | None, command: str | None, index: int | None, shown: str) -> None:
    assert title(name, command, index) == shown


def test_neighbours_that_wait_alike_share_a_line_with_the_firsts_place() -> None:
    rows = [row(7, 0), row(8, 1), row(9, 2), row(20), row(12, 5), row(11, 4)]
    assert [(one["id"], one["position"], one["array_index"]) for one in collapsed(rows)] == [
        ("7[0-2]", 7, None),
        (20, 20, None),
        ("7[4-5]", 12, None),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"state": "running"},
        {"state": "held"},
        {"priority": 6},
        {"gpus": 2},
        {"array_parent": 3},
        {"array_parent": None},
        {"reasons": [{"code": "GPUS_BUSY"}]},
    ],
)
def test_what_differs_stands_alone(change: dict[str, Any]) -> None:
    rows = [row(7, 0), row(8, 1, **change), row(9, 2)]
    assert collapsed(rows) == rows


def test_what_runs_or_has_ended_is_never_put_together() -> None:
    rows = [row(n, n, state=state) for state in ("running", "completed", "failed") for n in range(3)]
    assert collapsed(rows) == rows
