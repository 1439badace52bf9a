"""The GPUs of a Slurm cluster and the machines that they are in, as Slurm tells them.

Nobody tells how such a card works: it has no temperature, power or use, only whether its machine takes jobs and whether
somebody else's job holds it. What is held of a machine and belongs to none of the jobs that are known is a stranger's,
too, once that was so for a while: Slurm may hide jobs, and they are looked at less often than machines. Must not know
the plan, nor rcq's jobs but by the names that they have in Slurm.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from engine.core.model import GpuUuid
from engine.ports import Clock
from engine.readings import GpuReading, NodeReading
from engine.slurm import nodes as slurm_nodes
from engine.slurm.errors import SlurmRefused, SlurmUnread
from engine.slurm.jobs import Share, SlurmJob
from engine.slurm.nodes import Node, card_uuid

Ask = Callable[..., str]
"""Runs one of Slurm's commands by its name and arguments, waits, and returns what it printed. Raises SlurmAway."""
SOMEBODY = "somebody"
"""Whose job it is when that is not known."""
DOUBT_S = 3.0
"""What is held belongs to a job of rcq's that just began, or to one that is soon to be seen, for so long at least."""
_SINFO = ("sinfo", "--json")
_SCONTROL = ("scontrol", "-a", "show", "nodes", "--json")


@dataclass(slots=True, frozen=True, kw_only=True)
class CardKind:
    """What Slurm does not know of its GPUs of a type. model: empty: the type itself. memory_mb: MiB, 0 if unknown."""

    model: str = ""
    memory_mb: int = 0


@dataclass(slots=True, frozen=True, kw_only=True)
class ClusterTerms:
    """Which part of a cluster counts. partitions: empty for Slurm's default. reserved: jobs name a reservation.

    kinds: by the type in Slurm's Gres, "gpu" where it has none. fresh_s: an answer of Slurm's serves so long;
    idle_s: and so long while no job is there that could need another one.
    """

    partitions: frozenset[str] = frozenset()
    reserved: bool = False
    kinds: Mapping[str, CardKind] = field(default_factory=dict)
    fresh_s: float = 0.0
    idle_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class _Held:
    """What jobs hold of one machine. gpus: the user by the card's index there."""

    cores: int = 0
    memory_mb: int = 0
    gpus: dict[int, str] = field(default_factory=dict)

    def add(self, share: Share, user: str) -> None:
        """One more job's."""
        self.cores += share.cores
        self.memory_mb += share.memory_mb
        self.gpus.update((index, user) for _, index in share.gpus)


