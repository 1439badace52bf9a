"""A job's captured code as strangers name it.

Pure. Must not know HTTP, whether an upload exists, nor what is in it.
"""

from collections.abc import Mapping
from typing import Any

from engine.api.complaints import wrong
from engine.protocol.errors import Refused
from engine.protocol.snapshots import Snapshot


def read_snapshot(given: Mapping[str, Any], job: Mapping[str, Any]) -> Snapshot | Refused:
    """The captured code that was given, or what is wrong with it. job: the other fields."""
    if "workdir" in job:
        return wrong("workdir", "cannot be given with a snapshot, in which the job runs; leave one of the two out")
    steps = given.get("subdir", "").split("/")
    if steps != [""] and any(step in {"", ".", ".."} for step in steps):
        return wrong("snapshot.subdir", "must lead straight to a directory: without empty parts, . and ..")
    return Snapshot(**given)
