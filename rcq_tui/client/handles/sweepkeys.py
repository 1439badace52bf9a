"""Jobs of a sweep as they are submitted: parameters put in, tags to find them by, keys that make each one once.

Pure. Must not know an engine.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rcq_tui.client.handles.template import Parameters, filled_all

TAG = "sweep"
"""The tag that all jobs of a sweep share; its value is the sweep's key."""
MOST_LETTERS = 200
"""Of a tag's name and value."""
_TEMPLATES = ("command", "args", "environment", "name", "workdir", "tags", "image")
"""Fields in which parameters are put. Not `script`: bash has braces of its own, and a value is never a shell's word."""


def jobs_of(template: Mapping[str, Any], parameters: Sequence[Parameters], key: str) -> list[dict[str, Any]]:
    """A job for each set of parameters. The same set, asked in the same way under one key, is the same job.

    A set that stands several times is as many jobs. Raises ValueError for a placeholder without its parameter.
    """
    jobs = [_job(template, one, key) for one in parameters]
    times: Counter[str] = Counter()
    for job, given in zip(jobs, parameters, strict=True):
        told = json.dumps([job, {name: str(value) for name, value in given.items()}], sort_keys=True, default=str)
        digest = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        times[digest] += 1
        job["job_id"] = f"{key}-{digest}" + (f"-{times[digest]}" if times[digest] > 1 else "")
    return jobs


def sets_of(parameters: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Sets of parameters, as one may change them. Raises TypeError for what is none."""
    if isinstance(parameters, Mapping):
        raise TypeError("parameters: give a list of maps, such as grid(lr=[0.1, 0.01]) or [{'lr': 0.1}]")
    return [_set(one) for one in parameters]


def _set(one: Any) -> dict[str, Any]:
    if not isinstance(one, Mapping) or not all(isinstance(name, str) for name in one):
        raise TypeError(f"parameters: {one!r} is no map of names to values")
    return dict(one)


def belongs(job_id: str | None, key: str) -> bool:
    """Whether a job with this key of its own is of the sweep."""
    return job_id is not None and re.fullmatch(rf"{re.escape(key)}-[0-9a-f]{{16}}(-[0-9]+)?", job_id) is not None


def _job(template: Mapping[str, Any], parameters: Parameters, key: str) -> dict[str, Any]:
    put = {name: filled_all(value, parameters) for name, value in template.items() if name in _TEMPLATES}
    tags = {name: text for name, value in parameters.items() if _is_tag(name, text := str(value))}
    return {**template, **put, "tags": {**tags, **put.get("tags", {}), TAG: key}}


def _is_tag(name: str, value: str) -> bool:
    """What is too long or not for the eye is no tag; the handle knows it all the same."""
    return bool(name) and all(len(one) <= MOST_LETTERS and one.isprintable() for one in (name, value))
