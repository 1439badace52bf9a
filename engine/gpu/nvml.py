"""NVIDIA's cards through NVML (the `pynvml` bindings): one reading of each, nothing believed that cannot be.

Each figure is asked for on its own: what a card does not support or tells as nonsense is `None`, a card that fell off
the bus is `present=False` under the UUID it had, and the others are read on. Any call may hang in the driver: see
`engine.gpu.watched`. Must not know jobs or policies.
"""

import threading
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import Any

import pynvml

from engine.core.model import GpuUuid
from engine.gpu import figures
from engine.gpu.asking import DRIVER_GONE
from engine.gpu.events import Events
from engine.gpu.identity import Identity
from engine.gpu.inventory import Inventory
from engine.gpu.unavailable import unavailable, unsettable
from engine.ports import Clock
from engine.protocol.errors import RcqError
from engine.readings import GpuReading, NodeReading

Tell = Callable[[int | None, tuple[GpuReading, ...]], None]
"""Takes the readings of one position in the driver's order; of `None`: of cards that are at none any more."""

Asking = Callable[[int | None], None]
"""Is told before each call which position is asked about; `None`: the driver as a whole."""


class NvmlGpus:
    """A `GpuProvider` on the NVIDIA driver. It is opened at the first reading, and again after a driver reload.

    A card keeps the index under which it was first seen. A card whose memory size the driver does not tell has
    `memory_mb` 0: jobs that ask for memory do not fit it. A card that was lost before it was ever read has no name to
    be shown under and is left out. known: cards that somebody read before.
    """

    def __init__(self, clock: Clock, known: Iterable[GpuReading] = ()) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # readings come from worker threads
        self._known: dict[GpuUuid, GpuReading] = {reading.uuid: reading for reading in known}
        self._open: tuple[Inventory, Events] | None = None
        self._count = 0
        self.gone: Any = None
        """The error of the driver as a whole at the last reading."""

    def read(self) -> tuple[GpuReading, ...]:
        """Every card now, by index; as not present while the driver is gone.

        Raises DriverUnavailable while the driver does not answer and never has.
        """
        found: dict[GpuUuid, GpuReading] = {}
        self.go_through(lambda _, readings: found.update({reading.uuid: reading for reading in readings}))
        return tuple(sorted(found.values(), key=lambda card: (card.index, card.uuid)))

    def go_through(
        self, tell: Tell, *, asking: Asking = lambda _: None, skip: Collection[int] = (), last: Collection[int] = ()
    ) -> None:
        """Read card by card. skip: positions to leave alone; last: those that are read after all others.

        A driver that was reloaded since the last reading is opened anew, once; cards may be told twice then, and the
        later word counts. Raises like `read`.
        """
        with self._lock:
            try:
                if self._open is not None:
                    with suppress(_Reloaded):
                        return self._go(tell, asking, skip, last)
                return self._go(tell, asking, skip, last)
            except _Reloaded as reloaded:
                self.gone = reloaded.error
                if not self._known:
                    raise unavailable(reloaded.error) from reloaded.error
                now = self._clock.now()
                return tell(None, tuple(absent(known, now, "driver") for known in self._known.values()))

    def set_limit(self, gpu: GpuUuid, watts: float, *, asking: Asking = lambda _: None) -> None:
        """Set a card's power limit. Raises RcqError with what to do."""
        with self._lock:
            one = self._open[0].get(gpu) if self._open is not None else None
            if one is None:
                raise RcqError(f"There is no card {gpu} now whose power limit could be set. See rcq gpus.")
            if one.parent is not None:
                raise RcqError(f"{gpu} is a part of a card (MIG): only whole cards have a power limit.")
            asking(None)
            try:
                pynvml.nvmlDeviceSetPowerManagementLimit(one.handle, round(watts * 1000))
            except pynvml.NVMLError as error:
                raise unsettable(error, one.power_min_w, one.power_max_w) from error

    def nodes(self) -> tuple[NodeReading, ...]:
        """None: its cards are this host's."""
        return ()

    def close(self) -> None:
        """Let go of the driver. Closing twice is fine; a later reading opens it again."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None
            with suppress(pynvml.NVMLError):  # the driver may be gone already
                pynvml.nvmlShutdown()

    def _go(self, tell: Tell, asking: Asking, skip: Collection[int], last: Collection[int]) -> None:
        asking(None)
        try:
            self._read_cards(tell, asking, skip, last)
        except pynvml.NVMLError as error:
            self._stop()
            raise _Reloaded(error) from error
        self.gone = None

    def _read_cards(self, tell: Tell, asking: Asking, skip: Collection[int], last: Collection[int]) -> None:
        """Raises NVMLError only for what concerns the driver as a whole."""
        # 1. the driver, how many cards it has, what it has to say of them
        if self._open is None:
            pynvml.nvmlInit()
            events = Events()
            self._open = (Inventory(events), events)
        inventory, events = self._open
        now, count = self._clock.now(), pynvml.nvmlDeviceGetCount()
        if count != self._count:
            inventory.forget_all()
            self._count = count
        events.collect()
        # 2. who is where, those last that may never answer
        positions = [position for position in range(count) if position not in skip]
        first = [position for position in positions if position not in last]
        for position in first:
            asking(position)
            inventory.look(position, now)
        inventory.find_links(first)
        # 3. the figures
        seen: set[GpuUuid] = set()
        for position in (*first, *(position for position in positions if position in last)):
            asking(position)
            inventory.look(position, now)
            readings = self._readings(position, inventory, events, now)
            seen.update(reading.uuid for reading in readings)
            tell(position, readings)
        # 4. who is nowhere
        lost = [known for uuid, known in self._known.items() if uuid not in seen]
        tell(None, tuple(absent(known, now, "lost", inventory.xids(known.uuid)) for known in lost))

    def _readings(self, position: int, inventory: Inventory, events: Events, now: float) -> tuple[GpuReading, ...]:
        """What is at a position; nothing when it is lost: it is found by its absence, whatever its position is now."""
        try:
            found = []
            for one in inventory.at(position):
                found.append(self._reading(one, position, inventory, events, now))
                self._known[one.uuid] = found[-1]
            return tuple(found)
        except pynvml.NVMLError as error:
            if error.value in DRIVER_GONE:
                raise
            inventory.forget(position)
            return ()

    def _index(self, one: Identity, position: int, inventory: Inventory) -> int:
        """The one that it has; of a new one, its place among all that can be used, if nobody has that."""
        if one.uuid in self._known:
            return self._known[one.uuid].index
        taken = {known.index for known in self._known.values()}
        before = sum(max(1, len(inventory.at(earlier))) for earlier in range(position))
        wanted = before + inventory.at(position).index(one)
        return wanted if wanted not in taken else max(taken) + 1

    def _reading(self, one: Identity, position: int, inventory: Inventory, events: Events, now: float) -> GpuReading:
        """Of an instance, what is its own; heat and faults are those of its card."""
        used, size = figures.memory_mb(one.handle)
        words = figures.throttle(one.card)
        pending, failed = figures.remap(one.card)
        whole = one.parent is None
        known = self._known.get(one.uuid)
        return GpuReading(
            uuid=one.uuid,
            index=self._index(one, position, inventory),
            model=one.model,
            memory_mb=size if size is not None else known.memory_mb if known else 0,
            read_at=now,
            memory_used_mb=used,
            utilization=figures.utilization(one.handle),
            temperature_c=figures.temperature_c(one.card),
            power_w=figures.power_w(one.handle) if whole else None,
            power_limit_w=figures.power_limit_w(one.handle) if whole else None,
            throttled=figures.by_heat(words),
            pci=one.pci,
            parent=one.parent,
            numa_node=one.numa_node,
            links=inventory.links(one.uuid),
            slowdown_c=one.slowdown_c,
            margin_c=figures.margin_c(one.card),
            throttle=words,
            power_default_w=one.power_default_w,
            power_min_w=one.power_min_w,
            power_max_w=one.power_max_w,
            energy_j=figures.energy_j(one.handle) if whole else None,
            sm_clock_mhz=figures.clock_mhz(one.card, pynvml.NVML_CLOCK_SM),
            memory_clock_mhz=figures.clock_mhz(one.card, pynvml.NVML_CLOCK_MEM),
            ecc_corrected=figures.ecc_errors(one.card, pynvml.NVML_MEMORY_ERROR_TYPE_CORRECTED),
            ecc_uncorrected=figures.ecc_errors(one.card, pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED),
            remap_pending=pending,
            remap_failed=failed,
            xids=events.of(one),
            processes=figures.processes(one.handle),
            position=position,
            gpu_instance=one.instance,
            nodes=one.nodes,
        )


class _Reloaded(Exception):
    """The driver that was open is not there any more."""

    def __init__(self, error: Any) -> None:
        super().__init__(str(error))
        self.error = error


def absent(known: GpuReading, now: float, fault: str, xids: tuple[int, ...] = ()) -> GpuReading:
    """The reading of a card that cannot be read, by what was known of it. fault: of FAULTS."""
    return GpuReading(
        uuid=known.uuid,
        index=known.index,
        model=known.model,
        memory_mb=known.memory_mb,
        read_at=now,
        present=False,
        fault=fault,
        pci=known.pci,
        parent=known.parent,
        numa_node=known.numa_node,
        position=known.position,
        gpu_instance=known.gpu_instance,
        links=known.links,
        slowdown_c=known.slowdown_c,
        power_default_w=known.power_default_w,
        power_min_w=known.power_min_w,
        power_max_w=known.power_max_w,
        xids=xids,
        nodes=known.nodes,
    )
