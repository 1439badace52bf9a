"""What a scripted driver says of its cards, and how it can misbehave."""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pynvml

MIB = 1024 * 1024
UINT_NONE = 0xFFFFFFFF
ULONG_NONE = 2**64 - 1
ALL_INSTANCES = 0xFFFFFFFF


@dataclass(eq=False)
class FakeInstance:
    """A MIG instance of a card. name: as newer drivers tell it; empty: they do not. compute: its compute instance."""

    uuid: str
    number: int = 1
    compute: int | None = 0
    name: bytes = b""
    slices: int = 3
    total: int = 40_192 * MIB
    used: int = 0
    reserved: int = 0
    processes: Sequence[tuple[int, int | None]] = ()
    fail: dict[str, int] = field(default_factory=dict)


@dataclass(eq=False)
class FakeCard:
    """What the driver says of one card; `None`: that it is not supported.

    fail: return codes by function name; hang: functions that never return; crash: functions that end the process.
    processes, graphics, mps: pid and bytes. nvlinks: the bus id at the other end of each. mig: `None` for a card that
    cannot be split. node: what `nvmlDeviceGetNumaNodeId` says. minor: of its device node; `None`: its place in the
    order. host: cards on one host are near each other.
    """

    uuid: str = "GPU-00000000-0000-0000-0000-000000000001"
    name: bytes = b"NVIDIA RTX A6000"
    total: int = 49_140 * MIB
    used: int = 1_024 * MIB
    reserved: int = 600 * MIB
    utilization: int = 37
    temperature: int = 61
    margin: int | None = None
    slowdown: int | None = 95
    milliwatts: int = 151_250
    limit_milliwatts: int | None = 300_000
    default_milliwatts: int | None = 300_000
    min_milliwatts: int = 100_000
    max_milliwatts: int = 300_000
    energy_mj: int | None = 5_000_000
    sm_clock: int | None = 1_800
    memory_clock: int | None = 8_000
    reasons: int = 0
    ecc_corrected: int | None = None
    ecc_uncorrected: int | None = None
    remapped: tuple[int, int, int, int] | None = None
    retired_pending: int | None = None
    processes: Sequence[tuple[int, int | None]] = ()
    graphics: Sequence[tuple[int, int | None]] = ()
    mps: Sequence[tuple[int, int | None]] = ()
    bus: str | None = None
    node: int | None = None
    minor: int | None = None
    nvlinks: Sequence[str] = ()
    mig: list[FakeInstance] | None = None
    events: int | None = pynvml.nvmlEventTypeXidCriticalError
    fail: dict[str, int] = field(default_factory=dict)
    hang: set[str] = field(default_factory=set)
    crash: set[str] = field(default_factory=set)


def misbehave(name: str, hang: set[str], crash: set[str], stuck: Callable[[], None]) -> None:
    """What a broken driver does: it does not come back (stuck is called before), or takes the process with it."""
    if name in hang:
        stuck()
        threading.Event().wait()
    if name in crash:
        os.kill(os.getpid(), signal.SIGSEGV)
