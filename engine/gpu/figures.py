"""What changes on a card from second to second, each figure in its unit; what is not told, or is nonsense, is `None`.

Every function takes the bindings' handle and raises NVMLError when the driver or the card is gone. Must not know when
it is asked.
"""

from typing import Any

import pynvml

from engine.gpu.asking import number, told, whole
from engine.readings import GpuProcess

MIB = 1024 * 1024
_MAX_MEMORY_MB = 16 * MIB  # 16 TiB: what is above is "not available" as a number
_MAX_MILLIWATTS = 10_000_000
_MAX_MILLIJOULES = 10**16  # a kilowatt for 300 years
_MAX_MHZ = 100_000
_MAX_ERRORS = 10**12
_UINT_NONE = 0xFFFFFFFF

_WORDS = (
    (pynvml.nvmlClocksEventReasonSwThermalSlowdown, "sw-thermal"),
    (pynvml.nvmlClocksEventReasonHwThermalSlowdown, "hw-thermal"),
    (pynvml.nvmlClocksEventReasonHwSlowdown, "hw-slowdown"),
    (pynvml.nvmlClocksEventReasonSwPowerCap, "power-cap"),
    (pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown, "power-brake"),
    (pynvml.nvmlClocksEventReasonSyncBoost, "sync-boost"),
)


def memory_mb(handle: Any) -> tuple[int | None, int | None]:
    """MiB used and in all. Asked in version 2: version 1 counts the driver's own reserve as use."""
    answer = told(
        lambda: pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2),
        lambda: pynvml.nvmlDeviceGetMemoryInfo(handle),
    )
    if answer is None:
        return None, None
    used, total = int(answer.used) // MIB, int(answer.total) // MIB
    if not 0 < total <= _MAX_MEMORY_MB:
        return None, None
    return (used if used <= total else None), total


def utilization(handle: Any) -> float | None:
    """Part of the last second or so in which a kernel ran, 0 to 1."""
    percent = number(0, 100, lambda: pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    return None if percent is None else percent / 100


def temperature_c(handle: Any) -> float | None:
    """Degrees Celsius. The old call is everywhere so far; drivers that drop it have the new one."""
    return number(
        -50,
        200,
        lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU),
        lambda: pynvml.nvmlDeviceGetTemperatureV(handle, pynvml.NVML_TEMPERATURE_GPU),
    )


def margin_c(handle: Any) -> float | None:
    """Degrees that are left until the card slows itself down."""
    return number(-100, 150, lambda: pynvml.nvmlDeviceGetMarginTemperature(handle))


def power_w(handle: Any) -> float | None:
    """Watts drawn."""
    return watts(number(0, _MAX_MILLIWATTS, lambda: pynvml.nvmlDeviceGetPowerUsage(handle)))


def power_limit_w(handle: Any) -> float | None:
    """Watts that it may draw, by whatever limit is the lowest."""
    return watts(number(0, _MAX_MILLIWATTS, lambda: pynvml.nvmlDeviceGetEnforcedPowerLimit(handle)))


def watts(milliwatts: float | None) -> float | None:
    """NVML's unit in ours; 0 to 10 kW."""
    return milliwatts / 1000 if milliwatts is not None and 0 <= milliwatts <= _MAX_MILLIWATTS else None


def energy_j(handle: Any) -> float | None:
    """Joules since the driver was loaded."""
    millijoules = number(0, _MAX_MILLIJOULES, lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(handle))
    return None if millijoules is None else millijoules / 1000


def clock_mhz(handle: Any, kind: int) -> int | None:
    """MHz of the clock `kind`: NVML_CLOCK_SM or NVML_CLOCK_MEM."""
    return whole(_MAX_MHZ, lambda: pynvml.nvmlDeviceGetClockInfo(handle, kind))


def throttle(handle: Any) -> tuple[str, ...]:
    """What slows the card down now, of THROTTLES."""
    bits = told(
        lambda: pynvml.nvmlDeviceGetCurrentClocksEventReasons(handle),
        lambda: pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle),
    )
    if bits is None or bits == pynvml.NVML_VALUE_NOT_AVAILABLE_ulonglong.value:
        return ()
    return tuple(word for bit, word in _WORDS if bits & bit)


def by_heat(words: tuple[str, ...]) -> bool:
    """Whether it is heat. A hardware slowdown that the power brake explains is not."""
    if "sw-thermal" in words or "hw-thermal" in words:
        return True
    return "hw-slowdown" in words and "power-brake" not in words


def ecc_errors(handle: Any, kind: int) -> int | None:
    """Errors of `kind` (NVML_MEMORY_ERROR_TYPE_…) since the driver was loaded."""
    volatile = pynvml.NVML_VOLATILE_ECC
    return whole(_MAX_ERRORS, lambda: pynvml.nvmlDeviceGetTotalEccErrors(handle, kind, volatile))


def remap(handle: Any) -> tuple[bool, bool]:
    """Whether rows of memory wait to be replaced, and whether there are none to replace them with.

    Cards before Ampere retire pages instead: those wait in the same way.
    """
    rows = told(lambda: pynvml.nvmlDeviceGetRemappedRows(handle))
    if rows is not None:
        _, _, pending, failed = rows
        return 0 < pending < _UINT_NONE, 0 < failed < _UINT_NONE
    pages = told(lambda: pynvml.nvmlDeviceGetRetiredPagesPendingStatus(handle))
    return pages == pynvml.NVML_FEATURE_ENABLED, False


def processes(handle: Any) -> tuple[GpuProcess, ...] | None:
    """Who is on the card, by pid; `None` where the driver does not tell who computes.

    Clients of MPS and programs that draw have lists of their own; a process that is in several is taken once.
    """
    computing = told(
        lambda: pynvml.nvmlDeviceGetComputeRunningProcesses_v3(handle),
        lambda: pynvml.nvmlDeviceGetComputeRunningProcesses_v2(handle),
    )
    if computing is None:
        return None
    sharing = told(
        lambda: pynvml.nvmlDeviceGetMPSComputeRunningProcesses_v3(handle),
        lambda: pynvml.nvmlDeviceGetMPSComputeRunningProcesses_v2(handle),
    )
    drawing = told(
        lambda: pynvml.nvmlDeviceGetGraphicsRunningProcesses_v3(handle),
        lambda: pynvml.nvmlDeviceGetGraphicsRunningProcesses_v2(handle),
    )
    found: dict[int, GpuProcess] = {}
    for rows, graphics in ((computing, False), (sharing or (), False), (drawing or (), True)):
        for row in rows:
            if 0 < row.pid < _UINT_NONE:
                found[row.pid] = _merged(found.get(row.pid), row, graphics)
    return tuple(found[pid] for pid in sorted(found))


def _merged(known: GpuProcess | None, row: Any, graphics: bool) -> GpuProcess:
    """The larger figure: the lists tell the same memory, and some of them none."""
    told_mb = None if row.usedGpuMemory is None else int(row.usedGpuMemory) // MIB
    used_mb = told_mb if told_mb is not None and told_mb <= _MAX_MEMORY_MB else None
    if known is None:
        return GpuProcess(pid=int(row.pid), memory_mb=used_mb, graphics=graphics)
    both = [figure for figure in (known.memory_mb, used_mb) if figure is not None]
    return GpuProcess(pid=known.pid, memory_mb=max(both, default=None), graphics=known.graphics and graphics)
