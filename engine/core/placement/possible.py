"""Whether this host could ever hold a request, on an idle day.

Pure. Asked once, at submission; quotas are not its matter.
"""

from collections.abc import Iterator, Sequence
from math import ceil

from engine.core.model import Shape, model_matches
from engine.core.placement.watts import ROUNDING_W, alone_w
from engine.core.policy import Power
from engine.core.reasons import Impossible
from engine.core.snapshot import Gpu, Host

UNBOUND = Power()
"""No power budget."""


def impossible(shape: Shape, gpus: Sequence[Gpu], host: Host, power: Power = UNBOUND) -> tuple[Impossible, ...]:
    """Everything that this host lacks for the shape; empty if it can be held.

    Of a cluster: what the machine lacks that lacks least. Of the power budget: `wanted` watts of all cards while the
    job runs alone, `most` may be drawn.
    """
    if host.nodes:
        return min((_lacking(shape, *one, power) for one in _machines(host, gpus)), key=_want_of)
    return _lacking(shape, gpus, host, power)


def able_nodes(shape: Shape, gpus: Sequence[Gpu], host: Host) -> int:
    """How many of a cluster's machines could hold the shape on an idle day."""
    return sum(not _lacking(shape, *one, UNBOUND) for one in _machines(host, gpus))


def _machines(host: Host, gpus: Sequence[Gpu]) -> Iterator[tuple[Sequence[Gpu], Host]]:
    cards: dict[str | None, list[Gpu]] = {}
    for gpu in gpus:
        cards.setdefault(gpu.node, []).append(gpu)
    for node in host.nodes:
        yield cards.get(node.name, []), Host(cpu_cores=node.cpu_cores, memory_mb=node.memory_mb)


def _want_of(found: tuple[Impossible, ...]) -> tuple[int, int, int]:
    """A machine that lacks the type has not been asked for memory yet: it lacks more."""
    return len(found), sum(one.resource == "gpu_type" for one in found), -sum(one.most for one in found)


def _lacking(shape: Shape, gpus: Sequence[Gpu], host: Host, power: Power) -> tuple[Impossible, ...]:
    box = gpus
    if shape.gpus > 1:
        gpus = [gpu for gpu in gpus if gpu.parent is None]  # no program uses two MIG instances
    found = [
        Impossible(resource=resource, wanted=wanted, most=most)
        for resource, wanted, most in (
            ("gpus", shape.gpus, len(gpus)),
            ("cpu_cores", shape.cpu_cores, host.cpu_cores),
            ("memory_mb", shape.memory_mb, host.memory_mb),
        )
        if wanted > most
    ]
    typed = [gpu for gpu in gpus if shape.gpu_type is None or model_matches(gpu.model, shape.gpu_type)]
    if not found and shape.gpus > len(typed):
        found.append(Impossible(resource="gpu_type", wanted=shape.gpus, most=len(typed)))
    sizes = sorted((gpu.memory_mb for gpu in typed), reverse=True)
    if not found and shape.gpus and sizes[shape.gpus - 1] < shape.gpu_memory_mb:
        found.append(Impossible(resource="gpu_memory_mb", wanted=shape.gpu_memory_mb, most=sizes[shape.gpus - 1]))
    if not found and shape.gpus and power.budget_w is not None:
        able = [gpu.uuid for gpu in typed if gpu.memory_mb >= shape.gpu_memory_mb]
        wanted_w = alone_w(box, able, shape, power)
        if wanted_w > power.budget_w + ROUNDING_W:
            found.append(Impossible(resource="gpu_power_w", wanted=ceil(wanted_w), most=int(power.budget_w)))
    return tuple(found)
