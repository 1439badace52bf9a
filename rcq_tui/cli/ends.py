"""The ends of jobs as they come: told by the event stream, looked up in a listing, also over restarts of the engine.

Must not know what is done about them.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from queue import Empty, SimpleQueue
from typing import Any

from engine.protocol.errors import Refused, Unreachable
from rcq_tui.cli.failures import complain
from rcq_tui.cli.pages import PAGE
from rcq_tui.client.wire import Wire

OVER = frozenset({"completed", "failed", "cancelled"})
PATIENCE_S = 600.0
"""So long may the engine be away: an upgrade may take minutes."""
_SILENT_S = 5.0
"""After so long without it, people are told."""
_AGAIN_S = 1.0
_LOOK_S = 15.0
"""All are looked up as often, whatever the events tell: those of jobs that one may not see tell nothing."""
_LOOK_EACH_S = 0.002
"""For each of them the pause is as much longer: a thousand cost the engine as much as one."""

Row = dict[str, Any]


class TimedOut(Exception):
    """The time is over. left: the ids of those that have not ended."""

    def __init__(self, left: Collection[int]) -> None:
        super().__init__(f"{len(left)} jobs have not ended")
        self.left = sorted(left)


def ends_of(
    wire: Wire,
    numbers: Collection[int],
    timeout_s: float | None = None,
    begun: Callable[[list[Row]], None] = lambda _: None,
) -> Iterator[list[Row]]:
    """The rows of these jobs, each once it has ended, several at a time where they come so.

    begun: what to do with all rows as they are before anything is waited for.
    Raises Refused (JOB_NOT_FOUND), TimedOut, Unreachable.
    """
    watch = _Watch(wire, set(numbers), None if timeout_s is None else time.monotonic() + timeout_s)
    rows = watch.look(watch.left)
    begun(rows)
    listener = threading.Thread(target=watch.listen, daemon=True)
    while True:
        over = [row for row in rows if row["state"] in OVER and row["id"] in watch.left]
        watch.left -= {row["id"] for row in over}
        if over:
            yield over
        if not watch.left:
            return
        if not listener.is_alive():
            listener.start()
        rows = watch.more()


class _Watch:
    """Jobs that have not ended, as far as is known. due: when waiting is over, on the steady clock."""

    def __init__(self, wire: Wire, left: set[int], due: float | None) -> None:
        self.left = left
        self._wire = wire
        self._due = due
        self._news: SimpleQueue[int | None] = SimpleQueue()  # ids that may have ended; None: any may have
        self._heard = time.monotonic()
        self._told = False

    def listen(self) -> None:
        """Follow the events while there is somebody to wait for, on a thread of its own."""
        while self.left:
            try:
                # An event that no engine remembers: the stream begins with the advice to look at everything.
                for kind, told in self._wire.events("/v1/events", {"after": 0}):
                    if kind == "job" and told["id"] in self.left and told["state"] in OVER:
                        self._news.put(told["id"])
                    elif kind == "queue" and told.get("refresh"):
                        self._news.put(None)
            except (Unreachable, Refused, OSError):
                self._news.put(None)
            time.sleep(max(_AGAIN_S, len(self.left) * _LOOK_EACH_S))

    def more(self) -> list[Row]:
        """Rows of some that may have ended. Raises TimedOut, Refused, Unreachable."""
        while True:
            if self._due is not None and time.monotonic() >= self._due:
                raise TimedOut(self.left)
            named = self._named()
            try:
                rows = self.look(named)
            except (Unreachable, Refused) as error:
                self._bear(error)
            else:
                self._heard, self._told = time.monotonic(), False
                return rows

    def look(self, numbers: Collection[int]) -> list[Row]:
        """Their rows. Raises Refused (JOB_NOT_FOUND if there is one no more, as after a restore), Unreachable."""
        ordered = sorted(numbers)
        rows: list[Row] = []
        for at in range(0, len(ordered), PAGE):
            ids = ",".join(map(str, ordered[at : at + PAGE]))
            rows += self._wire.request("GET", "/v1/jobs", {"ids": ids, "limit": PAGE})["items"]
        if missing := sorted(set(ordered) - {row["id"] for row in rows}):
            named = ", ".join(map(str, missing[:10])) + (" …" if len(missing) > 10 else "")
            raise Refused("JOB_NOT_FOUND", f"there is no job {named} that you may see; nothing is waited for")
        return rows

    def _named(self) -> Collection[int]:
        """Wait for news; whom to look up."""
        pause = max(_LOOK_S, len(self.left) * _LOOK_EACH_S)
        if self._due is not None:
            pause = min(pause, max(0.0, self._due - time.monotonic()))
        try:
            found = {self._news.get(timeout=pause)}
        except Empty:
            return self.left
        while not self._news.empty():
            found.add(self._news.get())
        return self.left if None in found else self.left & found

    def _bear(self, error: Unreachable | Refused) -> None:
        """Let a while without an engine pass. Raises the error if it is another one, or the while is too long."""
        away_s = time.monotonic() - self._heard
        if away_s > PATIENCE_S or (isinstance(error, Refused) and error.code != "SERVICE_NOT_READY"):
            raise error
        if away_s > _SILENT_S and not self._told:
            self._told = True
            complain(f"the engine has not answered for {away_s:.0f} s; waiting goes on")
        time.sleep(_AGAIN_S)
        self._news.put(None)
