"""Jobs as rows of the `jobs` table, and back.

The columns hold the effective request and everything a listing shows; the JSON text `request` holds the rest, and
what the submitter wrote differently from the effective request. Must not know connections or SQL's verbs.
"""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.lifecycle import LEASED, Cause, JobState
from engine.core.model import AccountName, GpuUuid, GroupKey, GroupName, JobId, Owner, ServiceName, Shape
from engine.core.snapshot import Lease
from engine.ports import KnownJob, NewJob
from engine.protocol.fields import JobFields

COMMAND_LINE_CHARACTERS = 200
"""How much of a command line a listing carries."""

NEW_COLUMNS = (
    "id, state, job_id, name, command_line, request, submitted_at, "
    "account, grp, service, gpus, gpu_type, gpu_memory_mb, gpu_share, cpu_cores, memory_mb, time_limit_s, "
    "priority, preemptible"
)
KNOWN_COLUMNS = (
    "id, state, submitted_at, attempt, boot_id, gpu_uuids, lease_started_at, expected_end, "
    "account, grp, service, priority, preemptible, "
    "gpus, gpu_type, gpu_memory_mb, gpu_share, cpu_cores, memory_mb, time_limit_s"
)
STORED_COLUMNS = (
    "id, job_id, name, account, grp, service, state, cause, exit_code, signal, priority, preemptible, gpus, gpu_type, "
    "gpu_memory_mb, gpu_share, cpu_cores, memory_mb, time_limit_s, command_line, submitted_at, started_at, ended_at, "
    "attempt, gpu_uuids"
)
FIELD_COLUMNS = (
    "job_id, name, grp, service, gpus, gpu_type, gpu_memory_mb, gpu_share, cpu_cores, memory_mb, time_limit_s, "
    "priority, preemptible, request"
)
_EFFECTIVE = (
    "group",
    "service",
    "gpus",
    "gpu_type",
    "gpu_memory_mb",
    "gpu_share",
    "cpu_cores",
    "memory_mb",
    "time_limit_s",
    "priority",
    "preemptible",
)
_PLAIN = re.compile(r"[\w@%+=:,./ -]*", re.ASCII).fullmatch  # what shlex leaves alone, and blanks between words
_SCRIPT_HEAD = 4096  # characters that are searched for a line worth showing
_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(slots=True, frozen=True, kw_only=True)
class StoredJob:
    """A job as the books show it; the request is the effective one, with the engine's defaults filled in.

    command_line: its first 200 characters, for listings. gpu_uuids: the cards it holds or held last.
    fields: what the submitter wrote, where one job was asked for; `None` in listings.
    """

    id: int
    job_id: str | None
    name: str | None
    account: str
    group: str
    service: str | None
    state: JobState
    cause: Cause | None
    exit_code: int | None
    signal: int | None
    priority: int
    preemptible: bool
    gpus: int
    gpu_type: str | None
    gpu_memory_mb: int
    gpu_share: bool
    cpu_cores: int
    memory_mb: int
    time_limit_s: int
    command_line: str
    submitted_at: float
    started_at: float | None
    ended_at: float | None
    attempt: int
    gpu_uuids: tuple[GpuUuid, ...]
    fields: JobFields | None = None


def new_row(number: int, job: NewJob) -> tuple[Any, ...]:
    """The values of NEW_COLUMNS."""
    fields, key = job.fields, job.key
    shape, owner = key.shape, key.owner
    effective = (
        owner.group,
        key.service,
        shape.gpus,
        shape.gpu_type,
        shape.gpu_memory_mb,
        shape.share,
        shape.cpu_cores,
        shape.memory_mb,
        shape.time_limit_s,
        key.priority,
        key.preemptible,
    )
    return (
        number,
        "pending",
        fields.job_id,
        fields.name,
        command_line(fields),
        _encode(_rest(fields, effective)),
        job.submitted_at,
        owner.account,
        *effective,
    )


def command_line(fields: JobFields) -> str:
    """What a listing shows of the command, as a shell would take it, or the first telling line of the script."""
    if fields.script is not None:
        lines = (line.strip() for line in fields.script[:_SCRIPT_HEAD].splitlines())
        text = next((line for line in lines if line and not line.startswith("#")), "")
        return _sendable(text)
    words = [*(fields.command or ()), *fields.args]
    text = " ".join(words)
    if _PLAIN(text) and text.count(" ") == len(words) - 1 and "" not in words:  # nothing to quote: most jobs
        return text[:COMMAND_LINE_CHARACTERS]
    return _sendable(_quoted(words))


def _quoted(words: Sequence[str]) -> str:
    """As many words as a listing shows, each as a shell would take it."""
    shown: list[str] = []
    length = 0
    for word in words:
        if length > COMMAND_LINE_CHARACTERS:
            break
        shown.append(shlex.quote(word[: COMMAND_LINE_CHARACTERS + 1]))
        length += len(shown[-1]) + 1
    return " ".join(shown)


