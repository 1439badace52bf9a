"""Calls about jobs over the engine's socket. Must not know screens."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import httpx

from engine.protocol.errors import Unreachable
from engine.protocol.fields import JobFields
from engine.protocol.responses import ArrayChanged, JobDetail, JobPage, LogChunk, Preview, Why
from rcq_tui.client.calls.jobs import JobsWanted
from rcq_tui.client.decode import decode
from rcq_tui.client.download import Arriving, NotWhole
from rcq_tui.client.transport import LARGE_TIMEOUT, Transport, refused


class JobsApi(Transport):
    """Jobs: submit, look, change."""

    async def submit(self, job: JobFields) -> int:
        """Submit one job: its id. Fields left at their defaults are not sent."""
        answer = await self._call("POST", "/v1/jobs", body=_given(job))
        return int(answer["id"])

    async def jobs(self, wanted: JobsWanted) -> JobPage:
        """A page of jobs."""
        query = {
            "state": ",".join(wanted.states) or None,
            "account": wanted.account,
            "group": wanted.group,
            "mine": "1" if wanted.mine else None,
            "limit": str(wanted.limit),
            "cursor": wanted.cursor,
            "search": wanted.search or None,
            "sort": wanted.sort if wanted.sort != "queue" else None,
            "order": wanted.order if wanted.order != "asc" else None,
            "fold": "1" if wanted.fold else None,
            "ids": ",".join(map(str, wanted.ids)) or None,
        }
        return decode(JobPage, await self._call("GET", "/v1/jobs", query=query))

    async def job(self, job: int) -> JobDetail:
        """One job."""
        return decode(JobDetail, await self._call("GET", f"/v1/jobs/{job}"))

    async def why(self, job: int) -> Why:
        """Why it is where it is."""
        return decode(Why, await self._call("GET", f"/v1/jobs/{job}/why"))

    async def cancel(self, job: int) -> JobDetail:
        """End it."""
        return decode(JobDetail, await self._call("DELETE", f"/v1/jobs/{job}"))

    async def hold(self, job: int) -> JobDetail:
        """Keep it from starting."""
        return decode(JobDetail, await self._call("POST", f"/v1/jobs/{job}/hold"))

    async def release(self, job: int) -> JobDetail:
        """Let it go on."""
        return decode(JobDetail, await self._call("POST", f"/v1/jobs/{job}/release"))

    async def log(self, job: int, stream: str, offset: int, limit: int) -> LogChunk:
        """A piece of `stdout` or `stderr`; a negative offset counts from the end."""
        query = {"stream": stream, "offset": str(offset), "limit": str(limit)}
        return decode(LogChunk, await self._call("GET", f"/v1/jobs/{job}/log", query=query))

    async def results(self, job: int, to: Path) -> int:
        """Fetch what it left, as a ZIP that is `to` once all of it is there: its bytes."""
        path = f"/v1/jobs/{job}/results"
        with Arriving(str(to)) as file:
            try:
                async with self._http.stream("GET", path, headers=self._headers(), timeout=LARGE_TIMEOUT) as answer:
                    if answer.status_code >= 400:
                        await answer.aread()
                        raise refused(answer)
                    async for piece in answer.aiter_raw():
                        await asyncio.to_thread(file.write, piece)
                file.keep()
            except NotWhole:
                raise Unreachable(f"The results of job {job} broke off. Fetch them again.") from None
            except (httpx.TransportError, httpx.StreamError) as lost:
                raise self._unreachable(lost) from lost
        return file.size

    async def preview(self, job: JobFields) -> Preview:
        """What would become of a job if it were submitted now."""
        return decode(Preview, await self._call("POST", "/v1/jobs", query={"dry_run": "1"}, body=_given(job)))

    async def requeue(self, job: int) -> JobDetail:
        """Run it again as its next attempt."""
        return decode(JobDetail, await self._call("POST", f"/v1/jobs/{job}/requeue"))

    async def edit(self, job: int, changes: Mapping[str, Any]) -> JobDetail:
        """Change fields of its request before it starts."""
        return decode(JobDetail, await self._call("PATCH", f"/v1/jobs/{job}", body=changes))

    async def redo(self, job: int) -> int:
        """Submit the same request with the same files and code again."""
        answer = await self._call("POST", f"/v1/jobs/{job}/redo")
        return int(answer["id"])

    async def diff(self, job: int) -> str:
        """What its captured code had that its commit has not."""
        return await self._text("GET", f"/v1/jobs/{job}/diff")

    async def change_array(self, job: int, step: str, elements: str) -> ArrayChanged:
        """Cancel, hold or release elements of its array."""
        method, path = ("DELETE", "") if step == "cancel" else ("POST", f"/{step}")
        return decode(ArrayChanged, await self._call(method, f"/v1/jobs/{job}{path}", query={"elements": elements}))


_BLANK = JobFields()


def _given(job: JobFields) -> dict[str, Any]:
    plain = asdict(job)
    return {one.name: plain[one.name] for one in fields(job) if getattr(job, one.name) != getattr(_BLANK, one.name)}
