"""A recorded pass planned again, and how the two plans differ.

Pure: words are made at the edge. Must not know where records are kept.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from engine.core.decisions import Plan, Preempt, Reserve, Start
from engine.core.model import JobId
from engine.core.plan import plan
from engine.core.record import Held, NotRecorded, Outcome, Record, outcome_of

Part = Start | Reserve | Held | Preempt
"""What a plan says of one job; a hold is said of the first job that it covers."""

_BY_JOB = frozenset({"starts", "reservations", "holds", "preemptions"})


@dataclass(slots=True, frozen=True, kw_only=True)
class Difference:
    """What was decided about `job` and what would be now, `None` for nothing.

    job: `None` where no one job is meant; `what` then names the part of the plan, and both sides are its values.
    """

    what: str
    job: JobId | None
    decided: object
    now: object


def planned_again(record: Record) -> Plan:
    """The plan that this version makes of the recorded snapshot. Raises NotRecorded."""
    return plan(record.snapshot(), record.steady.policy)


def differences(record: Record, again: Plan | NotRecorded) -> tuple[Difference, ...]:
    """Where the recorded plan and the one made again differ; none if they are equal in everything."""
    then = record.moment.outcome
    if isinstance(again, NotRecorded):
        return (Difference(what="queue", job=None, decided=None, now=f"looks at {again}"),)
    now = outcome_of(again)
    return () if then == now else tuple(_differences(record, then, now))


def _differences(record: Record, then: Outcome, now: Outcome) -> Iterator[Difference]:
    before, after = parts(record, then), parts(record, now)
    if before == after and list(before) != list(after):
        yield Difference(what="order", job=None, decided=_jobs(before), now=_jobs(after))
    for what, job in dict.fromkeys((*before, *after)):
        decided, today = before.get((what, job)), after.get((what, job))
        if decided != today:
            yield Difference(what=what, job=job, decided=decided, now=today)
    for field in fields(Plan):
        one, two = getattr(then.plan, field.name), getattr(now.plan, field.name)
        if field.name not in _BY_JOB and one != two:
            yield Difference(what=field.name, job=None, decided=one, now=two)


def parts(record: Record, outcome: Outcome) -> dict[tuple[str, JobId], Part]:
    """What the plan says, by kind (`job` or `preemption`) and job, in the plan's order."""
    heads = {queue.key: queue.heads for queue in record.moment.queues}
    found: dict[tuple[str, JobId], Part] = {("job", start.lease.job): start for start in outcome.plan.starts}
    found |= {("job", reserve.job): reserve for reserve in outcome.plan.reservations}
    for held in outcome.held:
        of = heads.get(held.key, ())[held.skip : held.skip + 1]  # nothing there only if the record was tampered with
        found["job", of[0].job if of else JobId("")] = held
    found |= {("preemption", one.victim.job): one for one in outcome.plan.preemptions}
    return found


def _jobs(of: Mapping[tuple[str, JobId], Part]) -> tuple[JobId, ...]:
    return tuple(job for _, job in of)
