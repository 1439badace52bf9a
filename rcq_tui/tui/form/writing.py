"""A job's fields to texts of the submit form, and what an edited form changes. Pure. Must not know widgets."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from engine.protocol.fields import After, JobFields
from engine.protocol.responses import JobDetail
from rcq_tui.tui.form.questions import QUESTIONS, TICK, TICKED

_BLANK = JobFields()
_NOT_AGAIN = ("job_id", "files", "snapshot", "submitted_at", "redo_of")
"""Of a job that is once more: what names the first for good, and what was sent along with it."""


def fields_of(job: JobDetail, now: float) -> JobFields:
    """The request of a job as that of another one like it; a time to begin that has passed is left out."""
    names = {one.name for one in fields(JobFields)} & {one.name for one in fields(JobDetail)}
    given = {name: getattr(job, name) for name in sorted(names) if name not in _NOT_AGAIN}
    given["after"] = [After(id=int(one["id"]), when=str(one.get("when", "ok"))) for one in job.after]
    if job.begin is not None and job.begin <= now:
        given["begin"] = None
    return JobFields(**given)


def texts_of(job: JobFields) -> dict[str, str]:
    """What the form would hold, for every question; reading it gives the same job, its command as bash reads it."""
    return {one.field: _text(one.field, one.kind, job) for one in QUESTIONS}


def _text(field: str, kind: str, job: JobFields) -> str:
    given = getattr(job, field)
    if field == "script":
        return given or (shlex.join(job.command) if job.command else "")
    if kind == TICK:
        return TICKED if given else ""
    if given is None:
        return ""
    writer = _WRITERS.get(field)
    return str(given) if writer is None else writer(given)


def size_text(mebibytes: int) -> str:
    """`16G`, `512M`; empty for none."""
    if mebibytes % 1024 == 0:
        return f"{mebibytes // 1024}G" if mebibytes else ""
    return f"{mebibytes}M"


def time_text(seconds: int) -> str:
    """`2h30m`, to the second."""
    parts, rest = [], seconds
    for unit, letter in ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        whole, rest = divmod(rest, unit)
        if whole:
            parts.append(f"{whole}{letter}")
    return "".join(parts) or "0s"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="minutes" if at % 60 == 0 else "seconds")


def _after(those: list[After]) -> str:
    return ", ".join(str(one.id) if one.when == "ok" else f"{one.id}:{one.when}" for one in those)


def _pairs(between: str) -> Callable[[Mapping[str, str]], str]:
    def writer(pairs: Mapping[str, str]) -> str:
        return between.join(f"{name}={shlex.quote(told) if told else ''}" for name, told in pairs.items())

    return writer


def _more_than_none(number: int) -> str:
    return str(number) if number else ""


_WRITERS: dict[str, Callable[[Any], str]] = {
    "gpu_memory_mb": size_text,
    "memory_mb": size_text,
    "time_limit_s": time_text,
    "args": shlex.join,
    "after": _after,
    "begin": _moment,
    "retries": _more_than_none,
    "environment": _pairs("\n"),
    "tags": _pairs(" "),
}


def changes(before: JobFields, after: JobFields) -> dict[str, Any]:
    """What the second form asks for that the first did not, as an edit takes it: `None` is back to the default."""
    old, new, blank = asdict(before), asdict(after), asdict(_BLANK)
    asked = [one.field for one in QUESTIONS if not one.fixed and old[one.field] != new[one.field]]
    found = {name: None if new[name] == blank[name] else new[name] for name in asked}
    if "script" in found and new["args"]:
        found["args"] = new["args"]  # a new script comes without the old arguments unless they are given with it
    return found
