"""A stand-in for libcuda: one scripted card behind real C function pointers, with memory that holds what is written.

Arguments arrive as C values and addresses, answers are written where the library would write them. The kernel is not
run: whatever is launched computes what the canary's own kernel would.
"""

import ctypes
import json
import threading
from collections.abc import Callable
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint, c_uint64, c_void_p
from pathlib import Path
from typing import Any

from engine.gpu.canary import mixed

MIB = 1024 * 1024
ECC = 214
"""CUDA_ERROR_ECC_UNCORRECTABLE."""


class FakeCuda:
    """fail: return codes by function name. flip: bytes of memory, by offset, that read back wrong; wrong: computes ill.

    hang: functions that never come back. missing: what this version does not have. open: contexts; held: allocations.
    """

    def __init__(self, free_mb: int = 2048) -> None:
        self.free_mb = free_mb
        self.fail: dict[str, int] = {}
        self.flip: set[int] = set()
        self.hang: set[str] = set()
        self.missing: set[str] = set()
        self.wrong = False
        self.open = 0
        self.held: dict[int, bytearray] = {}
        self.calls: list[str] = []
        self._functions: dict[str, Any] = {}
        pointer, number = POINTER(c_void_p), c_uint
        self._add("cuInit", lambda flags: None, number)
        self._add("cuGetErrorName", self._word, c_int, POINTER(c_char_p))
        self._add("cuDeviceGet", self._device, POINTER(c_int), c_int)
        self._add("cuCtxCreate_v2", self._create, pointer, number, c_int)
        self._add("cuCtxDestroy_v2", self._destroy, c_void_p)
        self._add("cuCtxSynchronize", lambda: None)
        self._add("cuMemGetInfo_v2", self._info, POINTER(c_size_t), POINTER(c_size_t))
        self._add("cuMemAlloc_v2", self._allocate, pointer, c_size_t)
        self._add("cuMemFree_v2", self._free, c_void_p)
        self._add("cuMemsetD32_v2", self._set, c_void_p, number, c_size_t)
        self._add("cuMemcpyDtoH_v2", self._copy, c_void_p, c_void_p, c_size_t)
        self._add("cuModuleLoadData", self._load, pointer, c_char_p)
        self._add("cuModuleGetFunction", self._function, pointer, c_void_p, c_char_p)
        self._add("cuLaunchKernel", self._launch, c_void_p, *[number] * 7, c_void_p, POINTER(c_void_p), c_void_p)

    def __getattr__(self, name: str) -> Any:
        """What a function is looked up with, as on a CDLL."""
        functions = self.__dict__.get("_functions", {})
        if name not in functions or name in self.__dict__.get("missing", ()):
            raise AttributeError(name)
        return functions[name]

    def _add(self, name: str, answer: Callable[..., int | None], *kinds: Any) -> None:
        def call(*args: Any) -> int:
            self.calls.append(name)
            if name in self.hang:
                threading.Event().wait()
            return self.fail.get(name) or answer(*args) or 0

        self._functions[name] = ctypes.CFUNCTYPE(c_int, *kinds)(call)

    def _word(self, code: int, out: Any) -> int | None:
        if code != ECC:
            return 1
        out[0] = b"CUDA_ERROR_ECC_UNCORRECTABLE"
        return None

    def _device(self, out: Any, ordinal: int) -> int | None:
        out[0] = 0
        return 101 if ordinal else None

    def _create(self, out: Any, flags: int, device: int) -> None:
        out[0] = 0xC0
        self.open += 1

    def _destroy(self, context: int) -> None:
        self.open -= 1

    def _info(self, free: Any, total: Any) -> None:
        free[0], total[0] = self.free_mb * MIB, 49_140 * MIB

    def _allocate(self, out: Any, size: int) -> int | None:
        if size > self.free_mb * MIB:
            return 2
        address = 0x7F00_0000_0000 + len(self.held) * 0x1_0000_0000
        self.held[address] = bytearray(size)
        out[0] = address
        return None

    def _free(self, address: int) -> None:
        del self.held[address]

    def _set(self, address: int, value: int, count: int) -> None:
        block, start = self._at(address)
        block[start : start + count * 4] = value.to_bytes(4, "little") * count

    def _copy(self, host: int, address: int, size: int) -> None:
        block, start = self._at(address)
        part = bytearray(block[start : start + size])
        for offset in self.flip:
            if start <= offset < start + size:
                part[offset - start] ^= 1
        ctypes.memmove(host, bytes(part), size)

    def _at(self, address: int) -> tuple[bytearray, int]:
        base = max(base for base in self.held if base <= address)
        return self.held[base], address - base

    def _load(self, out: Any, text: bytes) -> int | None:
        out[0] = 0xD0
        return None if b".visible .entry mix" in text else 218

    def _function(self, out: Any, module: int, name: bytes) -> int | None:
        out[0] = 0xE0
        return None if (module, name) == (0xD0, b"mix") else 500

    def _launch(self, function: int, *rest: Any) -> None:
        threads, parameters = rest[0] * rest[3], rest[-2]
        address = ctypes.cast(parameters[0], POINTER(c_uint64))[0]
        block, start = self._at(address)
        for at in range(threads):
            block[start + at * 4 : start + at * 4 + 4] = (mixed(at) + self.wrong).to_bytes(4, "little")


def play(script: Path) -> None:
    """Let this process find the library that `script` (JSON) describes: `fail`, `flip`, `hang`, `missing`, `wrong`."""
    told = json.loads(script.read_text())
    library = FakeCuda()
    library.fail, library.wrong = told.get("fail", {}), told.get("wrong", False)
    library.flip, library.hang = set(told.get("flip", [])), set(told.get("hang", []))
    library.missing = set(told.get("missing", []))
    real = ctypes.CDLL
    ctypes.CDLL = lambda name: library if name else real(name)  # type: ignore[misc,assignment]
