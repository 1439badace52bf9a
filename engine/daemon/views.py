"""Stored rows and the books together, as one person may see them.

The books are ahead of the store by the changes that wait for the next commit, so they have the last word on states.
Must not know how rows are found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any, Literal, Protocol

from engine.api.asks import Identity
from engine.bookkeeping import Measured
from engine.core.lifecycle import LEASED, JobState
from engine.core.model import GpuUuid, GroupKey, JobId, Owner, Waiting
from engine.daemon.access import Action, may
from engine.daemon.books import Books
from engine.daemon.gateviews import at_gate
from engine.daemon.journal import Journal
from engine.daemon.live import Live
from engine.daemon.measures import Measures
from engine.daemon.notices import Notices
from engine.daemon.outlook import FORECAST, NOTHING_YET, Outlook, Outlooks
from engine.protocol.cluster import SlurmView
from engine.protocol.fields import AdoptedFields, StagedFile
from engine.protocol.responses import AttemptView, JobDetail, JobRow, MeasuresView
from engine.protocol.uploads import FileView
from engine.store.attempts import PastAttempt
from engine.store.measures import Kept
from engine.store.rows import StoredJob

OUTPUT_ELSEWHERE = "it was adopted: its output goes where the process writes it, not to rcq's logs"
OUT_OF_MEMORY = "ran out of GPU memory"
"""In a message, before the line of the job's output that says so."""
Privacy = Literal["hidden", "redacted", "visible"]
J_PER_KWH = 3_600_000.0
_ENDING_FIELDS = ("state", "cause", "exit_code", "signal", "started_at", "ended_at", "message")
_KEPT_FIELDS = tuple(field.name for field in fields_of(JobRow) if hasattr(StoredJob, field.name))
"""What a row has from the store; the rest is the books' to say."""


class InSlurm(Protocol):
    """Where attempts stand that were handed to Slurm."""

    def slurm(self, job: JobId) -> SlurmView | None:
        """In Slurm's words; `None` of one that is not there."""
        ...

    def node(self, job: JobId) -> str | None:
        """The machine that it runs on, as far as that is known."""
        ...

    def reasons(self, job: JobId) -> list[dict[str, Any]]:
        """Why it does not run yet."""
        ...


class NoSlurm:
    """There is none."""

    def slurm(self, job: JobId) -> SlurmView | None:
        """Nothing is there."""
        return None

    def node(self, job: JobId) -> str | None:
        """Nowhere."""
        return None

    def reasons(self, job: JobId) -> list[dict[str, Any]]:
        """None."""
        return []


def _on(live: Live) -> tuple[GpuUuid, ...]:
    """Its cards. Who waits in the cluster's queue has none, whatever the plan had in mind."""
    return () if live.waits else live.lease.gpus


