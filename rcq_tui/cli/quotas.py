"""Quotas as options and as words, for `rcq account`, `rcq group` and `rcq service`.

A quota crosses the wire whole: what is not named keeps its old value here. Must not know whose it is.
"""

import argparse
from collections.abc import Callable
from typing import Any

from rcq_tui.cli.options import pair
from rcq_tui.viewmodel.units import amount, mebibytes, whole

Quota = dict[str, Any]

NONE = "none"
"""Written for a limit, it takes the limit away."""

_FIELDS = {
    "quota_gpus": "gpus",
    "quota_gpu_memory": "gpu_memory_mb",
    "quota_cores": "cpu_cores",
    "quota_memory": "memory_mb",
    "quota_jobs": "jobs",
    "quota_gpu_hours": "gpu_hours",
    "quota_queued": "queued",
    "quota_submissions": "submissions_per_minute",
    "quota_ingest": "ingest_per_minute",
    "quota_staged": "staged_mb",
}


def add_quota(to: argparse.ArgumentParser, *, staged: bool = True) -> None:
    """The options; each takes `none` too. staged: whether staged files are limited, as a service's are not."""
    quota = to.add_argument_group("limits (`none` takes one away)")
    for option, kind, read, about in (
        ("gpus", "N", _count, "held at once"),
        ("gpu-memory", "SIZE", _size, "held at once"),
        ("cores", "N", _count, "held at once"),
        ("memory", "SIZE", _size, "of the host, held at once"),
        ("jobs", "N", _count, "running at once"),
        ("gpu-hours", "X", _hours, "in a calendar month (UTC)"),
        ("queued", "N", _count, "jobs waiting at once"),
        ("submissions", "N", _count, "jobs submitted in a minute"),
        ("ingest", "N", _count, "jobs ingested in a minute"),
        *([("staged", "SIZE", _size, "files staged for jobs, while they are kept")] if staged else []),
    ):
        dest = f"quota_{option.replace('-', '_')}"
        quota.add_argument(f"--{option}", metavar=kind, type=read, dest=dest, help=about)
    quota.add_argument("--gpus-of", metavar="TYPE=N", type=_of_type, action="append", default=[], help="repeat")


def changed(options: argparse.Namespace, old: Quota) -> Quota | None:
    """The whole new quota, or `None` if no limit was named."""
    given = {field: getattr(options, option, None) for option, field in _FIELDS.items()}
    named = {field: value for field, value in given.items() if value is not None}
    if not named and not options.gpus_of:
        return None
    by_type = {**old.get("gpus_by_type", {}), **dict(options.gpus_of)}
    new = {**old, **named, "gpus_by_type": by_type}
    return {
        field: {kind: limit for kind, limit in value.items() if limit != NONE} if isinstance(value, dict) else value
        for field, value in new.items()
        if value not in (None, NONE)
    }


def _or_none(read: Callable[[str], float]) -> Callable[[str], float | str]:
    def reader(text: str) -> float | str:
        if text == NONE:
            return NONE
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{error}, or none") from error

    return reader


_count = _or_none(whole)
_hours = _or_none(amount)
_size = _or_none(mebibytes)


def _of_type(text: str) -> tuple[str, float | str]:
    kind, limit = pair(text)
    return kind.lower(), _count(limit)
