"""Words for a job's files that are gone. Light enough for the command line."""

from collections.abc import Mapping
from typing import Any

from rcq_tui.viewmodel.formats import exact

_WHY = {"age": "as its end was long ago", "fetched": "as its results had been fetched"}


def files_removed(job: Mapping[str, Any]) -> str:
    """`were removed 2026-11-22 08:00:00, as its end was long ago`; empty while they are there."""
    at = job.get("files_removed_at")
    if at is None:
        return ""
    why = _WHY.get(str(job.get("files_removed_why")))
    return f"were removed {exact(at)}" + (f", {why}" if why else "")
