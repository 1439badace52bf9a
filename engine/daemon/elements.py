"""From one request to the jobs that it makes: itself, or the elements of a job array.

Pure. Must not know the store, nor who submits.
"""

from collections.abc import Iterator
from dataclasses import replace

from engine.bookkeeping import NewJob
from engine.core.model import ArrayCap, GroupKey, JobId, Waiting
from engine.protocol.arrays import parse_array
from engine.protocol.errors import Refused
from engine.protocol.fields import ElementFields, JobFields, array_of


def new_job(fields: JobFields, key: GroupKey, submitted_at: float) -> NewJob:
    """What is to be written down."""
    spec = array_of(fields)
    if spec is None:
        return NewJob(fields=fields, key=key, submitted_at=submitted_at)
    return NewJob(fields=fields, key=key, submitted_at=submitted_at, indices=spec.indices, most=spec.most)


def members(job: NewJob, first: JobId) -> Iterator[tuple[GroupKey, Waiting]]:
    """The jobs it has become, each with its pending group: only a capped array has groups of its own."""
    if not job.indices:
        yield job.key, Waiting(job.submitted_at, first)
        return
    cap = ArrayCap(parent=first, most=job.most) if job.most is not None else None
    key = replace(job.key, array=cap) if cap is not None else job.key
    number = int(first)
    for place in range(len(job.indices)):
        yield key, Waiting(job.submitted(place), JobId(str(number + place)))


def shown_name(fields: JobFields) -> str | None:
    """The job's name, of an element with its index: `train[3]`."""
    if isinstance(fields, ElementFields) and fields.name is not None:
        return f"{fields.name}[{fields.array_index}]"
    return fields.name


def too_large(array: str, most: int) -> Refused | None:
    """The refusal of an array with more than `most` elements."""
    size = parse_array(array).size
    if size <= most:
        return None
    told = f"An array of {size} elements is too large: {most} is the most. Submit it in parts."
    return Refused("VALIDATION_ERROR", told, [{"field": "array", "message": f"{size} elements, at most {most}"}])