class Views:
    """Makes responses. others: what people see of other accounts' jobs. cluster: none until somebody says so."""

    def __init__(
        self,
        *,
        books: Books,
        journal: Journal,
        notices: Notices,
        measures: Measures,
        others: Privacy,
        jobs_dir: Path,
    ) -> None:
        self._books = books
        self._journal = journal
        self._notices = notices
        self._measures = measures
        self._others = others
        self._jobs_dir = jobs_dir
        self.cluster: InSlurm = NoSlurm()

    @property
    def hides_others(self) -> bool:
        """Whether jobs that are not one's own to see do not exist for people."""
        return self._others == "hidden"

    def knows_of(self, who: Identity, owner: Owner) -> bool:
        """Whether what belongs to `owner` exists at all for `who`."""
        return not self.hides_others or may(who, Action.SEE_ALL_JOBS, owner)

    def sees_all_of(self, who: Identity, owner: Owner) -> bool:
        """Whether a listing shows `who` the names and commands of what belongs to `owner`."""
        return self._others == "visible" or may(who, Action.SEE_ALL_JOBS, owner)

    def group_of(self, who: Identity, owner: Owner) -> str | None:
        """The group of `owner`, if `who` may know of it."""
        return owner.group if self.knows_of(who, owner) else None

    def row(self, who: Identity, job: StoredJob, positions: Mapping[JobId, int], outlooks: Outlooks) -> JobRow:
        """One line of a listing; redacted where `who` may not see more."""
        row = JobRow(**self._values(job, positions, outlooks))
        if not may(who, Action.SEE_JOB, job.owner):
            row.notices = []
        row.command_line = self._command_line(who, job)
        return row if self.sees_all_of(who, job.owner) else redacted(row)

    def detail(self, who: Identity, job: StoredJob, positions: Mapping[JobId, int], outlooks: Outlooks) -> JobDetail:
        """Everything about a job that `who` may see, who may see the job."""
        request = job.fields
        number = JobId(str(job.id))
        live = self._books.live.get(number)
        gpus = live.lease.gpus if live else job.gpu_uuids
        detail = JobDetail(
            **self._values(job, positions, outlooks),
            gpu_uuids=list(gpus),
            message=ended.message if (ended := self._journal.ending(number)) else job.message,
            directory=str(self._jobs_dir / str(job.id)),
            files_removed_at=job.files_removed_at,
            files_removed_why=job.files_removed_why,
            attempts=[self._attempt(job, one) for one in self._past(job)],
            measures=self._measured(job, job.attempt if live is None else live.attempt, len(gpus) or job.gpus),
        )
        if request is not None:
            detail.command, detail.script, detail.args = request.command, request.script, list(request.args)
            detail.array = request.array
            detail.after = [asdict(one) for one in request.after]
            detail.begin, detail.cron, detail.cron_of = request.begin, request.cron, job.cron_of
            detail.retries, detail.idle_ok = request.retries, request.idle_ok
            detail.gpu_power_w, detail.anywhere = request.gpu_power_w, request.anywhere
            if isinstance(request, AdoptedFields):
                detail.adopted_pid = request.adopted_pid
                detail.message = detail.message or OUTPUT_ELSEWHERE
            detail.image, detail.foreground = request.image, request.foreground
            detail.files = _files(job, request.files)
            detail.snapshot, detail.redo_of = request.snapshot, request.redo_of
            detail.workdir, detail.environment, detail.tags = request.workdir, request.environment, request.tags
        if not may(who, Action.SEE_SECRETS, job.owner):
            detail.environment, detail.script, detail.files, detail.snapshot = {}, None, [], None
            detail.withheld = ["environment", "script", "files", "snapshot"]
        detail.command_line = self._command_line(who, job)
        detail.message = self.message(who, job, detail.message)
        for one in detail.attempts:
            one.message = self.message(who, job, one.message)
        return detail

    def message(self, who: Identity, job: StoredJob, text: str | None) -> str | None:
        """What is said of its end, without the line of its output where `who` may not read that."""
        head, out_of_memory, _ = (text or "").partition(OUT_OF_MEMORY)
        return text if may(who, Action.READ_FILES, job.owner) or not out_of_memory else head + out_of_memory

    def _command_line(self, who: Identity, job: StoredJob) -> str | None:
        """A script's first line may set a password, as its environment may."""
        return None if job.is_script and not may(who, Action.SEE_SECRETS, job.owner) else job.command_line

    def notices(self, job: JobId) -> list[dict[str, Any]]:
        """What its owner is told of a job while it runs, oldest first."""
        return self._notices.of_job(job)

    def _past(self, job: StoredJob) -> list[PastAttempt]:
        """The attempts that are over, one that is not on disk yet included."""
        last = self._journal.attempt_end(JobId(str(job.id)))
        if last is None or job.state not in LEASED:
            return list(job.attempts)
        told = {name: getattr(last, name) for name in _ENDING_FIELDS}
        return [*job.attempts, PastAttempt(attempt=job.attempt, gpu_uuids=job.gpu_uuids, **told)]

    def _measured(self, job: StoredJob, attempt: int, gpus: int) -> MeasuresView | None:
        """Of one attempt on so many cards: what is in memory is newer than what is on disk."""
        found: Measured | Kept | None = self._measures.of(JobId(str(job.id)), attempt) or job.measures.get(attempt)
        if found is None or not gpus:
            return None
        return MeasuresView(
            energy_kwh=found.energy_j / J_PER_KWH,
            peak_gpu_memory_mb=found.peak_memory_mb,
            gpu_utilization=found.busy_gpu_s / found.gpu_s if found.gpu_s > 0 else None,
            gpus=gpus,
            gpus_used=min(gpus, found.gpus_used),
        )

    def _attempt(self, job: StoredJob, one: PastAttempt) -> AttemptView:
        return AttemptView(
            attempt=one.attempt,
            state=one.state.value,
            cause=one.cause.value if one.cause else None,
            exit_code=one.exit_code,
            signal=one.signal,
            started_at=one.started_at,
            ended_at=one.ended_at,
            gpu_indices=self._books.cards.indices(one.gpu_uuids),
            message=one.message,
            measures=self._measured(job, one.attempt, len(one.gpu_uuids)),
            place=one.place,
            node=one.node,
        )

    def state(self, job: StoredJob) -> JobState:
        """Where the job stands now."""
        return JobState(self._progress(job)["state"])

    def _values(self, job: StoredJob, positions: Mapping[JobId, int], outlooks: Outlooks) -> dict[str, Any]:
        number = JobId(str(job.id))
        key = self._books.pending.key_of(number)
        outlook = self._outlook(number, key, job, outlooks)
        values = {name: getattr(job, name) for name in _KEPT_FIELDS} | self._progress(job)
        live = self._books.live.get(number)
        return values | {
            "gpu_indices": self._books.cards.indices(_on(live) if live else job.gpu_uuids),
            "position": positions.get(number) if key is not None else None,
            "expected_start": outlook.expected_start,
            "basis": outlook.basis,
            "reasons": outlook.reasons,
            "notices": self._notices.of_job(number),
            **self._place(number, live, job),
        }

    def _place(self, number: JobId, live: Live | None, job: StoredJob) -> dict[str, Any]:
        """Where it is: the books know of a lease, the row of what has ended."""
        if live is None:
            return {}
        found = self.cluster.slurm(number)
        told: dict[str, Any] = {"place": live.lease.place, "node": self.cluster.node(number), "slurm": found}
        if live.state is JobState.SCHEDULED and (reasons := self.cluster.reasons(number)):
            start = None if found is None else found.expected_start
            told |= {"reasons": reasons, "expected_start": start, "basis": None if start is None else FORECAST}
        return told

    def _outlook(self, number: JobId, key: GroupKey | None, job: StoredJob, outlooks: Outlooks) -> Outlook:
        if key is None:
            return at_gate(self._books, number) or NOTHING_YET
        return outlooks.of(number, key, job.submitted_at)

    def paused_since(self, job: JobId) -> float | None:
        """Since when a job stands still; one that was told to stop goes on for that."""
        live = self._books.live.get(job)
        return None if live is None or live.stopping is not None else live.paused_since

    def _progress(self, job: StoredJob) -> dict[str, Any]:
        """What the books know better than the row."""
        number = JobId(str(job.id))
        live = self._books.live.get(number)
        ended = self._journal.ending(number)
        if live is not None:
            return _states(
                live.state,
                attempt=live.attempt,
                started_at=live.started_at,
                paused_since=self.paused_since(number),
                paused_s=live.paused_s,
            )
        if ended is not None:
            return _states(
                ended.state,
                cause=ended.cause.value,
                exit_code=ended.exit_code,
                signal=ended.signal,
                started_at=ended.started_at,
                ended_at=ended.ended_at,
            )
        if (waits := self._books.waits(number)) is not None:
            return _states(waits)
        return _states(job.state, cause=job.cause.value if job.cause else None)


def redacted(row: JobRow) -> JobRow:
    """The row as others get it: group, shape and state, so that the queue makes sense, and no more."""
    row.redacted = True
    row.job_id = row.name = row.account = row.service = row.command_line = None
    row.exit_code = row.signal = row.cause = row.slurm = None
    row.reasons = [reason for reason in row.reasons if reason.get("scope") not in ("account", "service")]
    return row


def _files(job: StoredJob, files: Sequence[StagedFile]) -> list[FileView]:
    return [
        FileView(name=one.name, upload=one.upload, size=job.file_sizes.get(one.upload), executable=one.executable)
        for one in files
    ]


def waiting_of(job: StoredJob) -> Waiting:
    """The job's place in its pending group."""
    return Waiting(job.submitted_at, JobId(str(job.id)))


def _states(state: JobState, **values: Any) -> dict[str, Any]:
    return {"state": state.value, **values}