def fields_of(row: Sequence[Any]) -> JobFields:
    """The submitter's request out of FIELD_COLUMNS, exactly as it was given."""
    job_id, name, *effective, request = row
    values = dict(zip(_EFFECTIVE, effective, strict=True))
    values["gpu_share"] = bool(values["gpu_share"])
    values["preemptible"] = bool(values["preemptible"])
    values |= json.loads(request)
    return JobFields(job_id=job_id, name=name, **values)


def stored_of(row: Sequence[Any]) -> StoredJob:
    """STORED_COLUMNS as a value."""
    return StoredJob(
        id=row[0],
        job_id=row[1],
        name=row[2],
        account=row[3],
        group=row[4],
        service=row[5],
        state=JobState(row[6]),
        cause=Cause(row[7]) if row[7] is not None else None,
        exit_code=row[8],
        signal=row[9],
        priority=row[10],
        preemptible=bool(row[11]),
        gpus=row[12],
        gpu_type=row[13],
        gpu_memory_mb=row[14],
        gpu_share=bool(row[15]),
        cpu_cores=row[16],
        memory_mb=row[17],
        time_limit_s=row[18],
        command_line=row[19],
        submitted_at=row[20],
        started_at=row[21],
        ended_at=row[22],
        attempt=row[23],
        gpu_uuids=_gpus(row[24]),
    )


class KnownJobs:
    """KNOWN_COLUMNS as values; equal rows share one GroupKey, so that a million pending jobs stay small."""

    def __init__(self) -> None:
        self._keys: dict[tuple[Any, ...], GroupKey] = {}
        self._states = {str(state): state for state in JobState}

    def of(self, row: tuple[Any, ...]) -> KnownJob:
        """One row. The lease is the one of a `scheduled` or `running` job, else `None`."""
        terms = row[8:]
        key = self._keys.get(terms)
        if key is None:
            key = self._keys[terms] = _key(terms)
        job, state = JobId(str(row[0])), self._states[row[1]]
        return KnownJob(
            job=job,
            key=key,
            state=state,
            submitted_at=row[2],
            attempt=row[3],
            lease=_lease(job, key, row) if state in LEASED else None,
            boot_id=row[4],
        )


def gpu_text(gpus: Sequence[GpuUuid]) -> str:
    """GPU UUIDs as the column holds them."""
    return _encode(gpus)


def _rest(fields: JobFields, effective: tuple[Any, ...]) -> dict[str, Any]:
    """What the columns do not tell."""
    rest: dict[str, Any] = {}
    if fields.command is not None:
        rest["command"] = fields.command
    if fields.script is not None:
        rest["script"] = fields.script
    if fields.args:
        rest["args"] = fields.args
    if fields.workdir is not None:
        rest["workdir"] = fields.workdir
    if fields.environment:
        rest["environment"] = dict(fields.environment)
    if fields.tags:
        rest["tags"] = dict(fields.tags)
    if fields.submitted_at is not None:
        rest["submitted_at"] = fields.submitted_at
    given = (
        fields.group,
        fields.service,
        fields.gpus,
        fields.gpu_type,
        fields.gpu_memory_mb,
        fields.gpu_share,
        fields.cpu_cores,
        fields.memory_mb,
        fields.time_limit_s,
        fields.priority,
        fields.preemptible,
    )
    if given != effective:
        rest |= {name: mine for name, mine, theirs in zip(_EFFECTIVE, given, effective, strict=True) if mine != theirs}
    return rest


def _key(terms: tuple[Any, ...]) -> GroupKey:
    account, group, service, priority, preemptible, gpus, gpu_type, gpu_memory_mb, share, cores, memory, limit = terms
    return GroupKey(
        owner=Owner(account=AccountName(account), group=GroupName(group)),
        service=ServiceName(service) if service is not None else None,
        priority=priority,
        preemptible=bool(preemptible),
        shape=Shape(
            gpus=gpus,
            gpu_type=gpu_type,
            gpu_memory_mb=gpu_memory_mb,
            share=bool(share),
            cpu_cores=cores,
            memory_mb=memory,
            time_limit_s=limit,
        ),
    )


def _lease(job: JobId, key: GroupKey, row: tuple[Any, ...]) -> Lease:
    return Lease(job=job, key=key, gpus=_gpus(row[5]), started_at=row[6], expected_end=row[7])


def _gpus(text: str | None) -> tuple[GpuUuid, ...]:
    return tuple(json.loads(text)) if text is not None else ()


def _sendable(text: str) -> str:
    """Cut to length; half a surrogate pair, which no database text can hold, becomes a question mark."""
    text = text[:COMMAND_LINE_CHARACTERS]
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
