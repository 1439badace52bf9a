"""What a program would find around it here: the interpreter with its packages, CUDA, a few variables. A summary for
whoever wonders later why a run went otherwise.

Secrets stay out: variables are named one by one. Must not know jobs.
"""

import json
import os
import platform
import re
import shutil
import subprocess

VARIABLES = (
    "CONDA_DEFAULT_ENV", "CONDA_PREFIX", "CUDA_HOME", "LANG", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "PATH",
    "PYTHONPATH", "VIRTUAL_ENV",
)  # fmt: skip
MOST, LONGEST = 3000, 200
PATIENCE_S = 30.0
_ASK = """
import importlib.metadata, json, platform, sys
found = {"python": platform.python_version(), "python.executable": sys.executable}
for one in importlib.metadata.distributions():
    try:
        name = one.metadata["Name"]
        if name:
            found["pip:" + name] = one.version
    except Exception:
        pass
print(json.dumps(found))
"""


def summary() -> dict[str, str]:
    """Names and versions, as far as they can be told. Short texts on one line."""
    found = {"platform": platform.platform(), **_of_python(), **_of_cuda()}
    found |= {f"env:{name}": os.environ[name] for name in VARIABLES if name in os.environ}
    return dict([(_line(name), _line(value)) for name, value in sorted(found.items())][:MOST])


def interpreter() -> str | None:
    """The one that a command `python` would be: of the active environment, else on the search path."""
    for place in (os.environ.get("VIRTUAL_ENV"), os.environ.get("CONDA_PREFIX")):
        if place and os.access(os.path.join(place, "bin", "python"), os.X_OK):  # noqa: PTH118
            return os.path.join(place, "bin", "python")  # noqa: PTH118
    return shutil.which("python") or shutil.which("python3")


def _of_python() -> dict[str, str]:
    program = interpreter()
    said = _said([program, "-c", _ASK]) if program else ""
    try:
        found = json.loads(said)
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()}


def _of_cuda() -> dict[str, str]:
    found = {}
    if driver := _said(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]).splitlines():
        found["nvidia driver"] = driver[0].strip()
    if release := re.search(r"release ([0-9.]+)", _said(["nvcc", "--version"])):
        found["cuda"] = release[1]
    return found


def _said(command: list[str]) -> str:
    """What a program says; nothing where it is not there or fails."""
    try:
        ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=PATIENCE_S)
    except (OSError, subprocess.SubprocessError):
        return ""
    return ran.stdout.decode(errors="replace")


def _line(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)[:LONGEST] or "?"
