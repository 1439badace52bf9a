"""Quotas between the wire and the core, checked. Must not know whose they are."""

from config.settings import QuotaSettings
from engine.core.quota import Quota
from engine.protocol.errors import Refused
from engine.protocol.people import QuotaView

NUMBERS = (
    "gpus",
    "gpu_memory_mb",
    "cpu_cores",
    "memory_mb",
    "jobs",
    "gpu_hours",
    "queued",
    "submissions_per_minute",
    "ingest_per_minute",
    "staged_mb",
)


def view_of(quota: Quota) -> QuotaView:
    """As it is shown."""
    numbers = {name: getattr(quota, name) for name in NUMBERS}
    return QuotaView(gpus_by_type=dict(quota.gpus_by_type), **numbers)


def quota_of(view: QuotaView) -> Quota:
    """As it is enforced. Raises Refused (VALIDATION_ERROR) for limits below 0 and types without a word."""
    by_type = {" ".join(name.lower().split()): limit for name, limit in view.gpus_by_type.items()}
    numbers = {name: getattr(view, name) for name in NUMBERS}
    limits = {**numbers, **{f"gpus_by_type.{name}": limit for name, limit in by_type.items()}}
    wrong = [name for name, limit in limits.items() if limit is not None and not 0 <= limit < float("inf")]
    if wrong or "" in by_type:
        raise Refused(
            "VALIDATION_ERROR",
            "A limit is a number from 0 up, and a GPU type has a word of the model's name.",
            [{"field": f"quota.{name}", "message": "must be 0 or more"} for name in wrong],
        )
    return Quota(gpus_by_type=by_type, **numbers)


def default_quota(settings: QuotaSettings) -> Quota:
    """What the settings allow accounts without a quota of their own."""
    return Quota(
        gpus=settings.account_gpus,
        gpu_memory_mb=settings.account_gpu_memory_mb,
        cpu_cores=settings.account_cpu_cores,
        memory_mb=settings.account_memory_mb,
        jobs=settings.account_jobs,
        gpu_hours=settings.account_gpu_hours,
        queued=settings.account_queued,
        submissions_per_minute=settings.submissions_per_minute,
        ingest_per_minute=settings.ingest_per_minute,
        staged_mb=settings.account_staged_mb,
    )
