"""The shepherd of a process that rcq did not start: watches it, bounds its time, ends it with its tree when it is told.

It is no child of ours: its exit code is nobody's but its parent's, and what it leaves behind when it ends by itself is
left alone, as it never was a job's. Standard library only: it is loaded by the supervisor. Must not know the engine.
"""

import _thread
import os
import select
import signal
import time

from engine.executor import records, tree
from engine.executor.shepherd import Attempt, Tell

LOOK_AGAIN_S = 0.1
"""While its tree is being ended: nobody tells the end of a process that is not a child."""
GONE = "process {pid} had ended before it could be adopted; nothing was changed"
UNSEEN = "the adopted process {pid} has ended; its exit code is known to its own parent only"
ENDED = "the adopted process {pid} was ended"
CHANGED = "the process with pid {pid} is another one now; nothing was changed"


class AdoptedAttempt(Attempt):
    """One claimed attempt whose first process runs already."""

    start: int
    known: dict[tuple[int, int], tree.Stat]  # whoever belonged to it when it was last looked at

    def run(self, tell: Tell) -> None:
        """Watch it, write the end."""
        pid, start = self.order.adopt or (0, -1)
        self.first, self.start, self.known = pid, start, {}
        handle = _opened(pid)
        found = tree.stat(pid)
        if handle is None or found is None or found.start != start:
            message = (GONE if found is None else CHANGED).format(pid=pid)
            self._write_exit(cause="launch-error", message=message)
            tell({"error": message})
            return
        run = self._run_record() | {"pid_start": start, "adopted": True}
        try:
            records.write(self.directory, records.run_name(self.order.attempt), run)
        except OSError as problem:  # nothing of it is ours to end
            message = f"the process was not adopted, its run record cannot be written: {problem}"
            self._write_exit(cause="launch-error", message=message)
            tell({"error": message})
            return
        _thread.start_new_thread(_tell_end, (handle,))
        tell({"running": run})
        self._watch()
        self.pause.end(time.monotonic())  # what it left behind while it stood still is nobody's to hold
        self._write_exit(**self._outcome())

    def _reap(self) -> None:
        """There is nothing to reap: look who is left."""
        if self.status is None and not tree.is_alive(self.first, self.start):
            self.status = 0
        if self.status is not None:
            self.gone = self.cause is None or not any(tree.is_alive(*one) for one in self.known)

    def _tree(self) -> list[tree.Stat]:
        """The process and all that descends from it, and whoever did when it was looked at before."""
        processes = tree.all_processes()
        found = processes.get(self.first)
        if found is not None and found.start == self.start:
            self.known[self.first, self.start] = found
        alive = [one for pid, start in self.known if (one := processes.get(pid)) is not None and one.start == start]
        below = tree.descendants([one.pid for one in alive], processes)
        self.known = {(one.pid, one.start): one for one in (*alive, *below) if one.pid != os.getpid()}
        return list(self.known.values())

    def _sleep(self, until: float) -> bool:
        return super()._sleep(until if self.cause is None else min(until, time.monotonic() + LOOK_AGAIN_S))

    def _outcome(self) -> records.Record:
        """Its exit code cannot be known; a cause is there where it was ended."""
        told = (UNSEEN if self.cause is None else ENDED).format(pid=self.first)
        return {"cause": self.cause or "exit", "message": told}


def _opened(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _tell_end(handle: int) -> None:
    """In a thread, as no signal comes at the end of a process that is not a child: this sends the one that would."""
    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    waiting.poll()
    os.close(handle)
    os.kill(os.getpid(), signal.SIGCHLD)
