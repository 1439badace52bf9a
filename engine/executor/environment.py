"""What a job sees: its whole environment, made from its request, its lease and the person it runs for.

Pure: whatever it needs is an argument. Must not look at the engine's own environment, which is not the job's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.core.snapshot import Lease
from engine.executor.directory import workdir_of
from engine.executor.guarded import is_guarded
from engine.protocol.arrays import parse_array
from engine.protocol.fields import ElementFields, JobFields


@dataclass(slots=True, frozen=True, kw_only=True)
class Person:
    """The Unix user that a job runs as, with what a log-in would give: search path, language.

    uid: its id, if it is another user than the engine's own.
    """

    name: str
    home: str
    shell: str
    path: str
    language: str
    uid: int | None = None


def build(
    *,
    fields: JobFields,
    lease: Lease,
    attempt: int,
    directory: Path,
    person: Person,
    now: float,
) -> dict[str, str]:
    """All of a job's environment. now: Unix seconds of the start, from which the time limit counts.

    The person's own variables come first, then what other schedulers' scripts look for, then the job's `environment`;
    what names the job and its cards is set last and cannot be changed from there.
    """
    asked = {name: value for name, value in fields.environment.items() if not is_guarded(name)}
    return {
        **_of_person(person),
        **_for_slurm_scripts(fields, lease, directory),
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "OMP_NUM_THREADS": str(lease.key.shape.cpu_cores),
        **asked,
        **_of_job(fields=fields, lease=lease, attempt=attempt, directory=directory, now=now),
        **_of_cards(lease),
    }


def _of_person(person: Person) -> Mapping[str, str]:
    return {
        "PATH": person.path,
        "HOME": person.home,
        "USER": person.name,
        "LOGNAME": person.name,
        "SHELL": person.shell,
        "LANG": person.language,
        "TERM": "dumb",  # output goes to files
    }


def _for_slurm_scripts(fields: JobFields, lease: Lease, directory: Path) -> Mapping[str, str]:
    """What such scripts use without asking: an empty `cd $SLURM_SUBMIT_DIR` would go home.

    Not what libraries know Slurm's tasks by, such as `SLURM_NTASKS`: they would wait for srun.
    """
    element: Mapping[str, str] = {}
    if isinstance(fields, ElementFields):
        element = {
            "SLURM_ARRAY_JOB_ID": str(fields.array_parent),
            "SLURM_ARRAY_TASK_ID": str(fields.array_index),
            **_of_array(fields),
        }
    return {
        "SLURM_JOB_ID": lease.job,
        "SLURM_JOBID": lease.job,
        "SLURM_JOB_NAME": fields.name or "",
        "SLURM_CPUS_PER_TASK": str(lease.key.shape.cpu_cores),
        "SLURM_CPUS_ON_NODE": str(lease.key.shape.cpu_cores),
        "SLURM_GPUS_ON_NODE": str(len(lease.gpus)),
        "SLURM_SUBMIT_DIR": str(workdir_of(directory, fields)),
        **element,
    }


def _of_array(fields: ElementFields) -> Mapping[str, str]:
    """What scripts divide their work by."""
    if fields.array is None:
        return {}
    indices = parse_array(fields.array).indices
    return {
        "SLURM_ARRAY_TASK_COUNT": str(len(indices)),
        "SLURM_ARRAY_TASK_MIN": str(indices[0]),
        "SLURM_ARRAY_TASK_MAX": str(indices[-1]),
    }


def _of_job(*, fields: JobFields, lease: Lease, attempt: int, directory: Path, now: float) -> Mapping[str, str]:
    limit_s = lease.key.shape.time_limit_s
    return {
        "RCQ_JOB_ID": lease.job,
        "RCQ_JOB_NAME": fields.name or "",
        "RCQ_ACCOUNT": lease.key.owner.account,
        "RCQ_GROUP": lease.key.owner.group,
        "RCQ_ATTEMPT": str(attempt),
        "RCQ_ARRAY_INDEX": str(fields.array_index) if isinstance(fields, ElementFields) else "",
        "RCQ_JOB_DIR": str(directory),
        "RCQ_TIME_LIMIT_S": str(limit_s),
        "RCQ_END_TIME": str(int(now) + limit_s),
    }


def _of_cards(lease: Lease) -> Mapping[str, str]:
    """By UUID: an index means another card after the next change of hardware. Empty and `void` hide all cards."""
    uuids = ",".join(lease.gpus)
    return {"CUDA_VISIBLE_DEVICES": uuids, "NVIDIA_VISIBLE_DEVICES": uuids or "void"}
