"""`python -m tests.gpu.cuda_driver UUID`: the canary's own main on the scripted library that CUDA_SCRIPT describes (JSON)."""

import ctypes
import json
import os
import sys

from engine.gpu import canary
from tests.gpu.fake_cuda import FakeCuda

if __name__ == "__main__":
    script = json.loads(os.environ.get("CUDA_SCRIPT", "{}"))
    library = FakeCuda()
    library.fail, library.hang = script.get("fail", {}), set(script.get("hang", []))
    library.flip = set(script.get("flip", []))
    ctypes.CDLL = lambda name: library  # type: ignore[misc,assignment]
    raise SystemExit(canary.main(sys.argv[1:]))
