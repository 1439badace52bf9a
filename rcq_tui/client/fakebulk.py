"""The scripted engine takes jobs in as the API has them. Must not know screens."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.protocol.responses import IngestReport, Preview
from rcq_tui.client.fakescript import Script


class FakeBulk(Script):
    """Jobs as mappings of fields."""

    async def submit_as(self, job: Mapping[str, Any]) -> range:
        """Submit as announced; the announced answer is the ids."""
        taken: range = self._scripted("submit_as", dict(job))
        return taken

    async def submit_batch(self, jobs: Sequence[Mapping[str, Any]]) -> IngestReport:
        """Submit as announced; the announced answer is the report."""
        report: IngestReport = self._scripted("submit_batch", [dict(job) for job in jobs])
        return report

    async def preview_as(self, job: Mapping[str, Any]) -> Preview:
        """As announced."""
        preview: Preview = self._scripted("preview_as", dict(job))
        return preview
