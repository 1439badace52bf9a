"""What is never collected by itself, tests at home inside another machine; a folder for others; a real Slurm."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.slurm.fixtures import fresh_slurm, shared_slurm, slurm

__all__ = ["fresh_slurm", "open_path", "shared_slurm", "slurm"]

collect_ignore = [] if os.environ.get("RCQ_INSIDE") else ["inside"]


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder of the test's own that other Unix users may pass through.

    Not under `tmp_path`: every pytest that starts takes others' way into the folder above it.
    """
    with TemporaryDirectory(prefix="rcq-test-") as folder:
        place = Path(folder)
        place.chmod(0o711)
        yield place
