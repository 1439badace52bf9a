"""Whether what there is could ever hold a request: this host, the cluster, or one of them for who may run anywhere.

What is not known of a cluster refuses nobody: a submission is not lost because Slurm is away. Must not know quotas, nor
who asks.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace

from engine.core.model import GroupKey, Shape
from engine.core.overflow import runs_elsewhere
from engine.core.placement.possible import UNBOUND, impossible
from engine.core.policy import Policy
from engine.core.reasons import Impossible
from engine.core.snapshot import CLUSTER, Gpu, Host, Snapshot
from engine.daemon.books import Books
from engine.ports import Clock
from engine.protocol.errors import Refused

Lacking = tuple[Impossible, ...]
LESS = "Ask for less."


class Feasible:
    """Judges requests by the machines that there are, in whatever state they are now."""

    def __init__(self, *, books: Books, policy: Policy, clock: Clock) -> None:
        self._books = books
        self._policy = policy
        self._clock = clock

    def version(self) -> object:
        """Equal as long as there are the same machines."""
        books = self._books
        cards = tuple(
            (c.reading.uuid, c.reading.memory_mb, c.reading.power_min_w, c.reading.power_max_w, books.cards.limit_w(c))
            for c in books.cards.all()
        )
        return cards, None if books.capacity is None else books.capacity.host().nodes

    def world(self) -> Snapshot:
        """What jobs are planned on, with nobody on it."""
        books, now = self._books, self._clock.now()
        bare = Snapshot(now=now, host=books.host, gpus=books.cards.gpus(now), groups=books.groups, quotas=books.quotas)
        return bare if books.capacity is None else books.capacity.placed(bare)

    def refusal(self, key: GroupKey) -> Refused | None:
        """IMPOSSIBLE_REQUEST for what can never be held, with all that is lacking."""
        world = self.world()
        if world.place == CLUSTER:
            return _refused_there(key.shape, world)
        lacking = impossible(key.shape, world.gpus, world.host, self._policy.power)
        if not lacking:
            return None
        here = f"This host can never hold it: {_all(lacking, key.shape)}."
        if world.cluster is None or not runs_elsewhere(key.shape):
            return _refused(here, lacking)
        if there := _lacking_there(key.shape, world.cluster.host, world.cluster.gpus):
            return _refused(f"{here} Nor can a node of Slurm: {_all(there, key.shape)}.", lacking)
        if key.anywhere:
            return None
        mend = "With --anywhere (anywhere: true) it may run on Slurm; or ask for less."
        return _refused(here, lacking, mend if world.cluster.host.nodes else LESS)

    def idle(self, key: GroupKey) -> Snapshot:
        """The machines that a job of `key` would run on as they are on an idle day, with nothing wrong with them."""
        world = self.world()
        if world.cluster is not None and key.anywhere and self._only_there(world, key.shape):
            world = replace(world, place=CLUSTER, host=world.cluster.host, gpus=world.cluster.gpus)
        return replace(
            world, cluster=None, others=(), host=_whole(world.host), gpus=tuple(_at_rest(gpu) for gpu in world.gpus)
        )

    def _only_there(self, world: Snapshot, shape: Shape) -> bool:
        return bool(impossible(shape, world.gpus, world.host, self._policy.power))


def _lacking_there(shape: Shape, host: Host, gpus: Sequence[Gpu]) -> Lacking:
    """What every machine of a cluster lacks; nothing where none is known."""
    return impossible(shape, gpus, host, UNBOUND) if host.nodes else ()


def _refused_there(shape: Shape, world: Snapshot) -> Refused | None:
    lacking = _lacking_there(shape, world.host, world.gpus)
    return _refused(f"No node of Slurm can ever hold it: {_all(lacking, shape)}.", lacking) if lacking else None


def _whole(host: Host) -> Host:
    """All that a cluster has, in use now or not."""
    if not host.nodes:
        return host
    cores, memory_mb = sum(one.cpu_cores for one in host.nodes), sum(one.memory_mb for one in host.nodes)
    return replace(host, cpu_cores=cores, memory_mb=memory_mb)


def _at_rest(gpu: Gpu) -> Gpu:
    return replace(
        gpu,
        memory_used_mb=0,
        held_mb=0,
        over=(),
        temperature_c=None,
        margin_c=None,
        throttled=False,
        drained=False,
        quarantined=False,
        settling=False,
    )


def _refused(told: str, lacking: Lacking, mend: str = LESS) -> Refused:
    return Refused("IMPOSSIBLE_REQUEST", f"{told} {mend}", [_field(one) for one in lacking])


def _all(lacking: Lacking, shape: Shape) -> str:
    return "; ".join(_told(one, shape) for one in lacking)


def _told(lacking: Impossible, shape: Shape) -> str:
    """With its numbers; those of a type count cards, which the field's name does not say."""
    if lacking.resource == "gpu_type":
        return f"{lacking.wanted} of at most {lacking.most} GPUs of type {shape.gpu_type}"
    if lacking.resource == "gpu_power_w":
        return f"all cards would draw {lacking.wanted} W with it, and the host's power budget is {lacking.most} W"
    if lacking.resource == "gpu_memory_mb" and not lacking.most:
        return f"gpu_memory_mb {lacking.wanted} of cards whose memory an admin did not say (slurm.cards.TYPE.memory_mb)"
    return f"{lacking.resource} {lacking.wanted} of at most {lacking.most}"


def _field(lacking: Impossible) -> dict[str, object]:
    return {
        "field": lacking.resource,
        "message": f"{lacking.wanted} wanted, at most {lacking.most} here",
        **asdict(lacking),
    }
