"""What to say when the NVIDIA driver does not answer, and what mends it.

Must not know who reads the cards.
"""

from typing import Any

import pynvml

from engine.protocol.errors import RcqError

_ELSE = "or set gpu.provider to none (or simulated) in the settings"

_MENDS: dict[int, str] = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: (
        f"The NVIDIA driver's library libnvidia-ml.so.1 is not there. Install the NVIDIA driver, {_ELSE}."
    ),
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: (
        f"The NVIDIA driver is not loaded. Run nvidia-smi, load it with modprobe nvidia or reboot, {_ELSE}."
    ),
    pynvml.NVML_ERROR_UNINITIALIZED: "The NVIDIA driver was taken away. It is opened again once it is back.",
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: (
        "The NVIDIA driver was upgraded while the old one is loaded. Reboot, or unload and load its modules."
    ),
    pynvml.NVML_ERROR_NO_PERMISSION: (
        "The NVIDIA driver refuses this user. Give it access to /dev/nvidia*, often by the group video or render."
    ),
}


class DriverUnavailable(RcqError):
    """The NVIDIA driver cannot be asked now; the message says what to do. Asking again later may work."""


def unavailable(error: Any) -> DriverUnavailable:
    """The error to raise for one of NVML's."""
    known = _MENDS.get(error.value)
    return DriverUnavailable(known or f"The NVIDIA driver does not answer ({error}). Run nvidia-smi, {_ELSE}.")


class DriverHangs(DriverUnavailable):
    """The NVIDIA driver does not come back, and no card could be read before: there may be some all the same."""

    def __init__(self, patience_s: float) -> None:
        super().__init__(
            f"The NVIDIA driver has not answered for {patience_s:g} s. "
            "Look for Xid errors in dmesg; a reboot may be needed."
        )


_LIMIT_MENDS: dict[int, str] = {
    pynvml.NVML_ERROR_NO_PERMISSION: "The NVIDIA driver lets only root set power limits. An admin can: nvidia-smi -pl.",
    pynvml.NVML_ERROR_NOT_SUPPORTED: "This card's power limit cannot be set; leave gpu_power_w out for it.",
    pynvml.NVML_ERROR_GPU_IS_LOST: "The card fell off the bus. See rcq gpus and dmesg; a reboot may be needed.",
}


def unsettable(error: Any, min_w: float | None, max_w: float | None) -> RcqError:
    """Why a power limit was not set, and what to do."""
    if error.value == pynvml.NVML_ERROR_INVALID_ARGUMENT and min_w is not None and max_w is not None:
        return RcqError(f"This card takes power limits from {min_w:g} to {max_w:g} W. Ask for one of these.")
    known = _LIMIT_MENDS.get(error.value)
    return RcqError(known or f"The NVIDIA driver refused the power limit ({error}). Run nvidia-smi -q -d POWER.")
