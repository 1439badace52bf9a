"""Runs a program on a throw-away overlay of folders, in mounts and processes of its own.

When the program ends or this process dies, its mounts and every process that it started are gone with it: nothing of
a test machine can be left on the host but files. Must not know what runs.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

# setpriv: the outermost process dies with its parent; unshare: the first one inside dies with the outermost, and
# the kernel ends all others of that process namespace.
ALONE = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
MOUNT = 'mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/changes,workdir=$2/work" "$2/root" && cd / && shift && '


def alone(layers: Sequence[Path], place: Path, script: str, *arguments: str) -> list[str]:
    """A command line for the bash `script` ($1 is `place`): it finds the layers, topmost first, as `place`/root.

    What it changes there goes to `place`/changes.
    """
    for name in ("changes", "work", "root"):
        (place / name).mkdir(parents=True, exist_ok=True)
    lower = ":".join(map(str, layers))
    return [*ALONE, "bash", "-euc", MOUNT + script, "bash", lower, str(place), *arguments]


def run(layers: Sequence[Path], place: Path, script: str, *arguments: str, timeout_s: float = 300.0) -> str:
    """Run it to its end; what it printed. The test fails with its last words if it fails."""
    ran = subprocess.run(
        alone(layers, place, script, *arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert ran.returncode == 0, f"exit {ran.returncode}\n{ran.stdout[-4000:]}\n{ran.stderr[-4000:]}"
    return ran.stdout


def remove(place: Path) -> None:
    """Take the folder away, whatever the machine left in it."""
    if place.exists():
        shutil.rmtree(place)
