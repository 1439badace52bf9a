"""Fields of a job as Python programs give them, to what the API takes.

Only units and types are Python's matter here: what a field may hold the engine judges. Must not know who sends it.
"""

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Protocol, TypedDict, runtime_checkable

from rcq_tui.viewmodel.units import mebibytes, seconds

Word = str | int | float | os.PathLike[str]
Command = str | Sequence[Word]


@runtime_checkable
class HasId(Protocol):
    """A handle of a job."""

    @property
    def id(self) -> int:
        """The engine's id."""
        ...


Awaited = int | HasId | Mapping[str, Any]


class Fields(TypedDict, total=False):
    """What a job may be asked with, as in the reference; other spellings of a field are taken, too.

    time_limit_s: seconds, `"2h30m"` or a `timedelta`. memory_mb, gpu_memory_mb: MiB or `"16G"`. begin: Unix seconds, a
    `datetime` or ISO 8601. after: handles, ids, or `{"id": …, "when": "any"}` of either, or one alone.
    workdir: where the program stands unless given. environment: values become text.
    """

    args: Sequence[Word]
    job_id: str
    name: str
    group: str
    service: str
    gpus: int
    gpu_type: str
    gpu_memory_mb: int | str
    gpu_share: bool
    cpu_cores: int
    memory_mb: int | str
    time_limit_s: float | str | timedelta
    priority: int
    preemptible: bool
    gpu_power_w: int
    idle_ok: bool
    anywhere: bool
    workdir: str | os.PathLike[str]
    environment: Mapping[str, Any]
    image: str
    files: Sequence[Mapping[str, Any]]
    snapshot: Mapping[str, Any]
    after: Awaited | Iterable[Awaited]
    begin: float | str | datetime
    cron: str
    retries: int
    tags: Mapping[str, Any]
    submitted_at: float
    tenant_id: str
    group_id: str
    gpu_count: int
    num_gpu: int
    gpu_spec: str
    memory_gb: float
    memory_mib: int
    max_runtime: float
    expected_time: float
    max_runtime_minutes: float
    estimated_hours: float


def job_of(command: Command | None, script: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A job as the API takes it; `None` is not given. command: words, or a line that is split as a shell would.

    Raises ValueError for what cannot be read, TypeError for what has the wrong type; both name the field.
    """
    job = {name: _read(name, value) for name, value in fields.items() if value is not None}
    if command is not None:
        job["command"] = _read("command", command)
    if script is not None:
        job["script"] = script
    job["workdir"] = str(Path(job.get("workdir") or ".").expanduser().absolute())
    return job


def _read(name: str, value: Any) -> Any:
    try:
        return _READERS.get(name, _same)(value)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{name}: {error}") from error
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from error


def _words(given: Iterable[Word]) -> list[str]:
    """Each as text: paths and numbers, too. A text is no list of its letters."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise TypeError(f"give a list of words, not {type(given).__name__}")
    return [_word(one) for one in given]


def _word(one: Word) -> str:
    if one is None or isinstance(one, bytes):
        raise TypeError(f"{one!r} is no word; give texts, numbers and paths")
    return os.fspath(one) if isinstance(one, os.PathLike) else str(one)


def _command(given: Command) -> list[str]:
    return shlex.split(given) if isinstance(given, str) else _words(given)


def _same(value: Any) -> Any:
    """numpy's numbers become Python's, which JSON knows."""
    if isinstance(value, bool):
        return value
    return int(value) if isinstance(value, Integral) else float(value) if isinstance(value, Real) else value


def _seconds(value: float | str | timedelta) -> int:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    exact = seconds(value) if isinstance(value, str) else value
    return int(exact) + (exact > int(exact))


def _mebibytes(value: int | str) -> Any:
    return mebibytes(value) if isinstance(value, str) else _same(value)


def _begin(value: float | str | datetime) -> Any:
    return value.timestamp() if isinstance(value, datetime) else _same(value)


def _after(value: Awaited | Iterable[Awaited]) -> list[Any]:
    return [_awaited(one) for one in ([value] if isinstance(value, int | HasId | Mapping) else value)]


def _awaited(one: Awaited) -> Any:
    if isinstance(one, Mapping):
        return {**one, "id": _awaited(one["id"])} if "id" in one else dict(one)
    return one.id if isinstance(one, HasId) else _same(one)


def _texts(value: Mapping[str, Any]) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError(f"give a map of names to values, not {type(value).__name__}")
    return {name: os.fspath(one) if isinstance(one, os.PathLike) else str(one) for name, one in value.items()}


_READERS: Mapping[str, Any] = {
    "command": _command,
    "args": _words,
    "time_limit_s": _seconds,
    "memory_mb": _mebibytes,
    "gpu_memory_mb": _mebibytes,
    "workdir": os.fspath,
    "environment": _texts,
    "tags": _texts,
    "begin": _begin,
    "after": _after,
}
