"""Which device nodes a job on a card has to open, besides those that all cards share.

A MIG instance is reached through its card's node and one capability node each for its GPU instance and its compute
instance, whose minor numbers the kernel module tells in /proc. Must not know who opens a node, nor who may.
"""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pynvml

from engine.gpu.asking import told, whole

CAPABILITIES = Path("/proc/driver/nvidia/capabilities")
MOST_MINOR = 2**20 - 1
"""The kernel has no greater one."""
_MINOR = re.compile(r"^DeviceFileMinor:\s*(\d{1,7})\s*$", re.MULTILINE)
_MOST_CHARACTERS = 4096


def of_card(handle: Any) -> tuple[str, ...]:
    """`/dev/nvidiaN` by the card's minor number, which need not be its index; empty where the driver does not tell.

    Raises NVMLError when the driver or the card is gone.
    """
    minor = whole(MOST_MINOR, partial(pynvml.nvmlDeviceGetMinorNumber, handle))
    return () if minor is None else (f"/dev/nvidia{minor}",)


def of_instance(card: Any, handle: Any) -> tuple[str, ...]:
    """Its card's node and its two capability nodes; those that cannot be told are left out. Raises like `of_card`."""
    minor = whole(MOST_MINOR, partial(pynvml.nvmlDeviceGetMinorNumber, card))
    if minor is None:
        return ()
    gpu_instance = told(partial(pynvml.nvmlDeviceGetGpuInstanceId, handle))
    if gpu_instance is None:
        return (f"/dev/nvidia{minor}",)
    place = CAPABILITIES / f"gpu{minor}" / "mig" / f"gi{gpu_instance}"
    compute_instance = told(partial(pynvml.nvmlDeviceGetComputeInstanceId, handle))
    access = [place / "access"]
    if compute_instance is not None:
        access.append(place / f"ci{compute_instance}" / "access")
    return (f"/dev/nvidia{minor}", *(node for file in access for node in _capability(file)))


def _capability(file: Path) -> tuple[str, ...]:
    """The node that a capability's file names by its minor number."""
    try:
        with file.open(encoding="ascii", errors="replace") as opened:
            found = _MINOR.search(opened.read(_MOST_CHARACTERS))
    except OSError:  # a driver from before capability nodes, or an instance that was just taken apart
        return ()
    return () if found is None else (f"/dev/nvidia-caps/nvidia-cap{found[1]}",)
