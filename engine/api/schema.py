"""The shape of a job as strangers send it: names, types, ranges, other spellings, checked in one go by pydantic.

Must not know cross-field rules or units (that is `model`), HTTP or files.
"""

from typing import Annotated, Any, Required, get_type_hints

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, WithJsonSchema
from typing_extensions import TypedDict

from engine.protocol.fields import WHENS

MAX_NAME = 200
MAX_TEXT_BYTES = 128 * 1024
"""What the kernel takes as one argument of a program, and what one job's command may hold in all."""
MAX_SCRIPT = 1024 * 1024
MAX_COUNT = 1_000_000
MAX_MEMORY_MB = 1_000_000_000_000
MAX_AFTER = 1000
"""Jobs that one job may wait for."""
MAX_FILES = 1000
"""Staged files of one job."""
MAX_FACTS = 3000
"""Entries of the summary of an environment: so many packages are never installed."""
MAX_MOMENT = 1e11
"""Unix seconds: the year 5138."""
MAX_TIME_S = 3_155_760_000
"""A hundred years: any sum with a clock's seconds is still a date."""

UNPRINTABLE = (
    r"\x00-\x1f\x7f-\x9f\x{2028}-\x{202e}\x{2066}-\x{2069}"
    r"\xad\x{061c}\x{200b}\x{200e}\x{200f}\x{2060}-\x{2064}\x{feff}\x{fff9}-\x{fffb}"
)
"""Control characters, line separators and direction overrides, which would garble the line a name is shown in; what has
no width, with which two names look the same. The joiners of Persian and of emoji (U+200C, U+200D) are let through."""
PRINTABLE = rf"^[^{UNPRINTABLE}]*$"
NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$"
"""Of an account, a group, a service."""
MAX_IMAGE = 1024
IMAGE = rf"^[^ \-{UNPRINTABLE}][^{UNPRINTABLE}]*$"
"""A name in a registry, or a file: never an option of the program that runs it."""
MAX_SOCKET = 107
"""Bytes in the path of a Unix socket: what the kernel takes."""
MAX_FILE_NAME = 1024
UPLOAD = r"^[0-9a-f]{32}$"
"""The id of an upload, as it is given."""
ENVIRONMENT_KEY = r"^[A-Za-z_][A-Za-z0-9_]*$"

Label = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME, pattern=PRINTABLE)]
TagValue = Annotated[str, StringConstraints(max_length=MAX_NAME, pattern=PRINTABLE)]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT_BYTES)]
Key = Annotated[str, StringConstraints(max_length=MAX_NAME, pattern=ENVIRONMENT_KEY)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Mebibytes = Annotated[int, Field(ge=1, le=MAX_MEMORY_MB)]
Seconds = Annotated[int, Field(ge=1, le=MAX_TIME_S)]
UploadId = Annotated[str, StringConstraints(pattern=UPLOAD)]
Line = Annotated[str, StringConstraints(max_length=MAX_FILE_NAME, pattern=PRINTABLE)]
Fraction = Annotated[float, Field(gt=0, le=MAX_TIME_S, allow_inf_nan=False)]


AFTER_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {
            "type": "object",
            "properties": {"id": {"type": "integer", "minimum": 1}, "when": {"enum": list(WHENS)}},
            "required": ["id"],
            "additionalProperties": False,
        },
    ]
}


class FileModel(TypedDict, total=False):
    """A staged file: an upload, and what it is called in the job's directory."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)  # type: ignore[misc]  # where pydantic looks

    name: Required[
        Annotated[
            str,
            StringConstraints(min_length=1, max_length=MAX_FILE_NAME, pattern=PRINTABLE),
            Field(description="Relative path in the job's directory, such as conf/run7.yaml."),
        ]
    ]
    upload: Required[Annotated[str, StringConstraints(pattern=UPLOAD), Field(description="Of POST /v1/uploads.")]]
    executable: Annotated[bool, Field(description="Whether it may be run as a program.")]


class SnapshotModel(TypedDict, total=False):
    """Code that the job runs in, as it was at submission, and where it came from."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)  # type: ignore[misc]  # where pydantic looks

    upload: Required[Annotated[UploadId, Field(description="Of a .tar.gz, unpacked to code in the job's directory.")]]
    subdir: Annotated[Line, Field(description="Where in it the job runs: a relative path.")]
    commit: Annotated[str, StringConstraints(pattern="^[0-9a-f]{40,64}$")] | None
    branch: Line | None
    remote: Line | None
    dirty: Annotated[bool, Field(description="It is not as the commit is.")]
    diff: Annotated[UploadId | None, Field(description="The difference to the commit: an upload, too.")]
    environment: Annotated[
        dict[Label, TagValue], Field(max_length=MAX_FACTS, description="A summary: python, pip:numpy, …")
    ]


