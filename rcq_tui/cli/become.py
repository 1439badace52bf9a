"""Replaces this process by one of the engine's own programs, so that signals and exit codes pass by themselves.

Must not import the engine.
"""

import os
import sys


def become(module: str, argv: list[str]) -> int:
    """Run `python -m module argv…` in this very process; does not return.

    -P: a folder named `engine` where the user stands must not be taken for ours.
    """
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, *argv])  # noqa: S606  a list, never a shell line