class SlurmNodes:
    """A `GpuProvider` of all GPUs in the partitions that count, also of those whose machines take no jobs now.

    first_index: cards count on from there, each with the same index for as long as this lives.
    """

    def __init__(self, ask: Ask, terms: ClusterTerms, clock: Clock, first_index: int = 0) -> None:
        self._ask = ask
        self._terms = terms
        self._clock = clock
        self._first_index = first_index
        self._command: tuple[str, ...] = _SINFO
        self._default: frozenset[str] | None = None
        self._indices: dict[GpuUuid, int] = {}
        self._jobs: Callable[[], Iterable[SlurmJob]] = tuple
        self._own: Callable[[SlurmJob], bool] = lambda _: False
        self._jobs_age_s: Callable[[], float] = float
        self._is_idle: Callable[[], bool] = bool
        self._knows_jobs = False
        self._since: dict[tuple[str, str], float] = {}
        self._nodes: tuple[NodeReading, ...] = ()
        self._answer: tuple[float, tuple[Node, ...]] | None = None

    def introduce(
        self,
        jobs: Callable[[], Iterable[SlurmJob]],
        own: Callable[[SlurmJob], bool],
        age_s: Callable[[], float] = float,
        is_idle: Callable[[], bool] = bool,
    ) -> None:
        """From now on strangers' jobs are told. jobs: all of Slurm's as last seen, in any thread. own: is it rcq's?

        age_s: seconds since they were looked at. is_idle: whether rcq has no job that waits or runs, in any thread.
        """
        self._jobs, self._own, self._jobs_age_s, self._knows_jobs = jobs, own, age_s, True
        self._is_idle = is_idle

    def read(self) -> tuple[GpuReading, ...]:
        """Every GPU now, by index. Raises SlurmAway, SlurmUnread."""
        read_at, found = self._current()
        held = self._strangers(found, read_at)
        self._number(found)
        self._nodes = tuple(_machine(node, held.get(node.name, _Held()), read_at) for node in found)
        cards = [card for node in found for card in self._cards(node, held.get(node.name, _Held()), read_at)]
        return tuple(sorted(cards, key=lambda card: card.index))

    def nodes(self) -> tuple[NodeReading, ...]:
        """The machines of the partitions that count, as they were last read."""
        return self._nodes

    def close(self) -> None:
        """Nothing is held; the next reading asks anew."""
        self._answer = self._default = None

    def _current(self) -> tuple[float, tuple[Node, ...]]:
        now = self._clock.now()
        serves_s = self._terms.idle_s if self._is_idle() else self._terms.fresh_s
        if self._answer is not None and 0 <= now - self._answer[0] < serves_s:
            return self._answer
        try:
            found = self._asked()
        except SlurmRefused as refused:  # it is rcq's to ask these; what to do is in Slurm's words
            raise SlurmUnread(f"Slurm does not tell its nodes: {refused}") from refused
        within = slurm_nodes.within(found, self._partitions())
        if found and not within:
            there = ", ".join(sorted({name for node in found for name in node.partitions}))
            named = ", ".join(sorted(self._partitions()))
            raise SlurmUnread(f"no node of Slurm is in partition {named}; there are: {there}. Set slurm.partition.")
        self._answer = (now, within)
        return self._answer

    def _asked(self) -> tuple[Node, ...]:
        try:
            return self._told(self._command)
        except slurm_nodes.OtherForm:
            self._command = _SCONTROL
            return self._told(self._command)

    def _told(self, command: tuple[str, ...]) -> tuple[Node, ...]:
        return slurm_nodes.of_json(self._ask(*command), reserved=self._terms.reserved)

    def _partitions(self) -> frozenset[str]:
        """Those that count; Slurm's default is asked for once."""
        if self._terms.partitions:
            return self._terms.partitions
        if self._default is None:
            self._default = slurm_nodes.default_partitions(self._ask("sinfo", "-a", "-h", "-o", "%P"))
        return self._default

    def _strangers(self, nodes: Iterable[Node], read_at: float) -> dict[str, _Held]:
        """What they hold of each machine: their jobs, and in the end whatever belongs to no job that is known."""
        strangers: dict[str, _Held] = {}
        own: dict[str, _Held] = {}
        looked_at = self._clock.now() - self._jobs_age_s()
        for job in self._jobs():
            found = own if self._own(job) else strangers
            for share in job.holds:
                found.setdefault(share.node, _Held()).add(share, job.user)
        before, self._since = self._since, {}

        def lasts(node: str, what: str) -> bool:
            since = self._since[node, what] = before.get((node, what), read_at)
            return read_at - since >= DOUBT_S and looked_at >= since  # jobs that began since the look may be rcq's

        if self._knows_jobs:
            for node in nodes:
                theirs = strangers.setdefault(node.name, _Held())
                self._explain(node, theirs, own.get(node.name, _Held()), lasts)
        return strangers

    def _explain(self, node: Node, theirs: _Held, own: _Held, lasts: Callable[[str, str], bool]) -> None:
        """Add to `theirs` what nobody is known to hold. lasts: whether that has been so for long, by node and what."""
        cores = node.cores_allocated - theirs.cores - own.cores
        memory_mb = node.memory_allocated_mb - theirs.memory_mb - own.memory_mb
        if cores > 0 and lasts(node.name, "cores"):
            theirs.cores += cores
        if memory_mb > 0 and lasts(node.name, "memory"):
            theirs.memory_mb += memory_mb
        for index in (index for gres in node.gres for index in gres.used):
            if index not in theirs.gpus and index not in own.gpus and lasts(node.name, f"gpu {index}"):
                theirs.gpus[index] = SOMEBODY

    def _number(self, nodes: Iterable[Node]) -> None:
        """A card that comes later gets the next index, so that none ever has another's."""
        for node in nodes:
            for uuid in _uuids(node):
                self._indices.setdefault(uuid, self._first_index + len(self._indices))

    def _cards(self, node: Node, held: _Held, read_at: float) -> list[GpuReading]:
        return [
            GpuReading(
                uuid=(uuid := card_uuid(node.name, gres.type, index)),
                index=self._indices[uuid],
                model=self._kind(gres.type).model or gres.type,
                memory_mb=self._kind(gres.type).memory_mb,
                read_at=read_at,
                node=node.name,
                closed=node.closed,
                taken_by=held.gpus.get(index),
            )
            for gres in node.gres
            for index in gres.indices
        ]

    def _kind(self, kind: str) -> CardKind:
        return self._terms.kinds.get(kind, CardKind())


def _uuids(node: Node) -> tuple[GpuUuid, ...]:
    return tuple(card_uuid(node.name, gres.type, index) for gres in node.gres for index in gres.indices)


def _machine(node: Node, held: _Held, read_at: float) -> NodeReading:
    return NodeReading(
        name=node.name,
        read_at=read_at,
        state="+".join(node.state),
        closed=node.closed,
        cpu_cores=node.cores,
        memory_mb=node.memory_mb,
        cpu_cores_allocated=node.cores_allocated,
        memory_allocated_mb=node.memory_allocated_mb,
        strangers_cores=min(held.cores, node.cores),
        strangers_memory_mb=min(held.memory_mb, node.memory_mb),
        cpu_load=node.cpu_load,
        free_memory_mb=node.free_memory_mb,
        gpus=_uuids(node),
    )
