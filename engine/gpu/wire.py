"""Readings as JSON, between the process that asks the driver and the one that wants to know.

Must not know either of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from engine.readings import GpuProcess, GpuReading

_DEFAULTS: tuple[tuple[str, Any], ...] = tuple(
    (one.name, {} if one.name == "links" else one.default) for one in fields(GpuReading)
)


def packed(reading: GpuReading) -> dict[str, Any]:
    """What differs from a reading's defaults."""
    values = {name: value for name, default in _DEFAULTS if (value := getattr(reading, name)) != default}
    if reading.processes is not None:
        values["processes"] = [(one.pid, one.memory_mb, one.graphics) for one in reading.processes]
    return values


def unpacked(values: Mapping[str, Any]) -> GpuReading:
    """The reading that was packed."""
    whole = dict(values)
    for name in ("throttle", "xids", "nodes"):
        if name in whole:
            whole[name] = tuple(whole[name])
    if "processes" in whole:
        whole["processes"] = tuple(
            GpuProcess(pid=pid, memory_mb=memory_mb, graphics=graphics)
            for pid, memory_mb, graphics in whole["processes"]
        )
    return GpuReading(**whole)


def all_packed(readings: Iterable[GpuReading]) -> list[dict[str, Any]]:
    """Each of them."""
    return [packed(reading) for reading in readings]
