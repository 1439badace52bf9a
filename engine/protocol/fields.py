"""A job's fields as people write them: canonical names, other accepted spellings, units.

Must not validate (that is pydantic's work in `engine.api`) and must not know how a job is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.protocol.arrays import ArraySpec, parse_array
from engine.protocol.snapshots import Snapshot

ALIASES: dict[str, tuple[str, float]] = {
    "tenant_id": ("group", 1),
    "group_id": ("group", 1),
    "gpu_count": ("gpus", 1),
    "num_gpu": ("gpus", 1),
    "gpu_spec": ("gpu_type", 1),
    "memory_gb": ("memory_mb", 1024),
    "memory_mib": ("memory_mb", 1),
    "max_runtime": ("time_limit_s", 1),
    "expected_time": ("time_limit_s", 1),
    "max_runtime_minutes": ("time_limit_s", 60),
    "estimated_hours": ("time_limit_s", 3600),
}
"""Other accepted spelling → (canonical name, factor into its unit). Two spellings of one field are an error."""

UNMOUNTABLE: frozenset[str] = frozenset(',:"\\\n')
"""Characters of a path that the programs which run containers give another meaning."""


WHENS: tuple[str, ...] = ("ok", "failed", "any")
"""How a job may be waited for: until it has completed, until it has ended in any other way, until it has ended."""


@dataclass(slots=True, frozen=True, kw_only=True)
class After:
    """A job that another one waits for, by the engine's id. when: one of WHENS."""

    id: int
    when: str = "ok"


@dataclass(slots=True, frozen=True, kw_only=True)
class StagedFile:
    """An upload that a job finds in its directory. name: a relative path there. executable: may be run there."""

    name: str
    upload: str
    executable: bool = False


@dataclass(slots=True, kw_only=True)
class JobFields:
    """One job as its submitter asks for it, validated and in canonical units.

    `None` means "not given": the engine fills in its defaults. One of `command` and `script` is set. Units are in the
    names; `image` is a container image in which that is run; `array` is as `engine.protocol.arrays` reads it;
    `begin` is Unix seconds; `files` are put into its directory before it starts, and `snapshot` is code that it
    runs in; `cron` is a five-field line in the host's time zone; `submitted_at` (Unix seconds) is honoured by
    `simulate` only. `foreground` is the path of a Unix socket where its submitter waits for it
    (`engine.protocol.stage`). `anywhere`: it may run on the cluster, too. `redo_of` is the engine's: the job that it
    is once more.
    """

    job_id: str | None = None
    name: str | None = None
    command: list[str] | None = None
    script: str | None = None
    args: list[str] = field(default_factory=list)
    group: str | None = None
    service: str | None = None
    gpus: int = 0
    gpu_type: str | None = None
    gpu_memory_mb: int = 0
    gpu_share: bool = False
    cpu_cores: int = 1
    memory_mb: int = 0
    time_limit_s: int | None = None
    priority: int = 5
    preemptible: bool = False
    gpu_power_w: int | None = None
    idle_ok: bool = False
    anywhere: bool = False
    workdir: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    image: str | None = None
    foreground: str | None = None
    files: list[StagedFile] = field(default_factory=list)
    snapshot: Snapshot | None = None
    after: list[After] = field(default_factory=list)
    array: str | None = None
    begin: float | None = None
    cron: str | None = None
    retries: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    submitted_at: float | None = None
    redo_of: int | None = None


@dataclass(slots=True, kw_only=True)
class AdoptedFields(JobFields):
    """The request of a job that was a foreign process: its pid and its start time, in clock ticks since the boot."""

    adopted_pid: int
    adopted_start: int


@dataclass(slots=True, kw_only=True)
class ElementFields(JobFields):
    """The request of one element of a job array, as the books hold it.

    array_parent: the id of the array's first element, which names the array. array_index: its own index.
    """

    array_parent: int
    array_index: int


def array_of(fields: JobFields) -> ArraySpec | None:
    """The job array that a request makes, if it makes one. Its field `array` must be well written.

    A recurring job is one job: its copies are the arrays.
    """
    return None if fields.array is None or fields.cron is not None else parse_array(fields.array)


def size_of(fields: JobFields) -> int:
    """How many jobs a request makes."""
    spec = array_of(fields)
    return 1 if spec is None else spec.size


def uploads_of(fields: JobFields) -> list[str]:
    """The uploads that a job needs."""
    captured = fields.snapshot.uploads if fields.snapshot else []
    return [one.upload for one in fields.files] + captured


def runs_once(fields: JobFields | None) -> bool:
    """Whether nobody can give it a second attempt: it was a process already, or its terminal is gone with the first."""
    return isinstance(fields, AdoptedFields) or (fields is not None and fields.foreground is not None)


FIELD_NAMES: tuple[str, ...] = tuple(name for name in JobFields.__dataclass_fields__ if name != "redo_of")
"""Canonical names, in the order in which forms and documents show them."""
