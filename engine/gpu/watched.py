"""The NVIDIA driver, read in a process of its own that is ended when a call does not come back.

A card that a call hung on (or died of) is told as not present, fault `hang`, and left alone for a growing time; the
others are read on by the next process. A process that cannot be ended, as it hangs in the kernel, is left behind, and
only so many of them are. Where no card can be asked for that, or as the driver as a whole does not answer, they
are told with fault `stall`. Must not know what a reading is for.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pynvml

from engine.core.model import GpuUuid
from engine.gpu.child import Child, Ended, Interrupted, TooLate
from engine.gpu.nvml import absent
from engine.gpu.troubles import Troubles
from engine.gpu.unavailable import DriverHangs, DriverUnavailable
from engine.gpu.wire import all_packed, unpacked
from engine.ports import Clock
from engine.protocol.errors import RcqError
from engine.readings import GpuReading, NodeReading

log = logging.getLogger(__name__)

START_S = 20.0
"""Seconds that the process may take before it asks anything: an interpreter starts on a busy machine."""
TRIES = 3
MOST_LEFT_BEHIND = 4
REPLACE_S = 30.0
"""While there is no driver, a new process looks for it so often: one that has the old library open never finds it."""
_OTHER_LIBRARY = frozenset({pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, pynvml.NVML_ERROR_LIBRARY_NOT_FOUND})


class WatchedGpus:
    """A `GpuProvider` and `PowerControl`: a reading takes `timeout_s` seconds at most, and little more.

    `read_at` is when a reading was asked for. A card that was not reached before another one hung comes with the
    reading before, as old as it is. A card that hangs before it was ever read has no name and is left out.
    start: makes the process.
    """

    def __init__(self, clock: Clock, timeout_s: float, start: Callable[[int], Child] = Child) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        self._start = start
        self._lock = threading.Lock()  # readings come from worker threads
        self._wake = os.eventfd(0, os.EFD_CLOEXEC)
        self._known: dict[GpuUuid, GpuReading] = {}
        self._at: dict[GpuUuid, int] = {}
        self._troubles = Troubles(timeout_s)
        self._child: Child | None = None
        self._greeted = False
        self._asked: int | None = None
        self._left_behind: list[Child] = []
        self._gone = False
        self._replaced_at = -REPLACE_S

    # ------------------------------------------------------------ what others call

    def read(self) -> tuple[GpuReading, ...]:
        """Every card now, by index. Raises DriverUnavailable while the driver does not answer and never has."""
        with self._lock:
            now = self._clock.now()
            fresh = self._read(now)
            self._known = {**self._known, **fresh}
            self._known = {uuid: self._judged(known, fresh, now) for uuid, known in self._known.items()}
            if not self._known and self._troubles:
                raise DriverHangs(self._timeout_s)
            return tuple(sorted(self._known.values(), key=lambda card: (card.index, card.uuid)))

    def nodes(self) -> tuple[NodeReading, ...]:
        """None: its cards are this host's."""
        return ()

    def close(self) -> None:
        """End the process, and a reading that is under way with it. A later reading starts another one."""
        os.eventfd_write(self._wake, 1)
        with self._lock:
            os.eventfd_read(self._wake)
            self._drop()

    def refusal(self) -> str | None:
        """Only root may set power limits."""
        if os.geteuid() == 0:
            return None
        return "Only root may set power limits, and this engine does not run as root."

    def set_limit(self, gpu: GpuUuid, watts: float) -> None:
        """Set a card's power limit. Raises RcqError with what to do."""
        with self._lock:
            if self._child is None:
                self._read(self._clock.now())
            if self._child is None:
                raise RcqError("The NVIDIA driver does not answer, so no power limit can be set. See rcq gpus.")
            self._asked = self._at.get(gpu)
            try:
                self._child.ask({"do": "limit", "gpu": gpu, "watts": watts}, self._deadline())
                answer = next(line for line in self._child.lines(self._deadline()) if "done" in line)
            except (TooLate, Ended) as error:
                self._blame(crashed=isinstance(error, Ended))
                raise RcqError("The NVIDIA driver did not come back from setting a power limit.") from error
            except Interrupted as error:
                raise RcqError("The driver is being let go of.") from error
            if answer.get("error"):
                raise RcqError(answer["error"])

    # ------------------------------------------------------------ one reading

    def _read(self, now: float) -> dict[GpuUuid, GpuReading]:
        """What could be read. A process that dies is replaced at once; one that hangs has used the time up."""
        fresh: dict[GpuUuid, GpuReading] = {}
        for _ in range(TRIES):
            if self._troubles.driver_left_alone(time.monotonic()) or not self._ready():
                break
            try:
                self._ask(now, fresh)
                break
            except Ended:
                self._blame(crashed=True)
            except TooLate:
                self._blame(crashed=False)
                break
            except Interrupted as error:
                raise RcqError("The driver is being let go of.") from error
        return fresh

    def _ready(self) -> bool:
        """Whether there is a process to ask. Raises DriverUnavailable where none can be started."""
        self._left_behind = [child for child in self._left_behind if not child.dead()]
        if self._child is None and len(self._left_behind) < MOST_LEFT_BEHIND:
            try:
                self._child = self._start(self._wake)
            except OSError as error:
                raise DriverUnavailable(f"No process can be started to read the cards: {error.strerror}.") from error
            self._greeted = False
        return self._child is not None

    def _ask(self, now: float, fresh: dict[GpuUuid, GpuReading]) -> None:
        child, time_now = self._child, time.monotonic()
        if child is None:
            raise Ended
        self._asked = None
        known = {} if self._greeted else {"known": all_packed(self._known.values())}
        skip, last = self._troubles.left_alone(time_now), self._troubles.on_trial(time_now)
        child.ask({"do": "read", "now": now, "skip": skip, "last": last, **known}, time_now + START_S)
        if not self._greeted:
            next(child.lines(time_now + START_S))  # that it is about to ask the driver: from here on time counts
            self._greeted = True
        for line in child.lines(self._deadline()):
            if "ask" in line:
                self._asked = line["ask"]
            elif "cards" in line:
                self._take(line["at"], [unpacked(values) for values in line["cards"]], fresh)
            else:
                self._done(line)
                break

    def _take(self, position: int | None, readings: list[GpuReading], fresh: dict[GpuUuid, GpuReading]) -> None:
        fresh.update((reading.uuid, reading) for reading in readings)
        if position is not None:
            self._at.update((reading.uuid, position) for reading in readings)
            if self._troubles.over(position):
                log.warning("The driver comes back from %s again.", self._name(position))

    def _done(self, line: dict[str, Any]) -> None:
        if self._troubles.over(None):
            log.warning("The NVIDIA driver answers again.")
        if line.get("error"):
            self._drop()  # a library that was not there is looked for by a new process
            raise DriverUnavailable(line["error"])
        if bool(line["gone"]) != self._gone:
            self._gone = bool(line["gone"])
            log.warning("%s", line["gone"][0] if self._gone else "The NVIDIA driver is there again.")
        if self._gone:
            self._replace(at_once=line["gone"][1] in _OTHER_LIBRARY)

    def _replace(self, *, at_once: bool) -> None:
        """Let the next reading start another process, if this one may never see a driver again."""
        now = time.monotonic()
        if self._replaced_at < 0 and not at_once:
            self._replaced_at = now  # the first time it can open the driver itself when that is back
        if now - self._replaced_at >= REPLACE_S:
            self._replaced_at = now
            self._drop()

    def _judged(self, known: GpuReading, fresh: dict[GpuUuid, GpuReading], now: float) -> GpuReading:
        """What to tell of a card. One that is left alone looks lost to the process that does.

        Where nobody can ask at all, that is told of the cards that are not to blame for it.
        """
        read = fresh.get(known.uuid)
        hangs = self._at.get(known.uuid, -1) in self._troubles
        stalls = None in self._troubles or len(self._left_behind) >= MOST_LEFT_BEHIND
        if read is not None and not ((hangs or stalls) and read.fault == "lost"):
            return read
        if hangs or stalls:
            return absent(known, now, "hang" if hangs else "stall")
        return replace(known, xids=())

    # ------------------------------------------------------------ processes that fail

    def _deadline(self) -> float:
        return time.monotonic() + self._timeout_s

    def _blame(self, *, crashed: bool) -> None:
        """The process is worth nothing any more, and what it asked about is to blame."""
        self._drop()
        pause = self._troubles.add(self._asked, time.monotonic(), again_at_once=crashed)
        how = "ended the process that read it" if crashed else f"has not come back for {self._timeout_s:g} s"
        log.error("The NVIDIA driver %s, asked about %s; left alone for %g s.", how, self._name(self._asked), pause)

    def _drop(self) -> None:
        child, self._child = self._child, None
        if child is not None and not child.kill():
            self._left_behind.append(child)
            log.error("Process %d hangs in the driver and cannot be ended; it is left behind.", child.pid)

    def _name(self, position: int | None) -> str:
        if position is None:
            return "the driver as a whole"
        cards = [self._known[uuid] for uuid, at in self._at.items() if at == position and uuid in self._known]
        return ", ".join(f"GPU {card.index} ({card.model})" for card in cards) or f"its card {position}"
