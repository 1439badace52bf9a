"""Quotas as words. Must not know whose they are; light enough for the command line."""

from collections.abc import Mapping
from typing import Any

from rcq_tui.viewmodel.formats import memory
from rcq_tui.viewmodel.text import clean

Quota = Mapping[str, Any]


def described(quota: Quota) -> str:
    """`4 gpus, 2 a100, 64G memory`, or `no limits`."""
    parts = [
        *_counted(quota, "gpus", "gpus"),
        *(f"{limit} {clean(kind)}" for kind, limit in quota["gpus_by_type"].items()),
        *_sized(quota, "gpu_memory_mb", "gpu memory"),
        *_counted(quota, "cpu_cores", "cores"),
        *_sized(quota, "memory_mb", "memory"),
        *_counted(quota, "jobs", "jobs"),
        *([] if quota["gpu_hours"] is None else [f"{quota['gpu_hours']:g} gpu-hours a month"]),
        *_counted(quota, "queued", "queued"),
        *_counted(quota, "submissions_per_minute", "submissions a minute"),
        *_counted(quota, "ingest_per_minute", "ingested a minute"),
        *_sized(quota, "staged_mb", "staged"),
    ]
    return ", ".join(parts) or "no limits"


def _counted(quota: Quota, field: str, noun: str) -> list[str]:
    return [] if quota[field] is None else [f"{quota[field]} {noun}"]


def _sized(quota: Quota, field: str, noun: str) -> list[str]:
    return [] if quota[field] is None else [f"{memory(quota[field])} {noun}"]
