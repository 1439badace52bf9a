"""Ends everything that a test's Slurm started and takes its folder away, also when the test was killed.

Run as `python -m tests.slurm.guard FOLDER`: waits until its input ends, which whoever started it holds open, and then
cleans up. A process belongs to the folder if its environment names it, as that of daemons, jobs and their children.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

_TRIES = 50


def processes_of(folder: Path) -> list[int]:
    """Every process whose environment names that folder, but this one."""
    needle = f"{folder}/".encode()
    return [pid for pid in _pids() if pid != os.getpid() and _names(pid, needle)]


def end_all(folder: Path) -> None:
    """Kill them until there are none; children that come up meanwhile are found by the next look."""
    for _ in range(_TRIES):
        pids = processes_of(folder)
        if not pids:
            return
        for pid in pids:
            _kill(pid)
        time.sleep(0.05)  # until the kernel has taken them away
    raise RuntimeError(f"{processes_of(folder)} of {folder} do not end")


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _names(pid: int, needle: bytes) -> bool:
    try:
        if (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return False
        environment = (Path("/proc") / str(pid) / "environ").read_bytes()
    except (OSError, IndexError):  # it ended
        return False
    return b"SLURM_CONF=" + needle in environment or b"RCQ_TEST_SLURM=" + needle in environment


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def main() -> None:
    """Wait for the end of the input."""
    folder = Path(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest, which lets go of the input then
    sys.stdin.buffer.read()
    end_all(folder)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
