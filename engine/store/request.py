"""A job's request as columns and JSON text, and back.

The columns hold the effective request; the JSON text `request` holds the rest, and what the submitter wrote
differently from the effective request. Must not know connections or SQL's verbs.
"""

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from operator import attrgetter
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from engine.bookkeeping import NewJob
from engine.core.model import GroupKey
from engine.protocol.fields import AdoptedFields, After, ElementFields, JobFields, StagedFile
from engine.protocol.snapshots import Snapshot

COMMAND_LINE_CHARACTERS = 200
"""How much of a command line a listing carries."""

NEW_COLUMNS = (
    "id, state, job_id, name, command_line, request, submitted_at, "
    "account, grp, service, gpus, gpu_type, gpu_memory_mb, gpu_share, cpu_cores, memory_mb, time_limit_s, "
    "priority, preemptible, gpu_power_w, anywhere"
)
FIELD_COLUMNS = (
    "job_id, name, grp, service, gpus, gpu_type, gpu_memory_mb, gpu_share, cpu_cores, memory_mb, time_limit_s, "
    "priority, preemptible, gpu_power_w, anywhere, array_parent, array_index, "
    "CASE request WHEN '' THEN (SELECT arrays.request FROM arrays WHERE arrays.parent = array_parent) ELSE request END"
)
OF_SCRIPT = "#"
SHARED = ""
"""The request of an element that has none of its own: it is its array's, in the table `arrays`."""

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
    "gpu_power_w",
    "anywhere",
)
_PLAIN = re.compile(r"[\w@%+=:,./ -]*", re.ASCII).fullmatch  # what shlex leaves alone, and blanks between words
_SCRIPT_HEAD = 4096  # characters that are searched for a line worth showing
_escape = json.JSONEncoder(separators=(",", ":")).encode


def new_row(number: int, job: NewJob) -> tuple[Any, ...]:
    """The values of NEW_COLUMNS."""
    return _row(number, job, _effective(job.key))


def new_rows(first: int, jobs: Iterable[NewJob]) -> list[tuple[Any, ...]]:
    """The same for many, numbered from `first`. Jobs with the very same key share its part."""
    known: dict[int, tuple[Any, ...]] = {}
    rows: list[tuple[Any, ...]] = []
    for number, job in enumerate(jobs, first):
        effective = known.get(id(job.key))
        if effective is None:
            effective = known[id(job.key)] = _effective(job.key)
        rows.append(_row(number, job, effective))
    return rows


def _effective(key: GroupKey) -> tuple[Any, ...]:
    """The values of _EFFECTIVE."""
    shape, owner = key.shape, key.owner
    return (
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
        shape.gpu_power_w,
        key.anywhere,
    )


def _row(number: int, job: NewJob, effective: tuple[Any, ...]) -> tuple[Any, ...]:
    fields = job.fields
    return (
        number,
        "pending",
        fields.job_id,
        fields.name,
        command_line(fields),
        _encode(_rest(fields, effective)),
        job.submitted_at,
        job.key.owner.account,
        *effective,
    )


def command_line(fields: JobFields) -> str:
    """What a listing shows of the command, as a shell would take it, or the first telling line of the script.

    That is behind `OF_SCRIPT`, which begins no command: scripts are for fewer eyes than commands.
    """
    if fields.script is not None:
        lines = (line.strip() for line in fields.script[:_SCRIPT_HEAD].splitlines())
        text = next((line for line in lines if line and not line.startswith("#")), "")
        return OF_SCRIPT + _sendable(text)
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
    job_id, name, *effective, array_parent, array_index, request = row
    values = dict(zip(_EFFECTIVE, effective, strict=True))
    values["gpu_share"] = bool(values["gpu_share"])
    values["preemptible"] = bool(values["preemptible"])
    values["anywhere"] = bool(values["anywhere"])
    values |= json.loads(request)
    if "after" in values:
        values["after"] = [After(id=number, when=when) for number, when in values["after"]]
    if "files" in values:
        values["files"] = [StagedFile(name=one[0], upload=one[1], executable=one[2]) for one in values["files"]]
    if "snapshot" in values:
        values["snapshot"] = Snapshot(**values["snapshot"])
    if "adopted_pid" in values:
        return AdoptedFields(job_id=job_id, name=name, **values)
    if array_parent is None:
        return JobFields(job_id=job_id, name=name, **values)
    return ElementFields(job_id=job_id, name=name, **values, array_parent=array_parent, array_index=array_index)


_TOLD = ("script", "workdir", "image", "foreground", "array", "submitted_at", "redo_of")
"""Fields that are told when they are not `None`."""
_FILLED = ("retries", "idle_ok")
"""Fields that are told when they are not empty."""
_given = attrgetter(*_EFFECTIVE[1:])
_rare = attrgetter(*_TOLD, *_FILLED, "after", "begin", "cron", "files", "snapshot")
_NONE_RARE = _rare(JobFields())


def _rest(fields: JobFields, effective: tuple[Any, ...]) -> dict[str, Any]:
    """What the columns do not tell."""
    rest: dict[str, Any] = {} if _rare(fields) == _NONE_RARE else _rest_of_rare(fields)
    if fields.command is not None:
        rest["command"] = fields.command
    if fields.args:
        rest["args"] = fields.args
    if fields.environment:
        rest["environment"] = dict(fields.environment)
    if fields.tags:
        rest["tags"] = dict(fields.tags)
    if isinstance(fields, AdoptedFields):
        rest |= {"adopted_pid": fields.adopted_pid, "adopted_start": fields.adopted_start}
    if fields.group != effective[0]:  # for nearly all jobs: they leave the group out
        rest["group"] = fields.group
    given = _given(fields)
    if given != effective[1:]:
        pairs = zip(_EFFECTIVE[1:], given, effective[1:], strict=True)
        rest |= {name: mine for name, mine, theirs in pairs if mine != theirs}
    return rest


def _rest_of_rare(fields: JobFields) -> dict[str, Any]:
    """What few jobs have."""
    rest: dict[str, Any] = {name: value for name in _TOLD if (value := getattr(fields, name)) is not None}
    rest |= {name: value for name in _FILLED if (value := getattr(fields, name))}
    if fields.after or fields.begin is not None or fields.cron is not None:
        rest |= _gate(fields)
    if fields.files:
        rest["files"] = [[one.name, one.upload, one.executable] for one in fields.files]
    if fields.snapshot is not None:
        rest["snapshot"] = asdict(fields.snapshot)
    return rest


def _gate(fields: JobFields) -> dict[str, Any]:
    """What the job waits for, as it was given."""
    after = [[one.id, one.when] for one in fields.after]
    given = {"after": after or None, "begin": fields.begin, "cron": fields.cron}
    return {name: value for name, value in given.items() if value is not None}


def _encode(value: dict[str, Any]) -> str:
    """JSON text; the fast encoder of the two cannot escape half a surrogate pair."""
    try:
        return to_json(value).decode()
    except PydanticSerializationError:
        return _escape(value)


def _sendable(text: str) -> str:
    """Cut to length; half a surrogate pair, which no database text can hold, becomes a question mark."""
    text = text[:COMMAND_LINE_CHARACTERS]
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
