"""Processes as /proc shows them: who is still the same one, who descends from whom, and signals that reach only those.

Standard library only: it is loaded by the supervisor. Must not know jobs, attempts or files of a job.
"""

import contextlib
import os
import signal
from collections.abc import Iterable

ZOMBIE = frozenset("ZXx")
"""States of a process that has ended and only waits to be reaped."""
STOPPED = frozenset("Tt")
"""States of a process that stands still until it is told to go on: by a signal, or by who traces it."""
HAND_ON = frozenset({"podman", "docker", "conmon", "catatonit", "podman-init", "docker-init", "tini"})
"""Programs around a container that send on the signals they get, by the names that the kernel has of them."""

STAGE = "rcq-stage"
"""What the kernel calls the program beside a command in the foreground."""


class Stat:
    """One living process: parent, session, start time (clock ticks since boot, which tells a reused pid) and state."""

    __slots__ = ("parent", "pid", "session", "start", "state")

    def __init__(self, pid: int, parent: int, session: int, start: int, state: str = "S") -> None:
        self.pid = pid
        self.parent = parent
        self.session = session
        self.start = start
        self.state = state


def boot_id() -> str:
    """The kernel's name for this boot; another one after a reboot."""
    return _read("/proc/sys/kernel/random/boot_id").strip()


def stat(pid: int) -> Stat | None:
    """The process with that pid; `None` if there is none or it has ended and waits to be reaped."""
    try:
        text = _read(f"/proc/{pid}/stat")
    except OSError:
        return None
    # The name stands in parentheses and may itself hold blanks and parentheses.
    words = text[text.rfind(")") + 2 :].split()
    if len(words) < 20 or words[0] in ZOMBIE:
        return None
    return Stat(pid, int(words[1]), int(words[3]), int(words[19]), words[0])


def is_alive(pid: int, start: int) -> bool:
    """Whether the process that had `pid` and was started at `start` still runs."""
    found = stat(pid)
    return found is not None and found.start == start


def all_processes() -> dict[int, Stat]:
    """Every living process of the host that may be seen."""
    names = os.listdir("/proc")  # noqa: PTH208 (names are all that is wanted, and there are thousands)
    found = (stat(int(name)) for name in names if name.isdigit())
    return {one.pid: one for one in found if one is not None}


def descendants(roots: Iterable[int], processes: dict[int, Stat]) -> list[Stat]:
    """Everything below `roots` (themselves left out), parents before children."""
    below: dict[int, list[Stat]] = {}
    for one in processes.values():
        below.setdefault(one.parent, []).append(one)
    found: list[Stat] = []
    todo = list(roots)
    while todo:
        for child in below.pop(todo.pop(0), ()):
            found.append(child)
            todo.append(child.pid)
    return found


def send(target: Stat, number: int) -> None:
    """Signal that very process; one that has ended or may not be signalled is left alone."""
    # The pidfd is taken before the start time is compared, so a reused pid is never hit.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        handle = os.pidfd_open(target.pid)
        try:
            if is_alive(target.pid, target.start):
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def wants(pid: int, number: int) -> bool:
    """Whether the process has a handler for that signal, or waits for it with the signal blocked.

    Not one of HAND_ON, whose handler sends it on to a process that may have none.
    """
    try:
        lines = _read(f"/proc/{pid}/status").splitlines()
    except OSError:
        return False
    if lines[0].removeprefix("Name:").strip() in HAND_ON:
        return False
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigCgt:", "SigBlk:"))]
    return any(mask >> (number - 1) & 1 for mask in masks)


def wanting(pids: Iterable[int], number: int) -> list[int]:
    """Those that want that signal; where a STAGE is among them that one alone, which knows what becomes of it."""
    found = [pid for pid in pids if wants(pid, number)]
    return [pid for pid in found if _name(pid) == STAGE] or found


def ignores(pid: int, number: int) -> bool:
    """Whether the process takes no notice of that signal, as an interactive shell does of SIGTERM."""
    try:
        lines = _read(f"/proc/{pid}/status").splitlines()
    except OSError:
        return False
    return any(int(line.split()[1], 16) >> (number - 1) & 1 for line in lines if line.startswith("SigIgn:"))


def _name(pid: int) -> str:
    try:
        return _read(f"/proc/{pid}/comm").strip()
    except OSError:
        return ""


def _read(path: str) -> str:
    """A file of /proc, which is small and comes in one piece."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(handle, 1 << 16).decode(errors="replace")
    finally:
        os.close(handle)
