"""What the cards tell, as plain values: readings, who has memory on a card, what a job does to a simulated one.

Must not know NVML, jobs' owners or what is done with a reading.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.core.model import GpuUuid, JobId


@dataclass(slots=True, frozen=True, kw_only=True)
class GpuProcess:
    """A process on a card, by the host's pid; memory_mb: MiB that it has there, `None` where the driver does not tell.

    graphics: it draws (a desktop does), it need not compute.
    """

    pid: int
    memory_mb: int | None = None
    graphics: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class GpuReading:
    """One card, or one MIG instance, as the driver tells it at `read_at` (Unix seconds); `None`: it does not.

    utilization: 0 to 1. Memory in MiB, power in watts, temperatures in degrees Celsius, clocks in MHz.
    present: false when a card that was there cannot be read; fault says why: `lost` (it fell off the bus), `hang` (the
    driver does not come back from it) or `driver` (there is no driver).
    pci: bus id. parent: of a MIG instance, the UUID of its card. numa_node: of its PCI slot.
    links: how closely it is linked to other cards, by UUID: a number of `engine.core.placement.topology`.
    slowdown_c: the card slows itself down there. margin_c: degrees that are left until then, where the card tells
    margins (Hopper and later). throttled: heat slows it down now; throttle: all that slows it down now, of THROTTLES.
    power_limit_w: in force now; power_default_w: without anybody's cap; power_min_w, power_max_w: what can be set.
    energy_j: joules since the driver was loaded. ecc_corrected, ecc_uncorrected: errors since then. remap_pending: rows
    of memory wait for a reset to be replaced; remap_failed: there are no spare ones. xids: events since the reading
    before. processes: who uses it, each once, `None` where the driver does not tell.
    position: of the card among all of the driver's, as nvidia-smi counts them, of an instance its card's. gpu_instance:
    of an instance, the number of its GPU instance. nodes: the device nodes that a job on it has to open, besides those
    that all cards share; empty where the driver does not tell.
    node: the machine of a cluster that it is in, `None` in this host; of such a card nobody tells how it works, and its
    memory_mb is 0 where the settings do not say it. closed: why that machine starts no job now, in words. taken_by: the
    user whose job, none of rcq's, holds the card there.
    """

    uuid: GpuUuid
    index: int
    model: str
    memory_mb: int
    read_at: float
    memory_used_mb: int | None = None
    utilization: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    throttled: bool = False
    present: bool = True
    fault: str | None = None
    pci: str | None = None
    parent: GpuUuid | None = None
    numa_node: int | None = None
    links: Mapping[GpuUuid, int] = field(default_factory=dict)
    slowdown_c: float | None = None
    margin_c: float | None = None
    throttle: tuple[str, ...] = ()
    power_default_w: float | None = None
    power_min_w: float | None = None
    power_max_w: float | None = None
    energy_j: float | None = None
    sm_clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    ecc_corrected: int | None = None
    ecc_uncorrected: int | None = None
    remap_pending: bool = False
    remap_failed: bool = False
    xids: tuple[int, ...] = ()
    processes: tuple[GpuProcess, ...] | None = None
    position: int | None = None
    gpu_instance: int | None = None
    nodes: tuple[str, ...] = ()
    node: str | None = None
    closed: str | None = None
    taken_by: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class NodeReading:
    """One machine of a cluster, as the cluster tells it at `read_at` (Unix seconds); `None`: it does not.

    state: in the cluster's words. closed: why it starts no job now, in words; `None` if it does. Cores and MiB of
    memory: all it has, what jobs hold (allocated), and the part of that which jobs hold that are not rcq's (strangers).
    cpu_load: as `uptime` tells it. free_memory_mb: as the machine's kernel tells it. gpus: its cards, by index.
    """

    name: str
    read_at: float
    state: str
    closed: str | None
    cpu_cores: int
    memory_mb: int
    cpu_cores_allocated: int = 0
    memory_allocated_mb: int = 0
    strangers_cores: int = 0
    strangers_memory_mb: int = 0
    cpu_load: float | None = None
    free_memory_mb: int | None = None
    gpus: tuple[GpuUuid, ...] = ()


THROTTLES = ("sw-thermal", "hw-thermal", "hw-slowdown", "power-cap", "power-brake", "sync-boost")
"""What can slow a card down, in the words of a reading: heat (the first two), an outside signal, the power limit."""

FAULTS = ("lost", "hang", "stall", "driver")
"""Why a card cannot be read: it is gone, a call about it hangs, the whole driver hangs, or there is no driver."""


@dataclass(slots=True, frozen=True, kw_only=True)
class GpuLoad:
    """What a running job does to one card, as far as the simulated cards care. load: 0 to 1."""

    job: JobId | None = None
    gpu: GpuUuid
    load: float
    memory_mb: int
