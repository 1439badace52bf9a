"""A job in the foreground: the same launch, its command behind a stage that brings it to its submitter's terminal.

Pure. Must not know who waits there.
"""

import json
import sys
from collections.abc import Sequence

STAGE = "engine.executor.stage"


def on_stage(argv: Sequence[str], *, socket: str, grace_s: float, warn_before_s: float) -> tuple[str, ...]:
    """What is run for the command `argv`. socket: where the submitter waits.

    grace_s: between SIGHUP and SIGKILL once the submitter is gone; warn_before_s: how near the time limit is when the
    warning comes.
    """
    options = {"socket": socket, "grace_s": grace_s, "warn_before_s": warn_before_s}
    return (sys.executable, "-I", "-m", STAGE, json.dumps(options), *argv)
