"""The order in which a pass looks at pending jobs. Every order is total.

Pure. This module must not know whether a job fits.
"""

from dataclasses import dataclass

from engine.core import fairshare
from engine.core.ledger import Ledger
from engine.core.model import GroupKey, PendingGroup, Waiting
from engine.core.policy import Order, Policy
from engine.core.snapshot import GroupTerms

AGING_STEP_S = 60

Rank = tuple[int, float, float, str]
"""Sorts first what comes first: starved jobs by submission, then the rest by score, submission and id (text order)."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Score:
    """A job's place in the order and what it is made of; base, fair and wait are `None` in the aging order."""

    value: float
    base: float | None = None
    fair: float | None = None
    wait: float | None = None
    starved: bool = False


def score(key: GroupKey, submitted_at: float, now: float, ledger: Ledger, policy: Policy) -> Score:
    """The score of a job of `key`, highest first, with the usage that `ledger` shows at this moment."""
    waited_s = now - submitted_at
    starved = waited_s > policy.starvation_bound_s
    if policy.order is Order.AGING:
        return Score(value=key.priority + max(0.0, waited_s) // AGING_STEP_S, starved=starved)
    terms = ledger.terms.get(key.owner.group, GroupTerms())
    base = float(key.priority + terms.priority)
    fair = ledger.fair(key.owner.group)
    wait = fairshare.wait_factor(waited_s)
    return Score(value=base * fair * wait, base=base, fair=fair, wait=wait, starved=starved)


def rank(waiting: Waiting, of: Score) -> Rank:
    """The sort key that goes with a score."""
    if of.starved:
        return (0, waiting.submitted_at, waiting.submitted_at, waiting.job)
    return (1, -of.value, waiting.submitted_at, waiting.job)


def head_rank(group: PendingGroup, at: int, now: float, ledger: Ledger, policy: Policy) -> tuple[Rank, float]:
    """Rank and score of the `at`-th job of a group. Within a group nobody overtakes: rank falls with position."""
    waiting = group.jobs[at]
    of = score(group.key, waiting.submitted_at, now, ledger, policy)
    return rank(waiting, of), of.value
