"""The cluster as one person may see it: its machines, a job's place in Slurm, and how those who run jobs are.

Must not know how Slurm is asked, nor HTTP. Texts of Slurm's are handed on as data: who shows them makes them harmless.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from engine.api.asks import Identity
from engine.core.lifecycle import JobState
from engine.core.model import JobId
from engine.core.reasons import Reason, SlurmAway, SlurmQueue
from engine.core.snapshot import CLUSTER
from engine.daemon.books import Books
from engine.daemon.cards import Card
from engine.daemon.elements import shown_name
from engine.daemon.live import Live
from engine.daemon.outlook import as_dicts
from engine.daemon.views import Views
from engine.ports import Clock
from engine.protocol.cards import GpuUser
from engine.protocol.cluster import BackendView, NodeCards, NodeUser, NodeView, SlurmView
from engine.readings import NodeReading


class Standing(Protocol):
    """Where an attempt stands in Slurm, as it was last looked at. expected_start: by the engine's clock."""

    @property
    def slurm_id(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def node(self) -> str | None: ...
    @property
    def expected_start(self) -> float | None: ...


class Reach(Protocol):
    """Whether Slurm can be asked, since when (Unix seconds), and what it said when it last could not be.

    waiting: attempts that it has and does not run yet; others are still to be handed to it.
    """

    @property
    def up(self) -> bool: ...
    @property
    def since(self) -> float | None: ...
    @property
    def error(self) -> str | None: ...
    @property
    def waiting(self) -> int: ...


class ClusterViews:
    """Makes responses. home: who runs the jobs of this host. nodes: the cluster's machines as they were last read.

    standing, reach: of the cluster's executor, if there is one; standing is asked for a job's attempt.
    """

    def __init__(
        self,
        *,
        books: Books,
        views: Views,
        clock: Clock,
        home: str,
        nodes: Callable[[], Sequence[NodeReading]],
        standing: Callable[[JobId, int], Standing | None] | None = None,
        reach: Callable[[], Reach] | None = None,
    ) -> None:
        self._books = books
        self._views = views
        self._clock = clock
        self._home = home
        self._nodes = nodes
        self._standing = standing
        self._reach = reach

    def slurm(self, job: JobId) -> SlurmView | None:
        """What Slurm tells of an attempt that it has; `None` where it has none, or was not heard of it yet."""
        live = self._books.live.get(job)
        if self._standing is None or live is None or live.lease.place != CLUSTER:
            return None
        if (found := self._standing(job, live.attempt)) is None:
            return None
        return SlurmView(id=found.slurm_id, state=found.state, reason=found.reason, expected_start=found.expected_start)

    def reasons(self, job: JobId) -> list[dict[str, Any]]:
        """Why an attempt of the cluster's does not run yet; empty of any other."""
        live = self._books.live.get(job)
        if live is None or live.lease.place != CLUSTER or live.state is not JobState.SCHEDULED or self._reach is None:
            return []
        found: list[Reason] = []
        if not (reach := self._reach()).up:
            found.append(SlurmAway(since=reach.since, detail=reach.error or ""))
        if (told := self.slurm(job)) is not None:
            start = told.expected_start
            found.append(SlurmQueue(slurm_id=told.id, state=told.state, reason=told.reason, expected_start=start))
        return as_dicts(found)

    def node(self, job: JobId) -> str | None:
        """The machine that Slurm runs an attempt on, as far as it told."""
        live = self._books.live.get(job)
        if live is None or live.lease.place != CLUSTER:
            return None
        found = None if self._standing is None else self._standing(job, live.attempt)
        return live.node or (None if found is None else found.node)

    def backends(self) -> list[BackendView]:
        """Who runs jobs, this host's first."""
        home = BackendView(name=self._home, state="ok", running=self._running(""))
        if self._reach is None:
            return [home]
        reach, nodes = self._reach(), self._nodes()
        slurm = BackendView(
            name=CLUSTER,
            state="ok" if reach.up else "away",
            since=reach.since,
            detail=None if reach.up else reach.error,
            waiting=reach.waiting,
            running=self._running(CLUSTER),
            nodes_open=sum(node.closed is None for node in nodes),
            nodes_total=len(nodes),
        )
        return [home, slurm]

    def machines(self) -> list[NodeView]:
        """Every machine, without who is in it."""
        return self.nodes(None)

    def nodes(self, who: Identity | None) -> list[NodeView]:
        """Every machine, by name as it is read; with rcq's jobs in it as `who` may see them, if that is told."""
        users: dict[str, list[Live]] = {}
        for live in sorted(self._books.live.values(), key=lambda live: int(live.job)):
            if live.lease.place == CLUSTER and live.node is not None:
                users.setdefault(live.node, []).append(live)
        return [self._node(who, node, users.get(node.name, [])) for node in self._nodes()]

    def _running(self, place: str) -> int:
        running = JobState.RUNNING
        return sum(live.lease.place == place and live.state is running for live in self._books.live.values())

    def _node(self, who: Identity | None, node: NodeReading, users: Sequence[Live]) -> NodeView:
        shapes = [live.lease.key.shape for live in users]
        return NodeView(
            name=node.name,
            state="open" if node.closed is None else "closed",
            slurm_state=node.state.lower(),
            why=node.closed,
            age_s=max(0.0, self._clock.now() - node.read_at),
            cpu_cores=node.cpu_cores,
            cpu_cores_allocated=node.cpu_cores_allocated,
            cpu_cores_ours=sum(shape.cpu_cores for shape in shapes),
            cpu_cores_others=node.strangers_cores,
            memory_mb=node.memory_mb,
            memory_mb_allocated=node.memory_allocated_mb,
            memory_mb_ours=sum(shape.memory_mb for shape in shapes),
            cpu_load=node.cpu_load,
            memory_free_mb=node.free_memory_mb,
            cards=self._cards(node, users),
            jobs=[] if who is None else [self._user(who, live) for live in users],
        )

    def _cards(self, node: NodeReading, users: Sequence[Live]) -> list[NodeCards]:
        held = {uuid for live in users for uuid in live.lease.gpus}
        found: dict[str, list[Card]] = {}
        for card in filter(None, map(self._books.cards.get, node.gpus)):
            found.setdefault(card.reading.model, []).append(card)
        return [_counted(model, cards, held) for model, cards in found.items()]

    def _user(self, who: Identity, live: Live) -> NodeUser:
        shape = live.lease.key.shape
        return NodeUser(
            who=gpu_user(self._views, who, live), gpus=shape.gpus, cpu_cores=shape.cpu_cores, memory_mb=shape.memory_mb
        )


def _counted(model: str, cards: Sequence[Card], held: Iterable[str]) -> NodeCards:
    """A card that a stranger's job holds is none of ours, whatever the books still say."""
    ours = frozenset(held)
    others = [card for card in cards if card.reading.taken_by is not None]
    mine = [card for card in cards if card.reading.taken_by is None and card.reading.uuid in ours]
    return NodeCards(type=model, total=len(cards), ours=len(mine), others=len(others))


def gpu_user(views: Views, who: Identity, live: Live) -> GpuUser:
    """A job that holds something, as far as `who` may know of it."""
    owner = live.lease.key.owner
    if not views.sees_all_of(who, owner):
        group = views.group_of(who, owner)
        until = live.limit_at() if group is not None else None
        return GpuUser(id=None, account=None, group=group, name=None, memory_mb=None, until=until)
    return GpuUser(
        id=int(live.job),
        account=owner.account,
        group=owner.group,
        name=shown_name(live.fields) if live.fields else None,
        memory_mb=live.lease.key.shape.gpu_memory_mb or None,
        until=live.limit_at(),
    )
