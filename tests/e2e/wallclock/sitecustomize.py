"""Python loads this at its start where PYTHONPATH names its folder: the wall clock is then off by what a file says.

It reaches an engine, its supervisor and its shepherds; jobs have an environment of their own. Must not know rcq.
"""

import os
import time
from pathlib import Path

if "TEST_CLOCK" in os.environ:
    _real, _offset = time.time, Path(os.environ["TEST_CLOCK"])

    def _moved() -> float:
        """Unix seconds as the file wants them; it holds seconds, and is replaced as a whole."""
        return _real() + float(_offset.read_text())

    time.time = _moved
