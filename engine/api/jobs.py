"""Jobs: submit one or a batch, list, show, cancel, hold, release, requeue, edit, why, log."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from engine.api.access import Engine, Who
from engine.api.answers import JobTaken, answer, refuses, takes
from engine.api.body import check_encoding, parse_value, read_body
from engine.api.changes import parse_changes
from engine.api.complaints import wrong
from engine.api.intake import Intake, Parsed, Wish
from engine.api.lines import Line
from engine.api.listings import Listing
from engine.api.model import load_json, parse_line, parse_object
from engine.api.requests import Batch, LogPart, OfArray, Submission
from engine.protocol.errors import Refused
from engine.protocol.fields import size_of
from engine.protocol.responses import ArrayChanged, IngestReport, JobDetail, JobPage, LogChunk, Preview, Why

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
JobNumber = Annotated[int, Path(alias="id", ge=1, le=2**63 - 1)]
_BODY = ("BAD_FORMAT", "BAD_ENCODING", "TOO_LARGE", "UNAUTHENTICATED", "FORBIDDEN", "SERVICE_NOT_READY")
_ONE = refuses("UNAUTHENTICATED", "FORBIDDEN", "JOB_NOT_FOUND")
_STEP = refuses("UNAUTHENTICATED", "FORBIDDEN", "JOB_NOT_FOUND", "INVALID_STATE")


@router.post(
    "",
    status_code=201,
    response_model=JobTaken,
    responses={
        200: {"model": Preview, "description": "With dry_run: it would be taken, and when it would start."},
        **refuses("IMPOSSIBLE_REQUEST", "DUPLICATE_JOB", "QUOTA_EXCEEDED", "RATE_LIMITED", *_BODY),
    },
    openapi_extra=takes("Job"),
)
async def submit(request: Request, engine: Engine, who: Who, asked: Annotated[Submission, Query()]) -> Response:
    """Take one job in, or a whole array; it is on disk when this answers. With `dry_run`, only say what would be."""
    fields = parse_line(await read_body(request))
    if isinstance(fields, Refused):
        raise fields
    if asked.dry_run:
        return answer(await engine.jobs.preview(who, fields))
    (outcome,) = await engine.jobs.submit(who, [fields])
    if isinstance(outcome, Refused):
        raise outcome
    size = size_of(fields)
    return answer(JobTaken(id=outcome, count=size, last_id=outcome + size - 1), 201)


@router.post("/batch", response_model=IngestReport, responses=refuses(*_BODY), openapi_extra=takes("Batch"))
async def submit_batch(request: Request, engine: Engine, who: Who, asked: Annotated[Submission, Query()]) -> Response:
    """Take the good jobs of a list in; each bad one is an error whose `line` is its place, from 1."""
    jobs = await asyncio.to_thread(_jobs_of, await read_body(request))
    intake = Intake(engine.jobs, who, Wish(dry_run=asked.dry_run), lambda _: None)
    size = engine.limits.ingest_batch_lines
    for at in range(0, len(jobs), size):
        await intake.settle(await asyncio.to_thread(_parsed, jobs[at : at + size], at + 1))
    return answer(intake.report)


@router.get("", response_model=JobPage, responses=refuses("UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "JOB_NOT_FOUND"))
async def listing(engine: Engine, who: Who, asked: Annotated[Listing, Query()]) -> Response:
    """A page of jobs, newest first (waiting ones alone: next first); other people's are redacted."""
    if asked.mine and asked.account not in {None, who.account}:
        raise wrong("account", f"mine=1 means account={who.account}; leave one of the two out")
    query = asked.to_query(who.account if asked.mine else asked.account)
    return answer(await engine.jobs.page(who, query))


@router.get("/{id}", response_model=JobDetail, responses=_ONE)
async def show(engine: Engine, who: Who, job: JobNumber) -> Response:
    """Everything the caller may see of one job."""
    return answer(await engine.jobs.show(who, job))


@router.delete("/{id}", response_model=JobDetail | ArrayChanged, responses=_STEP)
async def cancel(engine: Engine, who: Who, job: JobNumber, asked: Annotated[OfArray, Query()]) -> Response:
    """Cancel it, waiting or running; a running one gets its grace. With `elements`: those of its array."""
    if (indices := asked.indices) is not None:
        return answer(await engine.jobs.change_array(who, job, "cancel", indices))
    return answer(await engine.jobs.cancel(who, job))


@router.post("/{id}/hold", response_model=JobDetail | ArrayChanged, responses=_STEP)
async def hold(engine: Engine, who: Who, job: JobNumber, asked: Annotated[OfArray, Query()]) -> Response:
    """Keep a pending job from starting. With `elements`: those of its array."""
    if (indices := asked.indices) is not None:
        return answer(await engine.jobs.change_array(who, job, "hold", indices))
    return answer(await engine.jobs.hold(who, job))


@router.post("/{id}/release", response_model=JobDetail | ArrayChanged, responses=_STEP)
async def release(engine: Engine, who: Who, job: JobNumber, asked: Annotated[OfArray, Query()]) -> Response:
    """Let a held job go on. With `elements`: those of its array."""
    if (indices := asked.indices) is not None:
        return answer(await engine.jobs.change_array(who, job, "release", indices))
    return answer(await engine.jobs.release(who, job))


@router.post("/{id}/requeue", response_model=JobDetail, responses=_STEP)
async def requeue(engine: Engine, who: Who, job: JobNumber) -> Response:
    """Run it again as its next attempt, stopping it first if it runs."""
    return answer(await engine.jobs.requeue(who, job))


@router.patch(
    "/{id}",
    response_model=JobDetail,
    responses=refuses("JOB_NOT_FOUND", "INVALID_STATE", "IMPOSSIBLE_REQUEST", "QUOTA_EXCEEDED", *_BODY),
    openapi_extra=takes("Job"),
)
async def edit(request: Request, engine: Engine, who: Who, job: JobNumber) -> Response:
    """Change fields of its request before it starts; `null`: back to the default. It keeps its id and its place."""
    return answer(await engine.jobs.edit(who, job, parse_changes(await read_body(request))))


@router.get("/{id}/why", response_model=Why, responses=_ONE)
async def why(engine: Engine, who: Who, job: JobNumber) -> Response:
    """Why it does not start yet, and where it stands."""
    return answer(await engine.jobs.why(who, job))


@router.get("/{id}/log", response_model=LogChunk, responses=_ONE)
async def log(engine: Engine, who: Who, job: JobNumber, part: Annotated[LogPart, Query()]) -> Response:
    """A piece of its output."""
    return answer(await engine.jobs.log(who, job, part.stream, part.offset, part.limit))


def _jobs_of(body: bytes) -> list[object]:
    text = check_encoding(body)
    try:
        value = load_json(text)
    except (ValueError, RecursionError) as error:
        raise Refused("BAD_FORMAT", f"This is not JSON: {error}.") from None
    return parse_value(Batch, value).jobs


def _parsed(jobs: Sequence[object], first: int) -> list[Parsed]:
    parsed: list[Parsed] = []
    for number, job in enumerate(jobs, first):
        key = job.get("job_id") if isinstance(job, dict) else None
        parsed.append((Line(number, b""), parse_object(job), key if isinstance(key, str) else None))
    return parsed
