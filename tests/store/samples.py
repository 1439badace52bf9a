"""Jobs, leases and people to put into a store."""

from engine.bookkeeping import Change, Ended, NewJob, Scheduled, Started
from engine.core.lifecycle import Cause, JobState, outcome
from engine.core.model import AccountName, GpuUuid, GroupKey, GroupName, JobId, Owner, Shape
from engine.core.snapshot import Lease
from engine.protocol.fields import JobFields
from engine.store.accounts import Account

SHAPE = Shape(gpus=1, gpu_type="a6000", gpu_memory_mb=8000, cpu_cores=4, memory_mb=16_000, time_limit_s=3600)
BOOT = "boot-1"


def key_of(account: str = "ann", group: str = "lab", shape: Shape = SHAPE) -> GroupKey:
    """What jobs of this owner and shape have in common."""
    owner = Owner(account=AccountName(account), group=GroupName(group))
    return GroupKey(owner=owner, service=None, priority=5, preemptible=False, shape=shape)


def new_job(
    number: int = 0, *, account: str = "ann", group: str = "lab", job_id: str | None = None, shape: Shape = SHAPE
) -> NewJob:
    """A job that was accepted."""
    fields = JobFields(
        job_id=job_id,
        name=f"train {number}",
        command=["python", "train.py", "--seed", str(number)],
        gpus=shape.gpus,
        gpu_type="A6000",
        gpu_memory_mb=shape.gpu_memory_mb,
        cpu_cores=shape.cpu_cores,
        memory_mb=shape.memory_mb,
    )
    return NewJob(fields=fields, key=key_of(account, group, shape), submitted_at=1000.0 + number)


def lease_of(job: JobId, *gpus: str, at: float = 2000.0) -> Lease:
    """A lease of the sample shape."""
    return Lease(
        job=job, key=key_of(), gpus=tuple(GpuUuid(gpu) for gpu in gpus), started_at=at, expected_end=at + 3600.0
    )


def scheduled(job: JobId, *gpus: str, attempt: int = 1) -> Scheduled:
    """The pass gave it these cards."""
    return Scheduled(lease=lease_of(job, *gpus), attempt=attempt, boot_id=BOOT)


def ended(job: JobId, *, exit_code: int = 0, at: float = 2500.0) -> Ended:
    """It ran and ended by itself."""
    return Ended(
        job=job,
        state=outcome(Cause.EXIT, exit_code),
        cause=Cause.EXIT,
        exit_code=exit_code,
        signal=None,
        started_at=2000.5,
        ended_at=at,
    )


def cancelled(job: JobId, at: float = 2500.0) -> Ended:
    """It was cancelled before it ran."""
    return Ended(
        job=job,
        state=JobState.CANCELLED,
        cause=Cause.CANCELLED,
        exit_code=None,
        signal=None,
        started_at=None,
        ended_at=at,
    )


def ran(job: JobId, *gpus: str, exit_code: int = 0) -> list[Change]:
    """All changes of a job's life."""
    return [scheduled(job, *gpus), Started(job=job, started_at=2000.5), ended(job, exit_code=exit_code)]


def account(name: str = "ann", group: str = "lab", unix_user: str | None = None) -> Account:
    """A person without a password."""
    return Account(
        name=name,
        role="user",
        group=group,
        password_hash=None,
        unix_user=unix_user,
        disabled=False,
        created_at=1000.0,
    )
