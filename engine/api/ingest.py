"""POST /v1/ingest: a file of any length, taken in while it arrives."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from engine.api.access import Engine, Who, still
from engine.api.answers import answer, refuses, takes
from engine.api.body import patiently
from engine.api.bounds import bounds_of
from engine.api.formats import Csv, Format, Keyed, Ndjson
from engine.api.intake import Intake, Wish, take_in
from engine.api.outbox import LiveAnswer, Outbox
from engine.api.pacing import until_gone
from engine.api.peer import talk_of
from engine.api.requests import Ingestion
from engine.protocol.responses import IngestReport

router = APIRouter(prefix="/v1", tags=["ingest"])


@router.post(
    "/ingest",
    response_model=IngestReport,
    responses={
        200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}, "description": "What became of it."},
        **refuses("BAD_FORMAT", "BAD_ENCODING", "TOO_LARGE", "UNAUTHENTICATED", "RATE_LIMITED"),
    },
    openapi_extra=takes("JobLines", "application/octet-stream", required=False),
)
async def ingest(request: Request, engine: Engine, who: Who, asked: Annotated[Ingestion, Query()]) -> Response:
    """Take the good lines in, whatever the bad ones hold.

    Answers with the report. With `all_errors`, `progress` or `wait` it is `application/x-ndjson` instead: a line for
    each error (with its `input`), a `{"progress": …}` line for each batch, a `{"waiting": …}` line while lines are held
    back by their limit a minute, and `{"report": …}` as the last line.
    """
    limits = engine.limits
    form: Format = Csv(limits.line_bytes) if asked.format == "csv" else Ndjson(limits.line_bytes)
    form = Keyed(form) if asked.resume else form
    wish = Wish(
        dry_run=asked.dry_run,
        all_errors=asked.all_errors,
        progress=asked.progress,
        wait=asked.wait,
        resume=asked.resume,
    )
    outbox = Outbox()

    def tell(told: dict[str, Any]) -> None:
        outbox.tell(form.mendable(told) if "input" in told else told)

    talk, idle_s = talk_of(request.scope), bounds_of(request).stream_idle_s
    let_in = partial(still, request)
    intake = Intake(engine.jobs, who, wish, tell, rest=partial(until_gone, talk.gone), let_in=let_in)

    async def work() -> None:
        with request.app.state.uploads.within(who.account, bounds_of(request).uploads_per_account):
            talk.patient = True
            with engine.metrics.counted(intake.report):
                await take_in(patiently(request, idle_s), form, limits.ingest_batch_lines, intake)

    async def work_and_tell() -> None:
        await work()
        intake.finish()

    if wish.all_errors or wish.progress or wish.wait:
        return LiveAnswer(work_and_tell, outbox)
    await work()
    return answer(intake.report)
