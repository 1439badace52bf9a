"""The nodes of a cluster as `sinfo --json` prints them, or `scontrol show nodes --json` since 23.02.

Pure. Must not know who holds what on a node, nor what it is wanted for.
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass

from engine.core.model import GpuUuid
from engine.slurm import shapes
from engine.slurm.errors import SlurmUnread
from engine.slurm.hostlist import gpus
from engine.slurm.shapes import Json

UNTYPED = "gpu"
"""The type of a card that Slurm has no type for."""

CLOSED = {
    "DOWN": "is down",
    "NOT_RESPONDING": "does not respond",
    "NO_RESPOND": "does not respond",
    "ERROR": "is in error",
    "FAIL": "is failing",
    "DRAIN": "is drained",
    "DRAINED": "is drained",
    "DRAINING": "is drained",
    "MAINT": "is in maintenance",
    "MAINTENANCE": "is in maintenance",
    "INVALID_REG": "does not have what slurm.conf says",
    "REBOOT_REQUESTED": "is to restart",
    "REBOOT": "is to restart",
    "REBOOT_ISSUED": "restarts",
    "POWERING_DOWN": "is being switched off",
    "POWER_DOWN": "is being switched off",
    "RESERVED": "is reserved",
    "FUTURE": "is not there yet",
    "UNKNOWN": "has not registered yet",
    "DYNAMIC_FUTURE": "is not there yet",
}
"""Words of a state with which a node starts no job now; of several the first counts. A node that is off to save power,
or on its way back, is none of them: Slurm brings it back for a job."""
RESERVED = frozenset({"RESERVED", "MAINT", "MAINTENANCE"})
"""Words of nodes that are kept for a reservation of Slurm's: they are open to jobs that name it."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Gres:
    """Cards of one type in a node. indices: theirs, counted over all types of the node. used: those that jobs hold."""

    type: str
    indices: tuple[int, ...]
    used: tuple[int, ...] = ()


@dataclass(slots=True, frozen=True, kw_only=True)
class Node:
    """A node. state: Slurm's words. closed: why it starts no job now, in words, with the reason that an admin gave.

    Memory in MiB; allocated: what jobs hold. cpu_load: as `uptime` tells it; free_memory_mb: as the node's kernel tells
    it; both `None` where they are not known.
    """

    name: str
    state: tuple[str, ...]
    closed: str | None
    cores: int
    cores_allocated: int
    memory_mb: int
    memory_allocated_mb: int
    cpu_load: float | None
    free_memory_mb: int | None
    gres: tuple[Gres, ...]
    partitions: tuple[str, ...]


def card_uuid(node: str, kind: str, index: int) -> GpuUuid:
    """What rcq calls a card: slurm/NODE/TYPE/INDEX. index: counted over all types of the machine, as Slurm does."""
    return GpuUuid(f"slurm/{node}/{kind or UNTYPED}/{index}")


def type_of_card(uuid: str) -> str:
    """The type in such a name; that of a card without one where it is no such name."""
    parts = uuid.split("/")
    return parts[2] if len(parts) == 4 else UNTYPED


class OtherForm(SlurmUnread):
    """`sinfo --json` tells sums of nodes, as it does since 23.02: ask `scontrol show nodes --json`."""


def of_json(printed: str, *, reserved: bool = False) -> tuple[Node, ...]:
    """Every node that was printed, by name as people count. Raises OtherForm, SlurmUnread.

    reserved: jobs name a reservation, whose nodes are open to them.
    """
    try:
        answer = json.loads(printed)
    except (ValueError, RecursionError) as problem:
        raise SlurmUnread(f"Slurm printed no JSON about its nodes: {printed[:80]!r}") from problem
    if not isinstance(answer, dict):
        raise SlurmUnread("Slurm printed no list of nodes")
    found = answer.get("nodes")
    if not found and answer.get("errors"):  # 22.05 says it so, with exit code 0, when slurmctld does not answer
        raise SlurmUnread(f"Slurm could not tell its nodes: {shapes.complaints(answer['errors'])}")
    if found is None and isinstance(answer.get("sinfo"), list):
        raise OtherForm("sinfo --json does not tell single nodes")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise SlurmUnread("Slurm printed no list of nodes")
    ignored = RESERVED if reserved else frozenset()
    return tuple(sorted((_node(one, ignored) for one in found), key=lambda node: by_number(node.name)))


def default_partitions(printed: str) -> frozenset[str]:
    """The partitions that `sinfo -h -o %P` marks as the default; mostly one."""
    return frozenset(line.strip().removesuffix("*") for line in printed.splitlines() if line.strip().endswith("*"))


def within(nodes: Collection[Node], partitions: Collection[str]) -> tuple[Node, ...]:
    """The nodes of these partitions; all where none is named."""
    return tuple(node for node in nodes if not partitions or set(partitions) & set(node.partitions))


def by_number(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts n2 before n10."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.findall(r"\d+|\D+", name))


def _node(one: Json, ignored: frozenset[str]) -> Node:
    name = shapes.text(one.get("name"))
    if not name:
        raise SlurmUnread("Slurm's answer has a node without a name")
    state = _state(one)
    return Node(
        name=name,
        state=state,
        closed=_closed([word for word in state if word not in ignored], shapes.text(one.get("reason"))),
        cores=_needed(one, "cpus"),
        cores_allocated=shapes.number(one.get("alloc_cpus")) or 0,
        memory_mb=_needed(one, "real_memory"),
        memory_allocated_mb=shapes.number(one.get("alloc_memory")) or 0,
        cpu_load=None if (load := shapes.number(one.get("cpu_load"))) is None else load / 100,
        free_memory_mb=shapes.number(one.get("free_mem", one.get("free_memory"))),
        gres=_gres(shapes.text(one.get("gres")), shapes.text(one.get("gres_used"))),
        partitions=shapes.words(one.get("partitions")),
    )


def _state(one: Json) -> tuple[str, ...]:
    """22.05 has flags in a list of their own; later ones have them in the same one."""
    told = (*shapes.words(one.get("state")), *shapes.words(one.get("state_flags")))
    if not told:
        raise SlurmUnread(f"Slurm's answer has no state of node {one.get('name')!r}")
    return tuple(dict.fromkeys(word.upper().rstrip("*") for word in told))


def _closed(state: Collection[str], reason: str) -> str | None:
    word = next((word for word in CLOSED if word in state), None)
    if word is None:
        return None
    return f"{CLOSED[word]} in Slurm: {reason}" if reason else f"{CLOSED[word]} in Slurm"


def _needed(one: Json, key: str) -> int:
    found = shapes.number(one.get(key))
    if found is None or found < 0:
        raise SlurmUnread(f"Slurm's answer has no {key} of node {one.get('name')!r}")
    return found


def _gres(told: str, used: str) -> tuple[Gres, ...]:
    """Cards count over all types of a node, in the order in which it has them."""
    held = {(kind or UNTYPED): which for kind, _, which in gpus(used)}
    found: list[Gres] = []
    first = 0
    for kind, count, _ in gpus(told):
        name = kind or UNTYPED
        found.append(Gres(type=name, indices=tuple(range(first, first + count)), used=held.get(name, ())))
        first += count
    return tuple(found)
