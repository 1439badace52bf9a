"""What a search may look at: what the caller may see of jobs, and which pending groups cannot hold what is looked for.

Must not know how jobs are found or shown.
"""

from engine.api.asks import Identity
from engine.core.lifecycle import JobState
from engine.core.model import AccountName, GroupKey, GroupName, Owner
from engine.daemon.access import Action, may
from engine.daemon.views import Views
from engine.protocol.search import COMPARE, Search, Term
from engine.store.matching import Sight

_ANOTHER = AccountName("")
_PRIVATE = frozenset({"account", "service", "cause", "name", "tag"})
"""Typed words that find nothing in a redacted row."""


def sight_of(views: Views, who: Identity) -> Sight:
    """What `who` may see of jobs, as the access table has it."""
    everything = may(who, Action.SEE_ALL_JOBS, Owner(account=_ANOTHER))
    of_group = may(who, Action.SEE_ALL_JOBS, Owner(account=_ANOTHER, group=GroupName(who.group)))
    return Sight(
        account=who.account,
        group=who.group if of_group and not everything else None,
        everything=everything,
        names=everything or views.sees_all_of(who, Owner(account=_ANOTHER)),
        hidden=views.hides_others and not everything,
    )


def may_hold(key: GroupKey, search: Search, *, named: bool) -> bool:
    """Whether a job of this group may be found, as far as the group tells. named: its names and account are shown."""
    if not all(_may_fit(key, term, named=named) for term in search.terms):
        return False
    return named or all(_may_be_shown(key, word) for word in search.words)


def _may_be_shown(key: GroupKey, word: str) -> bool:
    """Whether the word may stand in a redacted row: group, type, state, id."""
    texts = (key.owner.group.lower(), (key.shape.gpu_type or "").lower(), *JobState)
    return set(word) <= set("0123456789[]") or any(word in text for text in texts)


def _may_fit(key: GroupKey, term: Term, *, named: bool) -> bool:
    if term.field in _PRIVATE and not named:
        return False
    numbers = {"gpus": key.shape.gpus, "priority": key.priority}
    if term.field in numbers:
        return COMPARE[term.compare](numbers[term.field], int(term.value))
    if term.field == "type":
        return term.value in (key.shape.gpu_type or "").lower()
    texts = {"account": key.owner.account, "group": key.owner.group, "service": key.service or ""}
    return term.field not in texts or texts[term.field].lower() == term.value
