"""What stays the same of a card while its driver is loaded: name, place, limits; and its MIG instances.

Asked for seldom. Must not know the figures of the moment.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pynvml

from engine.core.model import GpuUuid
from engine.gpu import nodes
from engine.gpu.asking import number, told, whole
from engine.gpu.figures import watts

_SYS = Path("/sys/bus/pci/devices")
_MAX_INSTANCES = 64
_MAX_NODE = 4096


@dataclass(slots=True, frozen=True, kw_only=True)
class Identity:
    """A card, or a MIG instance of one, as it was found; handle is the bindings' own, good until the driver is shut.

    card: the handle of the card that an instance is a part of, else its own. instance: the number of a MIG instance.
    nodes: the device nodes through which it is used.
    """

    uuid: GpuUuid
    handle: Any
    card: Any
    model: str
    pci: str | None
    numa_node: int | None
    slowdown_c: float | None
    power_default_w: float | None = None
    power_min_w: float | None = None
    power_max_w: float | None = None
    parent: GpuUuid | None = None
    instance: int | None = None
    nodes: tuple[str, ...] = ()


def card_at(position: int) -> Identity:
    """The card at `position` in the driver's order. Raises NVMLError when it cannot be found."""
    handle = pynvml.nvmlDeviceGetHandleByIndex(position)
    bounds = told(lambda: pynvml.nvmlDeviceGetPowerManagementLimitConstraints(handle)) or (None, None)
    pci = bus_id(handle)
    return Identity(
        uuid=GpuUuid(pynvml.nvmlDeviceGetUUID(handle)),
        handle=handle,
        card=handle,
        model=_name(handle) or "NVIDIA GPU",
        pci=pci,
        numa_node=_numa_node(handle, pci),
        slowdown_c=number(
            0,
            200,
            lambda: pynvml.nvmlDeviceGetTemperatureThreshold(handle, pynvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN),
        ),
        power_default_w=watts(told(lambda: pynvml.nvmlDeviceGetPowerManagementDefaultLimit(handle))),
        power_min_w=watts(bounds[0]),
        power_max_w=watts(bounds[1]),
        nodes=nodes.of_card(handle),
    )


def usable(card: Identity) -> tuple[Identity, ...]:
    """What jobs can use of a card: itself, or in MIG mode its instances; nothing while it has none.

    Raises NVMLError when the driver or the card is gone.
    """
    mode = told(lambda: pynvml.nvmlDeviceGetMigMode(card.handle))
    if mode is None or mode[0] != pynvml.NVML_DEVICE_MIG_ENABLE:
        return (card,)
    return tuple(_instances(card))


def bus_id(handle: Any) -> str | None:
    """PCI bus id in the driver's spelling, as `00000000:C1:00.0`."""
    answer = told(lambda: pynvml.nvmlDeviceGetPciInfo(handle))
    return spelled(answer.busId) if answer is not None else None


def spelled(raw: bytes | str) -> str | None:
    """A bus id of the driver as text."""
    text = raw.decode("ascii", "replace") if isinstance(raw, bytes) else raw
    return text.upper() or None


def _name(handle: Any) -> str | None:
    try:
        return told(lambda: str(pynvml.nvmlDeviceGetName(handle)))
    except UnicodeDecodeError:  # the bindings turn the library's bytes into text, which a broken board may not hold
        return None


def _numa_node(handle: Any, pci: str | None) -> int | None:
    """Of its slot, as the kernel tells it; the driver is asked where the kernel does not know the slot.

    In this order, as on cards whose memory is a NUMA node of its own the driver names that one, which has no cores.
    """
    if pci is not None:
        domain, _, rest = pci.lower().partition(":")
        try:
            node = int((_SYS / f"{int(domain, 16):04x}:{rest}" / "numa_node").read_text())
        except (OSError, ValueError):
            pass
        else:
            return node if node >= 0 else None
    return whole(_MAX_NODE, lambda: pynvml.nvmlDeviceGetNumaNodeId(handle))


def _instances(card: Identity) -> Iterator[Identity]:
    """Watts and joules are told of whole cards only, so an instance has none."""
    for place in range(whole(_MAX_INSTANCES, lambda: pynvml.nvmlDeviceGetMaxMigDeviceCount(card.handle)) or 0):
        handle = told(partial(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, card.handle, place))
        uuid = None if handle is None else told(partial(pynvml.nvmlDeviceGetUUID, handle))
        if uuid is None:
            continue
        yield Identity(
            uuid=GpuUuid(uuid),
            handle=handle,
            card=card.handle,
            model=_instance_model(card, handle),
            pci=card.pci,
            numa_node=card.numa_node,
            slowdown_c=card.slowdown_c,
            parent=card.uuid,
            instance=told(partial(pynvml.nvmlDeviceGetGpuInstanceId, handle)),
            nodes=nodes.of_instance(card.handle, handle),
        )


def _instance_model(card: Identity, handle: Any) -> str:
    """As `NVIDIA A100-SXM4-80GB MIG 3g.40gb`: newer drivers say so themselves."""
    name = _name(handle)
    if name is not None and "MIG" in name:
        return name
    profile = told(lambda: pynvml.nvmlDeviceGetAttributes(handle))
    if profile is None:
        return f"{card.model} MIG"
    return f"{card.model} MIG {profile.gpuInstanceSliceCount}g.{(profile.memorySizeMB + 512) // 1024}gb"
