"""What a CSV cell's text means."""

from typing import Any

import pytest

from engine.api.cells import READERS, reader_of
from engine.api.schema import JOB_NAMES


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("gpus", "4", 4),
        ("gpus", " 4 ", 4),
        ("gpus", "4.0", 4),
        ("priority", "-1", -1),
        ("memory_gb", "1.5", 1.5),
        ("estimated_hours", "1e-3", 0.001),
        ("preemptible", "TRUE", True),
        ("preemptible", "no", False),
        ("gpu_share", "0", False),
        ("command", '["a", "b c"]', ["a", "b c"]),
        ("environment", '{"A": "1"}', {"A": "1"}),
        ("name", " 007 ", " 007 "),
        ("job_id", "7", "7"),
        ("group", "true", "true"),
    ],
)
def test_a_cell(column: str, cell: str, value: Any) -> None:
    found = reader_of(column)(cell)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("column", "cell", "hint"),
    [
        ("gpus", "four", "whole number"),
        ("gpus", "1.5", "whole number"),
        ("gpus", "1_0", "whole number"),
        ("gpus", "٤", "whole number"),
        ("gpus", "--1", "whole number"),
        ("gpus", "9" * 5000, "whole number"),
        ("gpus", "true", "whole number"),
        ("memory_gb", "1_0", "number"),
        ("memory_gb", "a", "number"),
        ("preemptible", "maybe", "true or false"),
        ("command", "python train.py", '["python"'),
        ("tags", "a=b", '{"'),
        ("tags", "[" * 100_000, '{"'),
    ],
)
def test_a_cell_that_cannot_be_read_says_what_it_must_be(column: str, cell: str, hint: str) -> None:
    with pytest.raises(ValueError, match="must be") as error:
        reader_of(column)(cell)
    assert hint in str(error.value)


def test_readers_are_for_columns_that_exist() -> None:
    assert set(READERS) < set(JOB_NAMES)
