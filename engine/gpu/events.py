"""Xid events: what the driver tells of a card when something went wrong on it, once.

Must not know what an Xid means.
"""

import ctypes
from contextlib import suppress
from typing import Any

import pynvml

from engine.gpu.asking import DRIVER_GONE, told
from engine.gpu.identity import Identity

_MOST = 256
"""So many events are taken in one reading; a driver in a loop of errors must not keep the reader."""
_ALL_INSTANCES = 0xFFFFFFFF


class Events:
    """The events of the cards that were registered, since the last time they were asked for.

    Drivers and cards that have no events tell none.
    """

    def __init__(self) -> None:
        self._set: Any = told(pynvml.nvmlEventSetCreate)
        self._registered: set[int] = set()
        self._told: list[tuple[int, int, int]] = []  # card, instance, Xid

    def register(self, handle: Any) -> None:
        """From now on events of this card are told. Raises NVMLError when the driver or the card is gone."""
        if self._set is None or _address(handle) in self._registered:
            return
        kinds = told(lambda: pynvml.nvmlDeviceGetSupportedEventTypes(handle)) or 0
        if kinds & pynvml.nvmlEventTypeXidCriticalError:
            told(lambda: pynvml.nvmlDeviceRegisterEvents(handle, pynvml.nvmlEventTypeXidCriticalError, self._set))
        self._registered.add(_address(handle))

    def collect(self) -> None:
        """Take what there is, without waiting. Raises NVMLError when the driver is gone."""
        self._told = []
        if self._set is None:
            return
        try:
            for _ in range(_MOST):
                event = pynvml.nvmlEventSetWait_v2(self._set, 0)
                self._told.append((_address(event.device), int(event.gpuInstanceId), int(event.eventData)))
        except pynvml.NVMLError as error:  # mostly that there are no more; a lost card says that it is lost
            if error.value in DRIVER_GONE:
                raise

    def of(self, one: Identity) -> tuple[int, ...]:
        """The Xids that were taken of this card or instance, in order."""
        card = _address(one.card)
        return tuple(
            xid
            for of_card, instance, xid in self._told
            if of_card == card and (one.instance is None or instance in (_ALL_INSTANCES, one.instance))
        )

    def close(self) -> None:
        """No more events."""
        if self._set is not None:
            with suppress(pynvml.NVMLError):  # the driver may be gone already
                pynvml.nvmlEventSetFree(self._set)
            self._set = None


def _address(handle: Any) -> int:
    """What a handle points to names its card, whatever state that is in."""
    return ctypes.cast(handle, ctypes.c_void_p).value or 0
