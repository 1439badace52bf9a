"""Puts scripted libraries under a process that reads cards (NVML) or tests one (libcuda); others are left alone.

Python imports this by its name when its folder is on PYTHONPATH. The scripts are the files RCQ_SCRIPTED_NVML and
RCQ_SCRIPTED_CUDA; without the second one a card is tested with what the host has.
"""

import os
import sys

if "engine.gpu.reader" in sys.orig_argv and os.environ.get("RCQ_SCRIPTED_NVML"):
    from pathlib import Path

    sys.path.append(str(Path(__file__).parents[3]))
    from tests.gpu.played import play

    play(Path(os.environ["RCQ_SCRIPTED_NVML"]))

if "engine.gpu.canary" in sys.orig_argv and os.environ.get("RCQ_SCRIPTED_CUDA"):
    from pathlib import Path

    sys.path.append(str(Path(__file__).parents[3]))
    from tests.gpu.fake_cuda import play as play_cuda

    play_cuda(Path(os.environ["RCQ_SCRIPTED_CUDA"]))

if (euid := os.environ.get("RCQ_SCRIPTED_EUID")) is not None:  # an engine that may do less than who runs the tests
    os.geteuid = lambda: int(euid)
