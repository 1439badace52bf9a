"""How closely cards are linked: NVLinks between them, else how far apart they are on PCIe.

Must not know how cards are chosen by it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pynvml

from engine.core.model import GpuUuid
from engine.core.placement.topology import BOARD, HOST_BRIDGE, NODE, NVLINK, SWITCH, SWITCHES, SYSTEM
from engine.gpu.asking import told
from engine.gpu.identity import Identity, spelled

_LEVELS: dict[int, int] = {
    pynvml.NVML_TOPOLOGY_INTERNAL: BOARD,
    pynvml.NVML_TOPOLOGY_SINGLE: SWITCH,
    pynvml.NVML_TOPOLOGY_MULTIPLE: SWITCHES,
    pynvml.NVML_TOPOLOGY_HOSTBRIDGE: HOST_BRIDGE,
    pynvml.NVML_TOPOLOGY_NODE: NODE,
    pynvml.NVML_TOPOLOGY_SYSTEM: SYSTEM,
}
_MAX_COUNTED = 99

Links = Mapping[str, int]
"""Active NVLinks of a card: their number by the bus id of what is at the other end, or by SWITCHED."""

SWITCHED = "switch"
"""NVLinks that end in an NVSwitch lead to every other card that has some."""


def nvlinks(handle: Any) -> Links:
    """The card's active NVLinks. Raises NVMLError when the driver or the card is gone."""
    found: Counter[str] = Counter()
    for link in range(pynvml.NVML_NVLINK_MAX_LINKS):
        active = told(partial(pynvml.nvmlDeviceGetNvLinkState, handle, link))
        if active is None:  # no NVLinks, or no more
            break
        if active == pynvml.NVML_FEATURE_ENABLED:
            end = _end(handle, link)
            if end is not None:
                found[end] += 1
    return found


def _end(handle: Any, link: int) -> str | None:
    kind = told(lambda: pynvml.nvmlDeviceGetNvLinkRemoteDeviceType(handle, link))
    if kind == pynvml.NVML_NVLINK_DEVICE_TYPE_SWITCH:
        return SWITCHED
    answer = told(lambda: pynvml.nvmlDeviceGetNvLinkRemotePciInfo(handle, link))
    return spelled(answer.busId) if answer is not None else None


def links_of(card: Identity, own: Links, others: Sequence[tuple[Identity, Links]]) -> dict[GpuUuid, int]:
    """A card's links to these others. Raises NVMLError when the driver or one of the cards is gone."""
    found: dict[GpuUuid, int] = {}
    for other, theirs in others:
        direct = own.get(other.pci or "", 0)
        through = min(own.get(SWITCHED, 0), theirs.get(SWITCHED, 0))
        count = max(direct, through)
        found[other.uuid] = NVLINK + min(count, _MAX_COUNTED) if count else _near(card.handle, other.handle)
    return found


def _near(one: Any, other: Any) -> int:
    level = told(lambda: pynvml.nvmlDeviceGetTopologyCommonAncestor(one, other))
    return _LEVELS.get(level, SYSTEM) if level is not None else SYSTEM
