"""What is left of a job whose shepherd was killed: its processes belong to nobody now. A job's own are ended.

Must not know records or the event loop: it blocks for up to `PATIENCE_S` and is called in a thread.
"""

import os
import signal
import time
from pathlib import Path

from engine.executor import tree

PATIENCE_S = 10.0
PAUSE_S = 0.02


def end_leftovers(directory: Path, attempt: int, first: tuple[int, int] | None) -> bool:
    """SIGKILL every process of that attempt until none is found; false if some would not go.

    They are known by the session of the job's first process (`first`: pid and start time), by the attempt in their
    environment, or by descending from one of those.
    """
    give_up_at = time.monotonic() + PATIENCE_S
    while found := _leftovers(directory, attempt, first):
        for one in found:
            tree.send(one, signal.SIGKILL)
        if time.monotonic() >= give_up_at:
            return False
        time.sleep(PAUSE_S)
    return True


def let_go(first: tuple[int, int]) -> None:
    """SIGCONT to an adopted process (pid and start time) and all that descends from it: nobody else would wake them."""
    processes = tree.all_processes()
    found = processes.get(first[0])
    if found is not None and found.start == first[1]:
        for one in (found, *tree.descendants([found.pid], processes)):
            tree.send(one, signal.SIGCONT)


def _leftovers(directory: Path, attempt: int, first: tuple[int, int] | None) -> list[tree.Stat]:
    processes = tree.all_processes()
    marks = (f"RCQ_JOB_DIR={directory}".encode(), f"RCQ_ATTEMPT={attempt}".encode())
    roots = [one for one in processes.values() if _is_of_session(one, first, processes) or _is_marked(one.pid, marks)]
    known = {one.pid: one for one in (*roots, *tree.descendants([one.pid for one in roots], processes))}
    known.pop(os.getpid(), None)
    return list(known.values())


def _is_of_session(one: tree.Stat, first: tuple[int, int] | None, processes: dict[int, tree.Stat]) -> bool:
    """Sessions outlive their leader, and their number is not given anew before the last member is gone."""
    if first is None or one.session != first[0] or one.start < first[1]:
        return False
    leader = processes.get(first[0])
    return leader is None or leader.start == first[1]


def _is_marked(pid: int, marks: tuple[bytes, bytes]) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return all(mark in environment for mark in marks)
