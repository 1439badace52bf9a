"""What a pass plans on where there is a cluster: that alone, or this host and the cluster beside it.

Must not know how a cluster is read, nor what is planned.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.core.snapshot import CLUSTER, Cluster, Host, Snapshot


@dataclass(slots=True, frozen=True, kw_only=True)
class Capacity:
    """The cluster and who may go there. host: what its machines offer together, as they were last read.

    alone: everything is planned there; else only jobs that may run anywhere go, once this host could not start them for
    `after_s` seconds. ahead: so many may wait in the cluster's own queue.
    """

    host: Callable[[], Host]
    alone: bool
    ahead: int
    after_s: float

    def placed(self, snapshot: Snapshot) -> Snapshot:
        """The same with each card where it is. Of the snapshot, `host` is this host and `gpus` are all cards."""
        here = tuple(gpu for gpu in snapshot.gpus if gpu.node is None)
        there = tuple(gpu for gpu in snapshot.gpus if gpu.node is not None)
        if self.alone:
            return replace(snapshot, place=CLUSTER, host=self.host(), gpus=there, others=here, ahead=self.ahead)
        cluster = Cluster(host=self.host(), gpus=there, ahead=self.ahead, after_s=self.after_s)
        return replace(snapshot, gpus=here, cluster=cluster)
