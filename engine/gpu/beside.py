"""This host's cards and a cluster's, as one provider: what keeps the one from being read does not hide the other.

The cluster is read in a thread of its own, one reading under way at a time, since Slurm may take many seconds to say
that it is away: meanwhile the last reading stands, and grows old as any does. Must not know what is done with it.
"""

import logging
import threading
from dataclasses import replace

from engine.gpu.slurm import SlurmNodes
from engine.ports import GpuProvider
from engine.protocol.errors import RcqError
from engine.readings import GpuReading, NodeReading

log = logging.getLogger(__name__)

PATIENCE_S = 0.5
"""So long a reading waits for the cluster's: an answer in time is in it, and this host's cards are not late."""


class BesideCluster:
    """A `GpuProvider`. home: this host's cards, whose indices come first; `NoGpus` where nothing runs here."""

    def __init__(self, home: GpuProvider, cluster: SlurmNodes, patience_s: float = PATIENCE_S) -> None:
        self._home = home
        self.cluster = cluster
        self._patience_s = patience_s
        self._first_index = 0
        self._under_way: threading.Thread | None = None
        self._last: tuple[GpuReading, ...] = ()
        self._trouble: dict[str, str] = {}

    def read(self) -> tuple[GpuReading, ...]:
        """Both, as far as they can be read. Raises RcqError where neither ever could."""
        thread = self._read_cluster()
        here = self._read_home()
        thread.join(self._patience_s)
        there = self._last
        if here is None and not there:
            raise RcqError("; ".join(self._trouble.values()))
        here = here or ()
        self._first_index = max([self._first_index, *(card.index + 1 for card in here)])
        return (*here, *(replace(card, index=self._first_index + card.index) for card in there))

    def nodes(self) -> tuple[NodeReading, ...]:
        """The cluster's machines as they were last read."""
        return self.cluster.nodes()

    def close(self) -> None:
        """Let go of the driver. A command of Slurm's that is under way ends by itself."""
        self._home.close()
        self.cluster.close()

    def _read_home(self) -> tuple[GpuReading, ...] | None:
        try:
            found = self._home.read()
        except RcqError as error:
            self._note("The cards of this host", str(error))
            return None
        self._note("The cards of this host", "")
        return found

    def _read_cluster(self) -> threading.Thread:
        """The reading that is under way, or a new one."""
        if self._under_way is None or not self._under_way.is_alive():
            self._under_way = threading.Thread(target=self._ask, name="cluster", daemon=True)
            self._under_way.start()
        return self._under_way

    def _ask(self) -> None:
        try:
            self._last = self.cluster.read()
        except RcqError as error:
            self._note("The cluster", str(error))
        else:
            self._note("The cluster", "")

    def _note(self, what: str, trouble: str) -> None:
        """Told once when it begins and once when it is over."""
        before = self._trouble.get(what, "")
        if trouble and not before:
            log.error("%s cannot be read: %s", what, trouble)
        elif before and not trouble:
            log.warning("%s can be read again.", what)
        if trouble:
            self._trouble[what] = trouble
        else:
            self._trouble.pop(what, None)
