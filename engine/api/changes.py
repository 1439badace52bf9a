"""A change to a job's request as strangers send it: checked field by field, and put together with what was there.

Pure. Must not know HTTP, who changes what, nor whether the job may still be changed.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError

from engine.api.body import check_encoding
from engine.api.complaints import complaint, invalid, wrong
from engine.api.model import canonical, load_json, parse_object, repeated
from engine.api.schema import JOB, JOB_NAMES
from engine.protocol.errors import Refused
from engine.protocol.fields import ALIASES, FIELD_NAMES, JobFields

FIXED = {
    "job_id": "names the job for good; cancel it and submit another one",
    "array": "was acted on when the job was submitted; cancel the array and submit another one",
    "foreground": "is the terminal that the job was submitted from; cancel it and run it again",
    "files": "were staged for the job as it was submitted; cancel it and submit another one",
    "snapshot": "was captured as the job was submitted; cancel it and submit another one",
    "submitted_at": "is the engine's; an edited job keeps its place",
}
"""Fields that an edit cannot change, and why."""
_BLANK = JobFields()
_RUNS = {"command": ("script", "args"), "script": ("command", "args")}
"""What a new command or script takes the place of, unless that is given with it."""


def parse_changes(body: bytes) -> dict[str, Any]:
    """Canonical names and the values that were given; `None` asks for the default. Raises Refused."""
    try:
        value = load_json(check_encoding(body))
    except (ValueError, RecursionError) as error:
        raise Refused("BAD_FORMAT", f"This is not JSON: {error}.") from None
    if isinstance(value, dict) and (twice := repeated(value)):
        raise invalid([{"field": name, "message": "is given twice"} for name in twice])
    try:
        given = JOB.validate_python(value)
    except ValidationError as error:
        raise complaint(error, JOB_NAMES) from None
    found = canonical({name: value for name, value in given.items() if value is not None})
    if isinstance(found, Refused):
        raise found
    found |= {ALIASES.get(name, (name,))[0]: None for name, value in given.items() if value is None}
    if not found:
        raise wrong("", "nothing to change was given; name at least one field")
    if fixed := [name for name in found if name in FIXED]:
        raise invalid([{"field": name, "message": FIXED[name]} for name in fixed])
    return found


def changed(fields: JobFields, changes: Mapping[str, Any]) -> JobFields:
    """The request with these changes, held to the rules of a submission as a whole. Raises Refused."""
    plain = asdict(fields)
    job = {name: plain[name] for name in FIELD_NAMES if plain[name] != getattr(_BLANK, name)}
    for name, replaced in _RUNS.items():
        if changes.get(name) is not None:
            job = {field: value for field, value in job.items() if field not in replaced}
    job = {name: value for name, value in (job | dict(changes)).items() if value is not None}
    found = parse_object(job)
    if isinstance(found, Refused):
        raise found
    found.redo_of = fields.redo_of
    return found
