"""Whether a submission that repeats a key asks for what the job that has the key was asked for.

Compared is the request as its submitter wrote it, not what the engine made of it: a default given or left out is a
difference, and so is an edit since. Pure. Must not know the store's tables.
"""

from engine.protocol.fields import FIELD_NAMES, JobFields
from engine.store.keys import Asked

_KEY = "job_id"
"""Of an array's element it has the index behind it; that it is the same is how the two were found."""
_GROWN = frozenset({"gpu_memory_mb", "gpu_share"})
"""What the engine itself changes for a job that ran out of GPU memory."""
_COMPARED = tuple(name for name in FIELD_NAMES if name != _KEY)


def differing(job: JobFields, there: Asked | None) -> list[str]:
    """The fields in which the two differ; `job_id` alone if there is no such job any more."""
    if there is None:
        return [_KEY]
    grown = _GROWN if there.oom_retries else frozenset()
    before = there.fields
    return [name for name in _COMPARED if name not in grown and getattr(job, name) != getattr(before, name)]
