"""A stand-in for libnvidia-ml: scripted cards behind real C function pointers, so that the true bindings call it.

Each function is a ctypes callback with the library's own signature; arguments arrive as C values and addresses, answers
are written into the bindings' own structures, and errors are the library's return codes.
"""

import ctypes
from collections.abc import Callable
from ctypes import POINTER, c_int, c_uint, c_ulonglong, c_void_p
from typing import TYPE_CHECKING, Any

import pynvml

from tests.gpu.fake_card import MIB, UINT_NONE, ULONG_NONE, FakeCard, FakeInstance, misbehave

if TYPE_CHECKING:
    import pytest

__all__ = ["MIB", "UINT_NONE", "FakeCard", "FakeInstance", "FakeNvml", "install"]


class FakeNvml:
    """The library: `cards` in PCI order; `fail`, `hang` and `crash` are those of the whole driver.

    missing: functions that this version of the library does not have. starts, stops: how often it was opened and shut.
    xids: events to come: card, code, instance. near: the topology level of pairs of cards by bus id, `None` for all.
    """

    def __init__(self, cards: list[FakeCard]) -> None:
        self.cards = cards
        self.fail: dict[str, int] = {}
        self.hang: set[str] = set()
        self.crash: set[str] = set()
        self.missing: set[str] = set()
        self.open = False
        self.starts = 0
        self.stops = 0
        self.calls: list[str] = []
        self.xids: list[tuple[FakeCard, int, int]] = []
        self.near: dict[frozenset[str], int] = {}
        self.before: Callable[[], None] = lambda: None
        self.stuck: Callable[[], None] = lambda: None
        self.limited: Callable[[FakeCard], None] = lambda card: None
        self._watched: set[FakeCard] = set()
        self._handles: dict[int, FakeCard | FakeInstance] = {}
        self._functions: dict[str, Any] = {}
        self._offer_driver()
        self._offer_figures()
        self._offer_lists()

    def _offer_driver(self) -> None:
        self._add("nvmlInitWithFlags", self._init, c_uint)
        self._add("nvmlShutdown", self._shutdown)
        self._add("nvmlDeviceGetCount_v2", self._count, POINTER(c_uint))
        self._add("nvmlDeviceGetHandleByIndex_v2", self._handle, c_uint, POINTER(pynvml.c_nvmlDevice_t))
        self._add("nvmlEventSetCreate", self._event_set, POINTER(pynvml.c_nvmlEventSet_t))
        self._add("nvmlEventSetFree", lambda _: None, pynvml.c_nvmlEventSet_t)
        self._add(
            "nvmlEventSetWait_v2", self._event, pynvml.c_nvmlEventSet_t, POINTER(pynvml.c_nvmlEventData_t), c_uint
        )
        card, out = c_void_p, c_void_p
        self._number("nvmlDeviceGetSupportedEventTypes", "events", c_ulonglong)
        self._add("nvmlDeviceRegisterEvents", self._register, card, c_ulonglong, c_void_p)
        self._add("nvmlDeviceGetUUID", self._uuid, card, out, c_uint)
        self._add("nvmlDeviceGetName", self._name, card, out, c_uint)
        self._add("nvmlDeviceGetPciInfo_v3", self._pci, card, POINTER(pynvml.nvmlPciInfo_t))
        self._number("nvmlDeviceGetNumaNodeId", "node", c_int)
        self._add("nvmlDeviceGetMinorNumber", self._minor, card, POINTER(c_uint))
        self._add("nvmlDeviceGetNvLinkState", self._link_state, card, c_uint, POINTER(c_uint))
        self._add("nvmlDeviceGetNvLinkRemotePciInfo_v2", self._link_end, card, c_uint, POINTER(pynvml.nvmlPciInfo_t))
        self._add("nvmlDeviceGetTopologyCommonAncestor", self._near, card, c_void_p, POINTER(c_uint))

    def _offer_figures(self) -> None:
        card = c_void_p
        self._add("nvmlDeviceGetMemoryInfo", self._memory, card, POINTER(pynvml.c_nvmlMemory_t))
        self._add("nvmlDeviceGetMemoryInfo_v2", self._memory_v2, card, POINTER(pynvml.c_nvmlMemory_v2_t))
        self._add("nvmlDeviceGetUtilizationRates", self._rates, card, POINTER(pynvml.c_nvmlUtilization_t))
        self._add("nvmlDeviceGetTemperature", self._temperature, card, c_uint, POINTER(c_uint))
        self._add("nvmlDeviceGetTemperatureV", self._temperature_v, card, POINTER(pynvml.c_nvmlTemperature_v1_t))
        self._add("nvmlDeviceGetTemperatureThreshold", self._threshold, card, c_uint, POINTER(c_uint))
        self._add("nvmlDeviceGetMarginTemperature", self._margin, card, POINTER(pynvml.c_nvmlMarginTemperature_v1_t))
        self._number("nvmlDeviceGetPowerUsage", "milliwatts", c_uint)
        self._number("nvmlDeviceGetEnforcedPowerLimit", "limit_milliwatts", c_uint)
        self._number("nvmlDeviceGetPowerManagementDefaultLimit", "default_milliwatts", c_uint)
        self._add("nvmlDeviceGetPowerManagementLimitConstraints", self._bounds, card, POINTER(c_uint), POINTER(c_uint))
        self._add("nvmlDeviceSetPowerManagementLimit", self._set_limit, card, c_uint)
        self._number("nvmlDeviceGetTotalEnergyConsumption", "energy_mj", c_ulonglong)
        self._add("nvmlDeviceGetClockInfo", self._clock, card, c_uint, POINTER(c_uint))
        self._number("nvmlDeviceGetCurrentClocksEventReasons", "reasons", c_ulonglong)
        self._number("nvmlDeviceGetCurrentClocksThrottleReasons", "reasons", c_ulonglong)
        self._add("nvmlDeviceGetTotalEccErrors", self._ecc, card, c_uint, c_uint, POINTER(c_ulonglong))
        self._add("nvmlDeviceGetRemappedRows", self._remapped, card, *[POINTER(c_uint)] * 4)
        self._number("nvmlDeviceGetRetiredPagesPendingStatus", "retired_pending", c_uint)

    def _offer_lists(self) -> None:
        card = c_void_p
        for kind, attribute in (("Compute", "processes"), ("Graphics", "graphics"), ("MPSCompute", "mps")):
            self._processes(f"nvmlDeviceGet{kind}RunningProcesses_v3", attribute)
        self._add("nvmlDeviceGetMigMode", self._mig_mode, card, POINTER(c_uint), POINTER(c_uint))
        self._add("nvmlDeviceGetMaxMigDeviceCount", self._mig_count, card, POINTER(c_uint))
        self._add("nvmlDeviceGetMigDeviceHandleByIndex", self._mig_handle, card, c_uint, POINTER(pynvml.c_nvmlDevice_t))
        self._number("nvmlDeviceGetGpuInstanceId", "number", c_uint)
        self._number("nvmlDeviceGetComputeInstanceId", "compute", c_uint)
        self._add("nvmlDeviceGetAttributes_v2", self._attributes, card, POINTER(pynvml.c_nvmlDeviceAttributes))

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
            self.before()
            self.calls.append(name)
            misbehave(name, self.hang, self.crash, self.stuck)
            if name in self.fail:
                return self.fail[name]
            if name != "nvmlInitWithFlags" and not self.open:
                return int(pynvml.NVML_ERROR_UNINITIALIZED)
            if kinds and kinds[0] is c_void_p:
                card = self._handles[args[0]]
                if isinstance(card, FakeCard):
                    if card not in self.cards:
                        return int(pynvml.NVML_ERROR_GPU_IS_LOST)
                    misbehave(name, card.hang, card.crash, self.stuck)
                if name in card.fail:
                    return card.fail[name]
                args = (card, *args[1:])
            return answer(*args) or 0

        self._functions[name] = ctypes.CFUNCTYPE(c_int, *kinds)(call)

    def _number(self, name: str, attribute: str, kind: Any) -> None:
        """Offer a function that tells one attribute; what is `None` or not there is not supported."""

        def answer(card: Any, out: Any) -> int | None:
            value = getattr(card, attribute, None)
            if value is None:
                return int(pynvml.NVML_ERROR_NOT_SUPPORTED)
            out[0] = value
            return None

        self._add(name, answer, c_void_p, POINTER(kind))

    def _processes(self, name: str, attribute: str) -> None:
        def answer(card: Any, count: Any, out: int | None) -> int | None:
            running = getattr(card, attribute, ())
            room, count[0] = count[0], len(running)
            if len(running) > room:
                return int(pynvml.NVML_ERROR_INSUFFICIENT_SIZE)
            if out:
                rows = ctypes.cast(out, POINTER(pynvml.c_nvmlProcessInfo_v3_t))
                for at, (pid, used) in enumerate(running):
                    rows[at].pid, rows[at].usedGpuMemory = pid, ULONG_NONE if used is None else used
            return None

        self._add(name, answer, c_void_p, POINTER(c_uint), c_void_p)

    def _name_handle(self, thing: FakeCard | FakeInstance, out: Any) -> None:
        """Never followed by anybody: only a name for the card."""
        number = next((number for number, known in self._handles.items() if known is thing), len(self._handles) + 1)
        self._handles[number] = thing
        ctypes.cast(out, POINTER(c_void_p))[0] = number

    def _init(self, flags: int) -> None:
        self.open = True
        self.starts += 1
        self._watched = set()

    def _shutdown(self) -> None:
        self.open = False
        self.stops += 1

    def _count(self, out: Any) -> None:
        out[0] = len(self.cards)

    def _handle(self, index: int, out: Any) -> int | None:
        if index >= len(self.cards):
            return int(pynvml.NVML_ERROR_INVALID_ARGUMENT)
        card = self.cards[index]
        misbehave("nvmlDeviceGetHandleByIndex_v2", card.hang, card.crash, self.stuck)
        self._name_handle(card, out)
        return card.fail.get("nvmlDeviceGetHandleByIndex_v2")

    def _event_set(self, out: Any) -> None:
        ctypes.cast(out, POINTER(c_void_p))[0] = 1

    def _register(self, card: FakeCard, kinds: int, events: int) -> int | None:
        if card.events is None or not card.events & kinds:
            return int(pynvml.NVML_ERROR_NOT_SUPPORTED)
        self._watched.add(card)
        return None

    def _event(self, events: Any, out: Any, timeout_ms: int) -> int | None:
        while self.xids:
            card, code, instance = self.xids.pop(0)
            if card in self._watched:
                self._name_handle(card, ctypes.byref(out[0]))
                out[0].eventType, out[0].eventData = pynvml.nvmlEventTypeXidCriticalError, code
                out[0].gpuInstanceId = out[0].computeInstanceId = instance
                return None
        return int(pynvml.NVML_ERROR_TIMEOUT)

    def _uuid(self, card: FakeCard, out: int, size: int) -> int | None:
        return _write(card.uuid.encode(), out, size)

    def _name(self, card: FakeCard | FakeInstance, out: int, size: int) -> int | None:
        return _write(card.name, out, size) if card.name else int(pynvml.NVML_ERROR_NOT_SUPPORTED)

    def _bus(self, card: FakeCard) -> str:
        return card.bus or f"00000000:{self.cards.index(card) + 1:02X}:00.0"

    def _pci(self, card: FakeCard, out: Any) -> None:
        out[0].busId = self._bus(card).encode()

    def _minor(self, card: FakeCard, out: Any) -> None:
        out[0] = self.cards.index(card) if card.minor is None else card.minor

    def _link_state(self, card: FakeCard, link: int, out: Any) -> int | None:
        if not card.nvlinks:
            return int(pynvml.NVML_ERROR_NOT_SUPPORTED)
        if link >= len(card.nvlinks):
            return int(pynvml.NVML_ERROR_INVALID_ARGUMENT)
        out[0] = 1 if card.nvlinks[link] else 0
        return None

    def _link_end(self, card: FakeCard, link: int, out: Any) -> None:
        out[0].busId = card.nvlinks[link].encode()

    def _near(self, card: FakeCard, other: int, out: Any) -> int | None:
        end = self._handles[other]
        assert isinstance(end, FakeCard)
        level = self.near.get(frozenset({self._bus(card), self._bus(end)}), pynvml.NVML_TOPOLOGY_NODE)
        out[0] = level
        return None

    def _memory(self, card: FakeCard | FakeInstance, out: Any) -> None:
        out[0].total, out[0].used = card.total, card.used + card.reserved
        out[0].free = max(0, card.total - card.used - card.reserved)

    def _memory_v2(self, card: FakeCard | FakeInstance, out: Any) -> int | None:
        if out[0].version != pynvml.nvmlMemory_v2:
            return int(pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH)
        out[0].total, out[0].reserved, out[0].used = card.total, card.reserved, card.used
        return None

    def _rates(self, card: FakeCard | FakeInstance, out: Any) -> int | None:
        if isinstance(card, FakeInstance):
            return int(pynvml.NVML_ERROR_NOT_SUPPORTED)
        out[0].gpu = card.utilization
        return None

    def _temperature(self, card: FakeCard, sensor: int, out: Any) -> int | None:
        if sensor != pynvml.NVML_TEMPERATURE_GPU:
            return int(pynvml.NVML_ERROR_INVALID_ARGUMENT)
        out[0] = card.temperature
        return None

    def _temperature_v(self, card: FakeCard, out: Any) -> None:
        out[0].temperature = card.temperature

    def _threshold(self, card: FakeCard, kind: int, out: Any) -> int | None:
        if kind != pynvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN or card.slowdown is None:
            return int(pynvml.NVML_ERROR_NOT_SUPPORTED)
        out[0] = card.slowdown
        return None

    def _margin(self, card: FakeCard, out: Any) -> int | None:
        if card.margin is None:
            return int(pynvml.NVML_ERROR_NOT_SUPPORTED)
        out[0].marginTemperature = card.margin
        return None

    def _bounds(self, card: FakeCard, low: Any, high: Any) -> None:
        low[0], high[0] = card.min_milliwatts, card.max_milliwatts

    def _set_limit(self, card: FakeCard, milliwatts: int) -> int | None:
        if not card.min_milliwatts <= milliwatts <= card.max_milliwatts:
            return int(pynvml.NVML_ERROR_INVALID_ARGUMENT)
        card.limit_milliwatts = milliwatts
        self.limited(card)
        return None

    def _clock(self, card: FakeCard, kind: int, out: Any) -> int | None:
        told = card.sm_clock if kind == pynvml.NVML_CLOCK_SM else card.memory_clock
        if told is None:
            return int(pynvml.NVML_ERROR_NOT_SUPPORTED)
        out[0] = told
        return None

    def _ecc(self, card: FakeCard, kind: int, counter: int, out: Any) -> int | None:
        corrected = kind == pynvml.NVML_MEMORY_ERROR_TYPE_CORRECTED
        told = card.ecc_corrected if corrected else card.ecc_uncorrected
        if told is None:
            return int(pynvml.NVML_ERROR_NOT_SUPPORTED)
        out[0] = told
        return None

    def _remapped(self, card: FakeCard, *outs: Any) -> int | None:
        if card.remapped is None:
            return int(pynvml.NVML_ERROR_NOT_SUPPORTED)
        for out, value in zip(outs, card.remapped, strict=True):
            out[0] = value
        return None

    def _mig_mode(self, card: FakeCard, current: Any, pending: Any) -> int | None:
        if card.mig is None:
            return int(pynvml.NVML_ERROR_NOT_SUPPORTED)
        current[0] = pending[0] = pynvml.NVML_DEVICE_MIG_ENABLE
        return None

    def _mig_count(self, card: FakeCard, out: Any) -> None:
        out[0] = 7

    def _mig_handle(self, card: FakeCard, at: int, out: Any) -> int | None:
        if card.mig is None or at >= len(card.mig):
            return int(pynvml.NVML_ERROR_NOT_FOUND)
        self._name_handle(card.mig[at], out)
        return None

    def _attributes(self, instance: FakeInstance, out: Any) -> None:
        out[0].gpuInstanceSliceCount = out[0].computeInstanceSliceCount = instance.slices
        out[0].memorySizeMB = instance.total // MIB


def _write(text: bytes, out: int, size: int) -> int | None:
    if len(text) + 1 > size:
        return int(pynvml.NVML_ERROR_INSUFFICIENT_SIZE)
    ctypes.memmove(out, text + b"\0", len(text) + 1)
    return None


def install(monkeypatch: "pytest.MonkeyPatch", cards: list[FakeCard]) -> FakeNvml:
    """Let the bindings find this library instead of the driver's."""
    library = FakeNvml(cards)
    monkeypatch.setattr(pynvml, "nvmlLib", None)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    monkeypatch.setattr(pynvml, "CDLL", lambda name: library)
    return library