class JobModel(TypedDict, total=False):
    """One job as submitted. `null` is the same as leaving a field out; anything not named here is refused."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)  # type: ignore[misc]  # where pydantic looks

    job_id: Annotated[Label | None, Field(description="Your own key for the job; unique within your account.")]
    name: Label | None
    command: Annotated[
        Annotated[list[Text], Field(min_length=1)] | None,
        Field(description="Program and arguments, run without a shell. Exactly one of command and script."),
    ]
    script: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=MAX_SCRIPT)] | None,
        Field(description="Text run by /bin/bash. Exactly one of command and script."),
    ]
    args: Annotated[list[Text] | None, Field(description="Appended to the command.")]
    group: Annotated[Label | None, Field(description="Research group that pays; your own unless you are an admin.")]
    service: Label | None
    gpus: Count | None
    gpu_type: Annotated[Label | None, Field(description="Words of the card's model name, in any case.")]
    gpu_memory_mb: Annotated[
        Annotated[int, Field(ge=0, le=MAX_MEMORY_MB)] | None, Field(description="MiB on each GPU; 0: any card.")
    ]
    gpu_share: Annotated[bool | None, Field(description="This memory of one GPU is enough, others may use the rest.")]
    cpu_cores: Annotated[int, Field(ge=1, le=MAX_COUNT)] | None
    memory_mb: Annotated[Mebibytes | None, Field(description="MiB of host memory.")]
    time_limit_s: Seconds | None
    priority: Annotated[int, Field(ge=1, le=10)] | None
    preemptible: bool | None
    gpu_power_w: Annotated[
        Annotated[int, Field(ge=1, le=MAX_COUNT)] | None, Field(description="Power limit of each card while it runs.")
    ]
    idle_ok: Annotated[bool | None, Field(description="May hold GPUs that it does not use.")]
    anywhere: Annotated[
        bool | None, Field(description="May run on the cluster, where there is one and this host has no room soon.")
    ]
    workdir: Annotated[
        Annotated[str, StringConstraints(max_length=4095, pattern="^/")] | None, Field(description="Absolute.")
    ]
    environment: dict[Key, Text] | None
    image: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=MAX_IMAGE, pattern=IMAGE)] | None,
        Field(description="Container image that the command is run in: a registry's name, or a .sif file."),
    ]
    foreground: Annotated[
        Annotated[str, StringConstraints(max_length=MAX_SOCKET, pattern="^/")] | None,
        Field(description="Unix socket where its submitter waits for it, as rcq run does: it runs on their terminal."),
    ]
    files: Annotated[
        Annotated[list[FileModel], Field(max_length=MAX_FILES)] | None,
        Field(description="Staged files, put into the job's directory as its owner before it starts."),
    ]
    snapshot: Annotated[SnapshotModel | None, Field(description="Code as it was at submission; the job runs in it.")]
    after: Annotated[
        list[Any] | None,
        WithJsonSchema({"anyOf": [{"type": "array", "items": AFTER_SCHEMA}, {"type": "null"}]}),
        Field(description="Ids of jobs to wait for until they are ok, or as said. One that never will be fails it."),
    ]
    array: Annotated[
        Text | None,
        Field(description="Makes one job for each index: 0-99, 1,3,7-9, 0-99:10; %4: at most 4 run at once."),
    ]
    retries: Annotated[
        Annotated[int, Field(ge=0, le=100)] | None, Field(description="Further attempts after one that failed.")
    ]
    begin: Annotated[
        Any,
        WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "null"}]}),
        Field(description="Not before: Unix seconds, or ISO 8601, local time unless it names its zone."),
    ]
    cron: Annotated[
        Label | None, Field(description="A five-field line, host's time: a copy is submitted each time it comes.")
    ]
    tags: dict[Label, TagValue] | None
    submitted_at: Annotated[
        Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)] | None,
        Field(description="Unix seconds. Taken, but only a trace replay honours it: it buys no age here."),
    ]

    tenant_id: Annotated[Label | None, Field(description="The same as group.")]
    group_id: Annotated[Label | None, Field(description="The same as group.")]
    gpu_count: Annotated[Count | None, Field(description="The same as gpus.")]
    num_gpu: Annotated[Count | None, Field(description="The same as gpus.")]
    gpu_spec: Annotated[Label | None, Field(description="The same as gpu_type.")]
    memory_gb: Annotated[Fraction | None, Field(description="memory_mb in GiB.")]
    memory_mib: Annotated[Mebibytes | None, Field(description="The same as memory_mb.")]
    max_runtime: Annotated[Fraction | None, Field(description="time_limit_s in seconds, fractions rounded up.")]
    expected_time: Annotated[Fraction | None, Field(description="time_limit_s in seconds, fractions rounded up.")]
    max_runtime_minutes: Annotated[Fraction | None, Field(description="time_limit_s in minutes.")]
    estimated_hours: Annotated[Fraction | None, Field(description="time_limit_s in hours.")]


JOB: TypeAdapter[Any] = TypeAdapter(JobModel)
"""The compiled checker of `JobModel`: a mapping of only the fields that were given."""

JOB_NAMES: tuple[str, ...] = tuple(get_type_hints(JobModel))
"""Every accepted field name, other spellings included."""
