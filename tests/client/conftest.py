"""A scripted engine with rows of jobs, for the client of Python programs."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.protocol.people import Me
from engine.protocol.responses import IngestReport, JobDetail
from rcq_tui.client.fake import FakeApi

WITHIN_S = 30.0


def row(number: int, **what: Any) -> JobDetail:
    """One pending job of ada's unless told otherwise."""
    blank: dict[str, Any] = {
        "id": number, "job_id": None, "name": f"job-{number}", "account": "ada", "group": "vision", "service": None,
        "state": "pending", "cause": None, "exit_code": None, "signal": None, "priority": 5, "gpus": 1,
        "gpu_type": None, "gpu_memory_mb": 0, "gpu_share": False, "cpu_cores": 4, "memory_mb": 16_384,
        "time_limit_s": 7200, "preemptible": False, "command_line": "python train.py", "submitted_at": 1000.0,
        "started_at": None, "ended_at": None, "attempt": 0, "gpu_indices": [],
    }  # fmt: skip
    return JobDetail(**(blank | what))


class Engine(FakeApi):
    """The scripted engine. keys: it takes batches in for good, as the real one does; jobs get ids from 100 on."""

    def __init__(self, *jobs: JobDetail) -> None:
        super().__init__(
            me=Me(account="ada", group="vision", role="user", via="token"),
            gpus=[],
            jobs=list(jobs),
            stats=None,  # type: ignore[arg-type]  # nobody asks
        )
        self.batches: list[list[dict[str, Any]]] = []
        self.before: Callable[[int], None] = lambda _number: None
        self.after: Callable[[int], None] = lambda _number: None
        self.refuses: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _job: None

    async def submit_batch(self, jobs: Any) -> IngestReport:
        """Takes what `refuses` has nothing against; before, after: called with the number of the batch; may raise."""
        self.batches.append([dict(job) for job in jobs])
        number = len(self.batches)
        self.before(number)
        report = IngestReport()
        keys = {job.job_id: job.id for job in self.rows.values()}
        for line, job in enumerate(jobs, 1):
            error = self.refuses(job)
            if job["job_id"] in keys:
                known = [{"field": "job_id", "message": "is there", "id": keys[job["job_id"]]}]
                error = {"code": "DUPLICATE_JOB", "message": "is there", "details": known}
            if error is not None:
                report.rejected += 1
                report.errors.append({"line": line, "job_id": job["job_id"], "details": [], **error})
                continue
            made = max([99, *self.rows]) + 1
            self.rows[made] = row(made, job_id=job["job_id"], tags=job.get("tags", {}))
            report.accepted += 1
            report.first_id, report.last_id = report.first_id or made, made
        self.after(number)
        return report

    def end(self, job: int, state: str = "completed", **what: Any) -> None:
        """The job ends, and whoever listens hears of it."""
        self.change(job, state=state, exit_code=0 if state == "completed" else 1, ended_at=2000.0, **what)

    def asked(self, name: str) -> list[Any]:
        """The calls of this name."""
        return [call for call in self.calls if call[0] == name]


@pytest.fixture
def rows() -> Callable[..., JobDetail]:
    return row


@pytest.fixture
def engine() -> Callable[..., Engine]:
    return Engine


@pytest.fixture
def until() -> Callable[..., Any]:
    async def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            await asyncio.sleep(0.005)

    return wait
