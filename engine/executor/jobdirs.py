"""Which jobs have a directory. Must not know what is in it, nor which of them should."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from engine.executor.directory import JOBS

LARGEST = 10**15
"""No counter of ours comes near this: a name with a larger number was made by hand."""


def numbers(state_dir: Path) -> Iterator[int]:
    """The ids of jobs with a directory, in no order. Blocks on the disk. Raises OSError but for a missing one."""
    with suppress(FileNotFoundError), os.scandir(state_dir / JOBS) as entries:
        for entry in entries:
            name = entry.name
            if name.isascii() and name.isdigit() and name[0] != "0" and (number := int(name)) < LARGEST:
                yield number
