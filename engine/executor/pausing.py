"""Letting an attempt stand still: the wish (`pause-N`), what came of it (`paused-N`), and time that stops meanwhile.

The engine writes the wish and the shepherd what came of it, so that neither ever overwrites the other's word and each
finds the other's after a restart. Standard library only: it is loaded by the supervisor. Must not know why anything
is paused, nor find processes: they are handed in.
"""

import contextlib
import math
import os
import signal
import time
from collections.abc import Callable, Iterable

from engine.executor import records, tree

FIRST_LOOK_S, LONGEST_LOOK_S = 0.01, 1.0
"""How soon a paused tree is looked at again: what a fork left running is caught at once, what goes on by itself within
a second."""


def wish_name(attempt: int) -> str:
    """The file that says whether an attempt is to stand still."""
    return f"pause-{attempt}"


def state_name(attempt: int) -> str:
    """The file that says since when an attempt stands still, and for how long it did before."""
    return f"paused-{attempt}"


def wish(directory: int, attempt: int, *, paused: bool) -> None:
    """Ask for it; the shepherd reads it when it is signalled. Raises OSError.

    No wish is none to stand still, so that on a full disk a job can be let go on.
    """
    if paused:
        records.write(directory, wish_name(attempt), {"paused": True})
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(wish_name(attempt), dir_fd=directory)


def is_wished(directory: int, attempt: int) -> bool:
    """Whether the last wish was a pause."""
    return (records.read(directory, wish_name(attempt)) or {}).get("paused") is True


def state(directory: int, attempt: int) -> tuple[float | None, float]:
    """Since when it stands still (in seconds of `time.monotonic`, so that nobody's clock has a say; `None`: it does
    not) and for how many seconds it did before."""
    found = records.read(directory, state_name(attempt)) or {}
    return _number(found.get("since_boot")), _number(found.get("total_s")) or 0.0


def _number(value: object) -> float | None:
    """A job can write its records too: what is no time is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return float(value)


class Standstill:
    """The shepherd's side. living: the processes of the attempt now.

    still: whether they are to stand still. look_at: when to look again whether they do, in seconds of
    `time.monotonic`; `None` while they run.
    """

    def __init__(self, directory: int, attempt: int, living: Callable[[], Iterable[tree.Stat]]) -> None:
        self._directory = directory
        self._attempt = attempt
        self._living = living
        self._begun: float | None = None
        self._total_s = 0.0
        self._pause_s = FIRST_LOOK_S
        self._stopped_before: set[tuple[int, int]] = set()
        self.look_at: float | None = None

    @property
    def still(self) -> bool:
        """Whether the attempt is to stand still."""
        return self._begun is not None

    def heed(self, now: float) -> float:
        """Do what the wish says; the seconds by which everything that was to happen happens later."""
        wished = is_wished(self._directory, self._attempt)
        if wished and not self.still:
            self._begin(now)
        elif not wished and self.still:
            return self.end(now)
        return 0.0

    def look(self, now: float) -> None:
        """Stop whatever runs: what was just forked, or was told to go on by somebody else."""
        running = [one for one in self._living() if one.state not in tree.STOPPED]
        for one in running:
            tree.send(one, signal.SIGSTOP)
        self._pause_s = min(LONGEST_LOOK_S, 2 * self._pause_s)
        self.look_at = now + self._pause_s

    def end(self, now: float) -> float:
        """Let everybody go on who ran before; for how many seconds they stood still. The caller may have ended them."""
        if self._begun is None:
            return 0.0
        lasted_s, self._begun, self.look_at = now - self._begun, None, None
        self._total_s += lasted_s
        for one in self._living():
            if (one.pid, one.start) not in self._stopped_before:
                tree.send(one, signal.SIGCONT)
        self._write()
        return lasted_s

    def _begin(self, now: float) -> None:
        self._begun = now
        self._stopped_before = {(one.pid, one.start) for one in self._living() if one.state in tree.STOPPED}
        self._pause_s = FIRST_LOOK_S / 2
        self.look(now)
        self._write()

    def _write(self) -> None:
        """On a full disk it is not written; the attempt stands still all the same."""
        record: records.Record = {"since_boot": self._begun, "total_s": self._total_s}
        with contextlib.suppress(OSError):
            records.write(self._directory, state_name(self._attempt), record)


def take_up(directory: int, attempt: int, started_at: float) -> tuple[float | None, float, bool]:
    """For an engine that finds the attempt: since when it stands still, how long it did before, and whether its
    shepherd has yet to be told of the last wish. Whatever the job wrote there, no more than since its start."""
    told, total_s = state(directory, attempt)
    wished = is_wished(directory, attempt)
    untold = wished != (told is not None)
    now = time.time()
    stands_s = 0.0 if told is None else max(0.0, time.monotonic() - told)
    since = min(now, max(started_at, now - stands_s))
    return (since if wished else None), min(total_s, max(0.0, since - started_at)), untold
