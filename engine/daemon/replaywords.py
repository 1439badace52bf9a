"""Recorded passes in words: what started, was promised, held or stopped, and where two plans differ.

Must not know where records come from. Names that people gave are data: nothing unprintable passes.
"""

from dataclasses import fields
from datetime import UTC, datetime

from engine.core.decisions import Preempt, Reserve, Start
from engine.core.model import GpuUuid, GroupKey
from engine.core.reasons import Reason
from engine.core.record import Held, Record
from engine.core.replay import Difference
from engine.daemon.printable import printable


def moment(at: float) -> str:
    """Unix seconds as local date and time."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def part_words(part: object) -> str:
    """What a plan says of one job."""
    match part:
        case None:
            return "nothing"
        case Start():
            return f"starts on {_cards(part.lease.gpus)}, expected to end {moment(part.lease.expected_end)}"
        case Reserve():
            return f"is promised {_cards(part.gpus)} from {moment(part.start_at)}, waits for {_first(part.reasons)}"
        case Held():
            others = f" with {part.count - 1} more" if part.count > 1 else ""
            return f"is held{others} by {_first(part.reasons)}"
        case Preempt():
            return f"is stopped for job {part.by.job} ({part.rule}), which gets {_cards(part.by.gpus)}"
        case _:
            return repr(part)


def sides(of: Difference) -> tuple[str, str]:
    """What was decided and what would be now; where words are the same, all numbers."""
    decided, now = part_words(of.decided), part_words(of.now) if of.what != "queue" else str(of.now)
    if decided == now:
        decided, now = repr(of.decided), repr(of.now)
    return printable(decided), printable(now)


def story(record: Record) -> dict[str, list[str]]:
    """A pass, one line for each thing that it decided, under what kind it is."""
    outcome, told = record.moment.outcome, record.moment.queues
    heads = {queue.key: queue.heads for queue in told}
    lines: dict[str, list[str]] = {
        "started": [f"job {s.lease.job} of {_owner(s.lease.key)} {part_words(s)}" for s in outcome.plan.starts],
        "stopped": [f"job {p.victim.job} of {_owner(p.victim.key)} {part_words(p)}" for p in outcome.plan.preemptions],
        "promised": [f"job {r.job} of {_owner(r.key)} {part_words(r)}" for r in outcome.plan.reservations],
        "held": [
            f"job {head.job} of {_owner(held.key)} {part_words(held)}"
            for held in outcome.held
            for head in heads.get(held.key, ())[held.skip : held.skip + 1]
        ],
    }
    return {kind: [printable(line) for line in of] for kind, of in lines.items()}


def world(record: Record) -> str:
    """What the pass looked at, in one line."""
    seen, queues = record.moment.snapshot, record.moment.queues
    jobs = sum(queue.count for queue in queues)
    return f"{len(seen.gpus)} cards, {len(seen.leases)} leases, {jobs} pending jobs in {len(queues)} groups"


def _owner(key: GroupKey) -> str:
    return f"{key.owner.account} ({key.owner.group})"


def _cards(gpus: tuple[GpuUuid, ...]) -> str:
    return ", ".join(gpus) if gpus else "no card"


def _first(reasons: tuple[Reason, ...]) -> str:
    """The first reason with its numbers."""
    if not reasons:
        return "no reason"
    numbers = ", ".join(f"{field.name} {getattr(reasons[0], field.name)}" for field in fields(reasons[0]))
    return f"{reasons[0].code} ({numbers})"
