"""NVIDIA's cards through NVML (the `pynvml` bindings): one reading of each, nothing believed that cannot be.

Each figure is asked for on its own: what a card does not support or tells as nonsense is `None`, a card that fell off
the bus is `present=False` under the UUID it had, and the others are read on. Must not know jobs or policies.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import pynvml

from engine.core.model import GpuUuid
from engine.gpu.unavailable import unavailable
from engine.ports import Clock
from engine.readings import GpuReading

T = TypeVar("T")

_DRIVER_GONE = frozenset(
    {
        pynvml.NVML_ERROR_UNINITIALIZED,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND,
    }
)
_CARD_GONE = frozenset(
    {pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED, pynvml.NVML_ERROR_GPU_NOT_FOUND}
)
_OTHER_CALL = frozenset(
    {
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
        pynvml.NVML_ERROR_DEPRECATED,
    }
)

_THERMAL = pynvml.nvmlClocksEventReasonSwThermalSlowdown | pynvml.nvmlClocksEventReasonHwThermalSlowdown
_MIB = 1024 * 1024
_MAX_MEMORY_MB = 16 * _MIB  # 16 TiB: what is above is "not available" as a number
_MAX_WATTS = 10_000


@dataclass(slots=True, frozen=True, kw_only=True)
class _Identity:
    """What stays the same of a card, kept so that a lost one can still be named."""

    uuid: GpuUuid
    index: int
    model: str
    memory_mb: int


class NvmlGpus:
    """A `GpuProvider` on the NVIDIA driver. It is opened at the first reading, and again after a driver reload.

    A card whose memory size the driver does not tell has `memory_mb` 0: jobs that ask for memory do not fit it.
    A card that was lost before it was ever read has no name to be shown under and is left out.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # readings come from worker threads
        self._open = False
        self._known: dict[GpuUuid, _Identity] = {}

    def read(self) -> tuple[GpuReading, ...]:
        """Every card now, by index. Raises DriverUnavailable while the driver does not answer.

        A driver that was reloaded since the last reading is opened anew, once.
        """
        with self._lock:
            try:
                if self._open:
                    with suppress(_Reloaded):
                        return self._read_all()
                self._start()
                return self._read_all()
            except _Reloaded as gone:
                raise unavailable(gone.error) from gone.error

    def close(self) -> None:
        """Let go of the driver. Closing twice is fine; a later reading opens it again."""
        with self._lock:
            self._stop()

    def _start(self) -> None:
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            raise unavailable(error) from error
        self._open = True

    def _stop(self) -> None:
        if self._open:
            self._open = False
            with suppress(pynvml.NVMLError):  # the driver may be gone already
                pynvml.nvmlShutdown()

    def _read_all(self) -> tuple[GpuReading, ...]:
        try:
            return self._read_cards()
        except pynvml.NVMLError as error:
            self._stop()
            raise _Reloaded(error) from error

    def _read_cards(self) -> tuple[GpuReading, ...]:
        """Raises NVMLError only for what concerns the driver as a whole."""
        now = self._clock.now()
        found: dict[GpuUuid, GpuReading] = {}
        for index in range(pynvml.nvmlDeviceGetCount()):
            reading = self._card(index, now)
            if reading is not None:
                found[reading.uuid] = reading
        for identity in self._known.values():
            if identity.uuid not in found:
                found[identity.uuid] = _lost(identity, now)
        return tuple(sorted(found.values(), key=lambda card: (card.index, card.uuid)))

    def _card(self, index: int, now: float) -> GpuReading | None:
        """One card; `None` when it is lost: it is found by its absence, whatever its index is now."""
        try:
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            uuid = GpuUuid(pynvml.nvmlDeviceGetUUID(handle))
            used, total = _memory(handle)
            known = self._known.get(uuid)
            size = total if total is not None else known.memory_mb if known else 0
            identity = _Identity(uuid=uuid, index=index, model=_model(handle), memory_mb=size)
            reading = _reading(identity, handle, used, now)
        except pynvml.NVMLError as error:
            if error.value in _DRIVER_GONE:
                raise
            return None
        self._known[uuid] = identity
        return reading


class _Reloaded(Exception):
    """The driver that was open is not there any more."""

    def __init__(self, error: Any) -> None:
        super().__init__(str(error))
        self.error = error


def _lost(identity: _Identity, now: float) -> GpuReading:
    return GpuReading(
        uuid=identity.uuid,
        index=identity.index,
        model=identity.model,
        memory_mb=identity.memory_mb,
        read_at=now,
        present=False,
    )


def _reading(identity: _Identity, handle: Any, used_mb: int | None, now: float) -> GpuReading:
    return GpuReading(
        uuid=identity.uuid,
        index=identity.index,
        model=identity.model,
        memory_mb=identity.memory_mb,
        read_at=now,
        memory_used_mb=used_mb,
        utilization=_utilization(handle),
        temperature_c=_temperature(handle),
        power_w=_watts(lambda: pynvml.nvmlDeviceGetPowerUsage(handle)),
        power_limit_w=_watts(lambda: pynvml.nvmlDeviceGetEnforcedPowerLimit(handle)),
        throttled=_throttled(handle),
    )


def _told(*asks: Callable[[], T]) -> T | None:
    """The answer of the first call that this driver and card have, `None` where there is no answer.

    Raises NVMLError when the driver or the card is gone.
    """
    for ask in asks:
        try:
            return ask()
        except pynvml.NVMLError as error:
            if error.value in _DRIVER_GONE or error.value in _CARD_GONE:
                raise
            if error.value not in _OTHER_CALL:
                return None
    return None


def _model(handle: Any) -> str:
    try:
        told = _told(lambda: str(pynvml.nvmlDeviceGetName(handle)))
    except UnicodeDecodeError:  # the bindings turn the library's bytes into text, which a broken board may not hold
        told = None
    return told or "NVIDIA GPU"


def _memory(handle: Any) -> tuple[int | None, int | None]:
    """MiB used and in all. Asked in version 2: version 1 counts the driver's own reserve as use."""
    told = _told(
        lambda: pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2),
        lambda: pynvml.nvmlDeviceGetMemoryInfo(handle),
    )
    if told is None:
        return None, None
    used, total = int(told.used) // _MIB, int(told.total) // _MIB
    if not 0 < total <= _MAX_MEMORY_MB:
        return None, None
    return (used if used <= total else None), total


def _utilization(handle: Any) -> float | None:
    told = _told(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle))
    return told.gpu / 100 if told is not None and 0 <= told.gpu <= 100 else None


def _temperature(handle: Any) -> float | None:
    """Degrees Celsius. The old call is everywhere so far; drivers that drop it have the new one."""
    told = _told(
        lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU),
        lambda: pynvml.nvmlDeviceGetTemperatureV(handle, pynvml.NVML_TEMPERATURE_GPU),
    )
    return float(told) if told is not None and -50 <= told <= 200 else None


def _watts(ask: Callable[[], int]) -> float | None:
    milliwatts = _told(ask)
    return milliwatts / 1000 if milliwatts is not None and milliwatts <= _MAX_WATTS * 1000 else None


def _throttled(handle: Any) -> bool:
    """Whether heat slows the card down. A hardware slowdown that the power brake explains is not heat."""
    told = _told(
        lambda: pynvml.nvmlDeviceGetCurrentClocksEventReasons(handle),
        lambda: pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle),
    )
    if told is None or told == pynvml.NVML_VALUE_NOT_AVAILABLE_ulonglong.value:
        return False
    brake = told & pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown
    return bool(told & _THERMAL) or bool(told & pynvml.nvmlClocksEventReasonHwSlowdown and not brake)
