"""Jobs as rows of the `jobs` table: what listings and start-up read of them.

Must not know connections, SQL's verbs or how a request is written down.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.bookkeeping import KnownJob
from engine.core.lifecycle import LEASED, Cause, JobState
from engine.core.model import AccountName, ArrayCap, GpuUuid, GroupKey, GroupName, JobId, Owner, ServiceName, Shape
from engine.core.snapshot import Lease
from engine.protocol.fields import JobFields
from engine.store.attempts import PastAttempt
from engine.store.measures import Kept
from engine.store.request import OF_SCRIPT

KEY_COLUMNS = (
    "account, grp, service, priority, preemptible, "
    "gpus, gpu_type, gpu_memory_mb, gpu_share, cpu_cores, memory_mb, time_limit_s, gpu_power_w, anywhere, "
    "array_most, CASE WHEN array_most IS NULL THEN NULL ELSE array_parent END"
)
KNOWN_COLUMNS = (
    "id, state, submitted_at, attempt, boot_id, gpu_uuids, lease_started_at, expected_end, failures, stopping, "
    "CASE WHEN stopping IS NULL THEN NULL ELSE message END, name, oom_retries, place, node, held_next, " + KEY_COLUMNS
)
STORED_COLUMNS = (
    "id, job_id, name, account, grp, service, state, cause, exit_code, signal, priority, preemptible, gpus, gpu_type, "
    "gpu_memory_mb, gpu_share, cpu_cores, memory_mb, time_limit_s, command_line, submitted_at, started_at, ended_at, "
    "attempt, gpu_uuids, array_parent, array_index, gpu_power_w, files_removed_at, files_removed_why, place, node"
)
_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(slots=True, frozen=True, kw_only=True)
class StoredJob:
    """A job as the books show it; the request is the effective one, with the engine's defaults filled in.

    command_line: its first 200 characters, for listings; is_script: they are of its script.
    gpu_uuids: the cards it holds or held last. array_parent: the id of its array's first element; array_index: its own
    place in it. files_removed_at: Unix seconds, once they are gone; files_removed_why: `age` or `fetched`. place: where
    it runs or ran last, as a lease has it; node: on which machine of the cluster, as far as that is known.
    fields: what the submitter wrote, message: what its end told, attempts: those that are over, measures: by attempt,
    file_sizes: bytes of the uploads that it is given, where one job was asked for; `None` or empty in listings.
    """

    id: int
    job_id: str | None
    name: str | None
    account: str
    group: str
    service: str | None
    state: JobState
    cause: Cause | None
    exit_code: int | None
    signal: int | None
    priority: int
    preemptible: bool
    gpus: int
    gpu_type: str | None
    gpu_memory_mb: int
    gpu_share: bool
    cpu_cores: int
    memory_mb: int
    time_limit_s: int
    command_line: str
    is_script: bool
    submitted_at: float
    started_at: float | None
    ended_at: float | None
    attempt: int
    gpu_uuids: tuple[GpuUuid, ...]
    array_parent: int | None = None
    array_index: int | None = None
    gpu_power_w: int | None = None
    files_removed_at: float | None = None
    files_removed_why: str | None = None
    place: str = ""
    node: str | None = None
    fields: JobFields | None = None
    message: str | None = None
    cron_of: int | None = None
    attempts: tuple[PastAttempt, ...] = ()
    measures: Mapping[int, Kept] = field(default_factory=dict)
    file_sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def owner(self) -> Owner:
        """Whose it is, and who pays."""
        return Owner(account=AccountName(self.account), group=GroupName(self.group))


def stored_of(row: Sequence[Any]) -> StoredJob:
    """STORED_COLUMNS as a value."""
    return StoredJob(
        id=row[0],
        job_id=row[1],
        name=row[2],
        account=row[3],
        group=row[4],
        service=row[5],
        state=JobState(row[6]),
        cause=Cause(row[7]) if row[7] is not None else None,
        exit_code=row[8],
        signal=row[9],
        priority=row[10],
        preemptible=bool(row[11]),
        gpus=row[12],
        gpu_type=row[13],
        gpu_memory_mb=row[14],
        gpu_share=bool(row[15]),
        cpu_cores=row[16],
        memory_mb=row[17],
        time_limit_s=row[18],
        command_line=row[19].removeprefix(OF_SCRIPT),
        is_script=row[19].startswith(OF_SCRIPT),
        submitted_at=row[20],
        started_at=row[21],
        ended_at=row[22],
        attempt=row[23],
        gpu_uuids=_gpus(row[24]),
        array_parent=row[25],
        array_index=row[26],
        gpu_power_w=row[27],
        files_removed_at=row[28],
        files_removed_why=row[29],
        place=row[30] or "",
        node=row[31],
    )


class Keys:
    """KEY_COLUMNS as values; equal rows share one GroupKey, so that a million pending jobs stay small."""

    def __init__(self) -> None:
        self._keys: dict[tuple[Any, ...], GroupKey] = {}

    def of(self, terms: Iterable[Any]) -> GroupKey:
        """One row."""
        terms = tuple(terms)
        key = self._keys.get(terms)
        if key is None:
            key = self._keys[terms] = _key(terms)
        return key


class KnownJobs:
    """KNOWN_COLUMNS as values."""

    def __init__(self) -> None:
        self._keys = Keys()
        self._states = {str(state): state for state in JobState}

    def of(self, row: tuple[Any, ...]) -> KnownJob:
        """One row. The lease is the one of a `scheduled` or `running` job, else `None`."""
        key = self._keys.of(row[16:])
        job, state = JobId(str(row[0])), self._states[row[1]]
        return KnownJob(
            job=job,
            key=key,
            state=state,
            submitted_at=row[2],
            attempt=row[3],
            lease=_lease(job, key, row) if state in LEASED else None,
            boot_id=row[4],
            failures=row[8],
            stopping=Cause(row[9]) if row[9] is not None else None,
            stop_message=row[10],
            name=row[11],
            oom_retries=row[12],
            node=row[14],
            held_next=bool(row[15]),
        )


def gpu_text(gpus: Sequence[GpuUuid]) -> str:
    """GPU UUIDs as the column holds them."""
    return _encode(gpus)


def _key(terms: tuple[Any, ...]) -> GroupKey:
    *request, most, parent = terms
    (
        account,
        group,
        service,
        priority,
        preemptible,
        gpus,
        gpu_type,
        gpu_memory_mb,
        share,
        cores,
        memory,
        limit,
        watts,
        anywhere,
    ) = request
    return GroupKey(
        owner=Owner(account=AccountName(account), group=GroupName(group)),
        service=ServiceName(service) if service is not None else None,
        priority=priority,
        preemptible=bool(preemptible),
        shape=Shape(
            gpus=gpus,
            gpu_type=gpu_type,
            gpu_memory_mb=gpu_memory_mb,
            share=bool(share),
            cpu_cores=cores,
            memory_mb=memory,
            time_limit_s=limit,
            gpu_power_w=watts,
        ),
        array=ArrayCap(parent=JobId(str(parent)), most=most) if most is not None else None,
        anywhere=bool(anywhere),
    )


def _lease(job: JobId, key: GroupKey, row: tuple[Any, ...]) -> Lease:
    return Lease(job=job, key=key, gpus=_gpus(row[5]), started_at=row[6], expected_end=row[7], place=row[13] or "")


def _gpus(text: str | None) -> tuple[GpuUuid, ...]:
    return tuple(json.loads(text)) if text is not None else ()
