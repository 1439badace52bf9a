"""A stand-in for libnvidia-ml: scripted cards behind real C function pointers, so that the true bindings call it.

Each function is a ctypes callback with the library's own signature; arguments arrive as C values and addresses, answers
are written into the bindings' own structures, and errors are the library's return codes.
"""

import ctypes
from collections.abc import Callable
from ctypes import POINTER, c_int, c_uint, c_ulonglong, c_void_p
from dataclasses import dataclass, field
from typing import Any

import pynvml
import pytest

MIB = 1024 * 1024
UINT_NONE = 0xFFFFFFFF


@dataclass
class FakeCard:
    """What the driver says of one card. fail: return codes by function name."""

    uuid: str = "GPU-00000000-0000-0000-0000-000000000001"
    name: bytes = b"NVIDIA RTX A6000"
    total: int = 49_140 * MIB
    used: int = 1_024 * MIB
    reserved: int = 600 * MIB
    utilization: int = 37
    temperature: int = 61
    milliwatts: int = 151_250
    limit_milliwatts: int = 300_000
    reasons: int = 0
    fail: dict[str, int] = field(default_factory=dict)


class FakeNvml:
    """The library: `cards` in PCI order; `fail` holds return codes by function name for the whole driver.

    missing: functions that this version of the library does not have. starts, stops: how often it was opened and shut.
    """

    def __init__(self, cards: list[FakeCard]) -> None:
        self.cards = cards
        self.fail: dict[str, int] = {}
        self.missing: set[str] = set()
        self.open = False
        self.starts = 0
        self.stops = 0
        self.calls: list[str] = []
        self._functions: dict[str, Any] = {}
        card, out = c_void_p, c_void_p
        self._add("nvmlInitWithFlags", self._init, c_uint)
        self._add("nvmlShutdown", self._shutdown)
        self._add("nvmlDeviceGetCount_v2", self._count, POINTER(c_uint))
        self._add("nvmlDeviceGetHandleByIndex_v2", self._handle, c_uint, POINTER(pynvml.c_nvmlDevice_t))
        self._add("nvmlDeviceGetUUID", self._uuid, card, out, c_uint)
        self._add("nvmlDeviceGetName", self._name, card, out, c_uint)
        self._add("nvmlDeviceGetMemoryInfo", self._memory, card, POINTER(pynvml.c_nvmlMemory_t))
        self._add("nvmlDeviceGetMemoryInfo_v2", self._memory_v2, card, POINTER(pynvml.c_nvmlMemory_v2_t))
        self._add("nvmlDeviceGetUtilizationRates", self._rates, card, POINTER(pynvml.c_nvmlUtilization_t))
        self._add("nvmlDeviceGetTemperature", self._temperature, card, c_uint, POINTER(c_uint))
        self._add("nvmlDeviceGetTemperatureV", self._temperature_v, card, POINTER(pynvml.c_nvmlTemperature_v1_t))
        self._add("nvmlDeviceGetPowerUsage", self._power, card, POINTER(c_uint))
        self._add("nvmlDeviceGetEnforcedPowerLimit", self._limit, card, POINTER(c_uint))
        self._add("nvmlDeviceGetCurrentClocksEventReasons", self._reasons, card, POINTER(c_ulonglong))
        self._add("nvmlDeviceGetCurrentClocksThrottleReasons", self._reasons, card, POINTER(c_ulonglong))

    def __getattr__(self, name: str) -> Any:
        """What the bindings look a function up with, as on a CDLL."""
        functions = self.__dict__.get("_functions", {})
        if name not in functions or name in self.__dict__.get("missing", ()):
            raise AttributeError(name)
        return functions[name]

    def reload(self) -> None:
        """What `rmmod nvidia; modprobe nvidia` does to a program that has the library open."""
        self.open = False

    def _add(self, name: str, answer: Callable[..., int | None], *kinds: Any) -> None:
        """Offer a function. Its first argument is resolved to the card where the C function takes a handle."""

        def call(*args: Any) -> int:
            self.calls.append(name)
            if name in self.fail:
                return self.fail[name]
            if name != "nvmlInitWithFlags" and not self.open:
                return int(pynvml.NVML_ERROR_UNINITIALIZED)
            if kinds and kinds[0] is c_void_p:
                card = self.cards[args[0] - 1]
                if name in card.fail:
                    return card.fail[name]
                args = (card, *args[1:])
            return answer(*args) or 0

        self._functions[name] = ctypes.CFUNCTYPE(c_int, *kinds)(call)

    def _init(self, flags: int) -> None:
        self.open = True
        self.starts += 1

    def _shutdown(self) -> None:
        self.open = False
        self.stops += 1

    def _count(self, out: Any) -> None:
        out[0] = len(self.cards)

    def _handle(self, index: int, out: Any) -> int | None:
        if index >= len(self.cards):
            return int(pynvml.NVML_ERROR_INVALID_ARGUMENT)
        code = self.cards[index].fail.get("nvmlDeviceGetHandleByIndex_v2")
        ctypes.cast(out, POINTER(c_void_p))[0] = index + 1  # never followed: only a name for the card
        return code

    def _uuid(self, card: FakeCard, out: int, size: int) -> int | None:
        return _write(card.uuid.encode(), out, size)

    def _name(self, card: FakeCard, out: int, size: int) -> int | None:
        return _write(card.name, out, size)

    def _memory(self, card: FakeCard, out: Any) -> None:
        out[0].total, out[0].used = card.total, card.used + card.reserved
        out[0].free = max(0, card.total - card.used - card.reserved)

    def _memory_v2(self, card: FakeCard, out: Any) -> int | None:
        if out[0].version != pynvml.nvmlMemory_v2:
            return int(pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH)
        out[0].total, out[0].reserved, out[0].used = card.total, card.reserved, card.used
        return None

    def _rates(self, card: FakeCard, out: Any) -> None:
        out[0].gpu = card.utilization

    def _temperature(self, card: FakeCard, sensor: int, out: Any) -> int | None:
        if sensor != pynvml.NVML_TEMPERATURE_GPU:
            return int(pynvml.NVML_ERROR_INVALID_ARGUMENT)
        out[0] = card.temperature
        return None

    def _temperature_v(self, card: FakeCard, out: Any) -> None:
        out[0].temperature = card.temperature

    def _power(self, card: FakeCard, out: Any) -> None:
        out[0] = card.milliwatts

    def _limit(self, card: FakeCard, out: Any) -> None:
        out[0] = card.limit_milliwatts

    def _reasons(self, card: FakeCard, out: Any) -> None:
        out[0] = card.reasons


def _write(text: bytes, out: int, size: int) -> int | None:
    if len(text) + 1 > size:
        return int(pynvml.NVML_ERROR_INSUFFICIENT_SIZE)
    ctypes.memmove(out, text + b"\0", len(text) + 1)
    return None


def install(monkeypatch: pytest.MonkeyPatch, cards: list[FakeCard]) -> FakeNvml:
    """Let the bindings find this library instead of the driver's."""
    library = FakeNvml(cards)
    monkeypatch.setattr(pynvml, "nvmlLib", None)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    monkeypatch.setattr(pynvml, "CDLL", lambda name: library)
    return library
