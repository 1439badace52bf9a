"""A job again as a new one, and the difference of its code to the commit."""

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from engine.api.access import Engine, Who
from engine.api.answers import JobTaken, answer, refuses
from engine.api.jobs import JobNumber

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.post(
    "/{id}/redo",
    status_code=201,
    response_model=JobTaken,
    responses=refuses(
        "UNAUTHENTICATED",
        "FORBIDDEN",
        "JOB_NOT_FOUND",
        "INVALID_STATE",
        "IMPOSSIBLE_REQUEST",
        "QUOTA_EXCEEDED",
        "RATE_LIMITED",
        "SERVICE_NOT_READY",
    ),
)
async def redo(engine: Engine, who: Who, job: JobNumber) -> Response:
    """Submit the same request again, with the same files and code. It waits for nothing; its owner alone may."""
    number = await engine.redo.redo(who, job)
    return answer(JobTaken(id=number, count=1, last_id=number), 201)


@router.get(
    "/{id}/diff",
    response_class=Response,
    responses={
        200: {
            "content": {"text/x-diff": {"schema": {"type": "string"}}},
            "description": "As `git apply` takes it.",
        },
        **refuses("UNAUTHENTICATED", "FORBIDDEN", "JOB_NOT_FOUND", "NOT_FOUND", "INVALID_STATE", "SERVICE_NOT_READY"),
    },
)
async def diff(engine: Engine, who: Who, job: JobNumber) -> Response:
    """What its code had at submission that the commit has not."""
    return FileResponse(await engine.redo.diff(who, job), media_type="text/x-diff; charset=utf-8")
