"""Calls that take jobs in as the API has them, one or many. Must not know how a call travels."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from engine.protocol.responses import IngestReport, Preview


class BulkCalls(Protocol):
    """Jobs as mappings of fields, in any accepted spelling."""

    async def submit_as(self, job: Mapping[str, Any]) -> range:
        """Submit one job, or an array: the ids of its elements. The engine judges the fields."""
        ...

    async def submit_batch(self, jobs: Sequence[Mapping[str, Any]]) -> IngestReport:
        """Submit the good ones; each bad one is an error whose `line` is its place, from 1."""
        ...

    async def preview_as(self, job: Mapping[str, Any]) -> Preview:
        """What would become of such a job if it were submitted now; nothing is taken."""
        ...
