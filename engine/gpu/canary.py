"""A short test of one card, in a process of its own: `python -m engine.gpu.canary UUID [PARENT]`.

It writes two patterns over a part of the card's free memory, reads them back, and lets the card compute something whose
result is known. One line on standard output says how it went; the exit code is 0 if the card passed, else 1. Nothing
but the driver and the standard library is needed. Must not know why a card is tested; whoever runs it ends it when it
takes too long.
"""

import ctypes
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import byref, c_char_p, c_int, c_size_t, c_uint, c_void_p
from typing import Any

from engine.gpu.lifeline import ends_with

LIBRARY = "libcuda.so.1"
MOST_BYTES = 256 * 1024 * 1024
CHUNK_BYTES = 16 * 1024 * 1024
PATTERNS = (0xA5A5A5A5, 0x5A5A5A5A)
WORDS, BLOCK = 65_536, 256
"""So many words are computed, by blocks of so many threads."""

# The text for compute capability 5.0 is compiled by the driver for whatever card it finds, every later one included.
KERNEL = b"""
.version 6.0
.target sm_50
.address_size 64
.visible .entry mix(.param .u64 out)
{
    .reg .u32 %r<7>;
    .reg .u64 %p<4>;
    ld.param.u64 %p1, [out];
    cvta.to.global.u64 %p1, %p1;
    mov.u32 %r1, %ctaid.x;
    mov.u32 %r2, %ntid.x;
    mov.u32 %r3, %tid.x;
    mad.lo.u32 %r4, %r1, %r2, %r3;
    mul.lo.u32 %r5, %r4, 1664525;
    add.u32 %r5, %r5, 1013904223;
    shr.u32 %r6, %r5, 16;
    xor.b32 %r5, %r5, %r6;
    mul.wide.u32 %p2, %r4, 4;
    add.u64 %p3, %p1, %p2;
    st.global.u32 [%p3], %r5;
    ret;
}
\0"""


class Failed(Exception):
    """The card did not pass; the text says at what."""


class Cuda:
    """The few calls of the driver's library that are needed. Each raises Failed with the driver's own word for it."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def call(self, name: str, *arguments: Any) -> None:
        """Call it."""
        try:
            function = getattr(self._library, name)
        except AttributeError:
            raise Failed(f"this driver has no {name}") from None
        code = function(*arguments)
        if code != 0:
            raise Failed(f"{name} failed: {self._word(code)}")

    def _word(self, code: int) -> str:
        word = c_char_p()
        try:
            known = self._library.cuGetErrorName(c_int(code), byref(word)) == 0
        except AttributeError:
            known = False
        return word.value.decode("ascii", "replace") if known and word.value else f"error {code}"


def examine(library: Any) -> str:
    """Test the first card that the library shows; what was done, in words. Raises Failed."""
    cuda = Cuda(library)
    with _context(cuda):
        tested = _memory(cuda)
        _compute(cuda)
    return f"{tested // (1024 * 1024)} MiB written and read back, {WORDS} words computed"


@contextmanager
def _context(cuda: Cuda) -> Iterator[None]:
    cuda.call("cuInit", c_uint(0))
    device, context = c_int(), c_void_p()
    cuda.call("cuDeviceGet", byref(device), c_int(0))
    cuda.call("cuCtxCreate_v2", byref(context), c_uint(0), device)
    try:
        yield
    finally:
        cuda.call("cuCtxDestroy_v2", context)


@contextmanager
def _allocated(cuda: Cuda, size: int) -> Iterator[c_void_p]:
    address = c_void_p()
    cuda.call("cuMemAlloc_v2", byref(address), c_size_t(size))
    try:
        yield address
    finally:
        cuda.call("cuMemFree_v2", address)


def _memory(cuda: Cuda) -> int:
    """Write and read back; how many bytes."""
    free, total = c_size_t(), c_size_t()
    cuda.call("cuMemGetInfo_v2", byref(free), byref(total))
    size = min(MOST_BYTES, free.value // 4) // CHUNK_BYTES * CHUNK_BYTES
    if not size:
        raise Failed(f"only {free.value // (1024 * 1024)} MiB of its memory are free")
    with _allocated(cuda, size) as address:
        for pattern in PATTERNS:
            cuda.call("cuMemsetD32_v2", address, c_uint(pattern), c_size_t(size // 4))
            cuda.call("cuCtxSynchronize")
            _read_back(cuda, address, size, pattern)
    return size


def _read_back(cuda: Cuda, address: c_void_p, size: int, pattern: int) -> None:
    wanted = pattern.to_bytes(4, sys.byteorder) * (CHUNK_BYTES // 4)
    found = ctypes.create_string_buffer(CHUNK_BYTES)
    for offset in range(0, size, CHUNK_BYTES):
        place = c_void_p((address.value or 0) + offset)
        cuda.call("cuMemcpyDtoH_v2", found, place, c_size_t(CHUNK_BYTES))
        if found.raw != wanted:
            raise Failed(f"memory reads back wrong in the {CHUNK_BYTES // (1024 * 1024)} MiB from byte {offset} on")


def _compute(cuda: Cuda) -> None:
    module, function = c_void_p(), c_void_p()
    cuda.call("cuModuleLoadData", byref(module), c_char_p(KERNEL))
    cuda.call("cuModuleGetFunction", byref(function), module, c_char_p(b"mix"))
    with _allocated(cuda, WORDS * 4) as address:
        parameters = (c_void_p * 1)(ctypes.cast(ctypes.pointer(address), c_void_p))
        grid = (c_uint(WORDS // BLOCK), c_uint(1), c_uint(1), c_uint(BLOCK), c_uint(1), c_uint(1))
        cuda.call("cuLaunchKernel", function, *grid, c_uint(0), c_void_p(), parameters, c_void_p())
        cuda.call("cuCtxSynchronize")
        found = (c_uint * WORDS)()
        cuda.call("cuMemcpyDtoH_v2", found, address, c_size_t(WORDS * 4))
    wrong = sum(value != mixed(at) for at, value in enumerate(found))
    if wrong:
        raise Failed(f"{wrong} of {WORDS} words computed wrong")


def mixed(at: int) -> int:
    """What the kernel has to put at a place."""
    word = (at * 1664525 + 1013904223) & 0xFFFFFFFF
    return word ^ (word >> 16)


def main(argv: Sequence[str]) -> int:
    """Test the card of that UUID; the exit code."""
    if len(argv) != 1:
        sys.stdout.write("usage: python -m engine.gpu.canary UUID [PARENT]\n")
        return 2
    os.environ["CUDA_VISIBLE_DEVICES"] = argv[0]  # before the library is loaded: it looks once
    try:
        library = ctypes.CDLL(LIBRARY)
        sys.stdout.write(examine(library) + "\n")
    except OSError:
        sys.stdout.write(f"it cannot be tested: {LIBRARY} cannot be loaded\n")
        return 1
    except Failed as failed:
        sys.stdout.write(f"{failed}\n")
        return 1
    return 0


if __name__ == "__main__":
    if sys.argv[2:] and not ends_with(int(sys.argv.pop())):
        raise SystemExit(1)
    raise SystemExit(main(sys.argv[1:]))
