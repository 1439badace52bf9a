"""Calls that take jobs in as the API has them, over the engine's socket. Must not know screens."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.protocol.responses import IngestReport, Preview
from rcq_tui.client.decode import decode
from rcq_tui.client.transport import LARGE_TIMEOUT, Transport


class BulkApi(Transport):
    """Jobs as mappings of fields, in any accepted spelling."""

    async def submit_as(self, job: Mapping[str, Any]) -> range:
        """Submit one job, or an array: the ids of its elements."""
        answer = await self._call("POST", "/v1/jobs", body=job)
        first = int(answer["id"])
        return range(first, first + int(answer["count"]))

    async def submit_batch(self, jobs: Sequence[Mapping[str, Any]]) -> IngestReport:
        """Submit the good ones; each bad one is an error whose `line` is its place, from 1."""
        answer = await self._call("POST", "/v1/jobs/batch", body={"jobs": list(jobs)}, bounds=LARGE_TIMEOUT)
        return decode(IngestReport, answer)

    async def preview_as(self, job: Mapping[str, Any]) -> Preview:
        """What would become of such a job if it were submitted now."""
        return decode(Preview, await self._call("POST", "/v1/jobs", query={"dry_run": "1"}, body=job))
