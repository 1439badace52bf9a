"""Puts a scripted NVML library under the true bindings of a process that reads cards; others are left alone.

Python imports this by its name when its folder is on PYTHONPATH. The script is the file RCQ_SCRIPTED_NVML.
"""

import os
import sys

if "engine.gpu.reader" in sys.orig_argv and os.environ.get("RCQ_SCRIPTED_NVML"):
    from pathlib import Path

    sys.path.append(str(Path(__file__).parents[3]))
    from tests.gpu.played import play

    play(Path(os.environ["RCQ_SCRIPTED_NVML"]))
