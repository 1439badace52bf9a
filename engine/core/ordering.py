"""The order in which a pass looks at pending jobs. Every order is total.

Pure. This module must not know whether a job fits.
"""

from collections.abc import Callable
from dataclasses import dataclass

from engine.core import fairshare
from engine.core.ledger import Ledger
from engine.core.model import GroupKey, PendingGroup, Waiting
from engine.core.policy import Basis, Order, Policy
from engine.core.snapshot import GroupTerms, Snapshot

AGING_STEP_S = 60
QUEUES = 3.0
"""A job is not starved before it has waited for so many times the work that the box has before it."""
SHORT_QUEUE_S = 12 * 3600.0
"""So much of that is no reason to wait for a promise."""

Rank = tuple[int, float, float, str]
"""Sorts first what comes first: starved jobs by submission; then, by score, submission and id (text order), those that
stay within what their group is guaranteed, and the rest."""

STARVED, ENTITLED, OTHERS = 0, 1, 2


@dataclass(slots=True, frozen=True, kw_only=True)
class Score:
    """A job's place in the order and what it is made of; base, fair, wait and short are `None` in the aging order.

    value: base x fair x wait x short. patience_s: after so many seconds of waiting it counts as starved.
    """

    value: float
    base: float | None = None
    fair: float | None = None
    wait: float | None = None
    short: float | None = None
    patience_s: float = 0.0
    starved: bool = False


def score(key: GroupKey, submitted_at: float, now: float, ledger: Ledger, policy: Policy) -> Score:
    """The score of a job of `key`, highest first, with the usage that `ledger` shows at this moment."""
    waited_s = now - submitted_at
    patience = patience_s(ledger, policy)
    starved = waited_s > patience
    if policy.order is Order.AGING:
        return Score(value=_aged(key, waited_s), patience_s=patience, starved=starved)
    terms = ledger.terms.get(key.owner.group, GroupTerms())
    base = float(key.priority + terms.priority)
    fair = ledger.fair(key.owner)
    wait = fairshare.wait_factor(waited_s)
    short = fairshare.short_factor(key.shape.gpus, ledger.run_s(key), policy.shortness)
    return Score(
        value=value_of(base, fair, wait, short),
        base=base,
        fair=fair,
        wait=wait,
        short=short,
        patience_s=patience,
        starved=starved,
    )


def _aged(key: GroupKey, waited_s: float) -> float:
    return float(key.priority + max(0.0, waited_s) // AGING_STEP_S)


def value_of(base: float, fair: float, wait: float, short: float) -> float:
    """The fair-share score."""
    return base * fair * wait * short


def patience_s(ledger: Ledger, policy: Policy) -> float:
    """Seconds after which a waiting job is starved: the bound, and more where the queue itself is long.

    Where work for days is queued, days of waiting are nobody's bad luck, and jobs that all went to the head would be
    first come, first served. The stretch is bounded, so every feasible job starts in bounded time.
    """
    return policy.starvation_bound_s + min(policy.starvation_stretch_s, QUEUES * ledger.backlog_s)


def by_limits(snapshot: Snapshot, policy: Policy) -> bool:
    """Whether promises rest on time limits: asked for, or somebody has waited for so long that none may slip again."""
    if policy.promises is not Basis.BOTH:
        return policy.promises is Basis.LIMITS
    most_s = policy.starvation_bound_s + policy.starvation_stretch_s
    return any(snapshot.now - group.jobs[0].submitted_at > most_s for group in snapshot.pending)


def may_be_promised(submitted_at: float, now: float, ledger: Ledger) -> bool:
    """Whether it is time for a promise: at once where the queue is short, later where it is long.

    To keep cards clear for a job costs the others; while days of work are queued it would be done for everybody.
    """
    return now - submitted_at >= QUEUES * ledger.backlog_s - SHORT_QUEUE_S


def rank(waiting: Waiting, of: Score, *, entitled: bool = False) -> Rank:
    """The sort key that goes with a score. entitled: one more such job stays within its group's guarantee."""
    return rank_of(waiting, of.value, starved=of.starved, entitled=entitled)


def rank_of(waiting: Waiting, value: float, *, starved: bool, entitled: bool) -> Rank:
    """The sort key of a job with that score."""
    if starved:
        return (STARVED, waiting.submitted_at, waiting.submitted_at, waiting.job)
    return (ENTITLED if entitled else OTHERS, -value, waiting.submitted_at, waiting.job)


def head_rank(group: PendingGroup, at: int, now: float, ledger: Ledger, policy: Policy) -> tuple[Rank, float]:
    """Rank and score of the `at`-th job of a group. Within a group nobody overtakes: rank falls with position."""
    waiting = group.jobs[at]
    of = score(group.key, waiting.submitted_at, now, ledger, policy)
    return rank(waiting, of, entitled=ledger.entitled(group.key)), of.value


def ranks_in(group: PendingGroup, now: float, ledger: Ledger, policy: Policy) -> Callable[[Waiting], Rank]:
    """The rank of each of a group's jobs, as `head_rank` has it; what they have in common is worked out once."""
    key = group.key
    common = score(key, now, now, ledger, policy)
    entitled = ledger.entitled(key)

    def value(waited_s: float) -> float:
        if common.base is None or common.fair is None or common.short is None:
            return _aged(key, waited_s)
        return value_of(common.base, common.fair, fairshare.wait_factor(waited_s), common.short)

    def ranked(waiting: Waiting) -> Rank:
        waited_s = now - waiting.submitted_at
        return rank_of(waiting, value(waited_s), starved=waited_s > common.patience_s, entitled=entitled)

    return ranked
