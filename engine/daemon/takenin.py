"""What the audit log hears of a submission: one entry for all the jobs of a request's batch.

Must not know why a job was refused: of what was not taken in it says nothing.
"""

from collections.abc import Sequence

from engine.api.asks import Identity
from engine.bookkeeping import NewJob
from engine.core.model import JobId
from engine.daemon.answers import audited
from engine.ports import Clock
from engine.store.audit import Entry


def submitted(clock: Clock, who: Identity, jobs: Sequence[NewJob], ids: Sequence[JobId | None]) -> Entry | None:
    """The entry for these jobs and the ids that they got; `None` if none was taken in."""
    taken = [(int(number), job) for number, job in zip(ids, jobs, strict=True) if number is not None]
    if not taken:
        return None
    first, last = taken[0][0], taken[-1][0] + max(1, len(taken[-1][1].indices)) - 1
    after = {"count": sum(max(1, len(job.indices)) for _, job in taken), "first_id": first, "last_id": last}
    alone = taken[0][1].fields if len(taken) == 1 else None
    key = {"job_id": alone.job_id} if alone is not None and alone.job_id is not None else {}
    target = str(first) if alone is not None else f"{first}-{last}"
    return audited(clock, who, "job.submit", target, owner=who.account, before={}, after={**after, **key})
