"""What a group is promised, checked: priority, share, and cards that are its own whenever it wants them.

Must not know how it is written down, nor how a pass keeps the promise.
"""

from collections.abc import Iterable
from dataclasses import replace

from engine.api.asks import GroupChange
from engine.daemon.quotaview import quota_of
from engine.protocol.errors import Refused
from engine.store.groups import Group


def changed_group(group: Group, change: GroupChange) -> Group:
    """The group with what was given. Raises Refused for numbers out of range."""
    terms = group.terms
    if change.priority is not None:
        if not 1 <= change.priority <= 10:
            raise _invalid("priority", "must be 1 to 10")
        terms = replace(terms, priority=change.priority)
    if change.share is not None:
        if not 0 < change.share < float("inf"):
            raise _invalid("share", "must be above 0")
        terms = replace(terms, share=change.share)
    if change.guarantee_gpus is not None:
        if change.guarantee_gpus < 0:
            raise _invalid("guarantee_gpus", "must be 0 or more")
        terms = replace(terms, guarantee_gpus=change.guarantee_gpus)
    return replace(group, terms=terms, quota=group.quota if change.quota is None else quota_of(change.quota))


def check_guarantee(group: Group, others: Iterable[Group], cards: int) -> None:
    """Refuse what cannot be kept, with the numbers. others: all groups, the one as it was among them or not.

    Raises Refused (VALIDATION_ERROR): above the group's own cap, or in sum above the cards of the box.
    """
    own, cap = group.terms.guarantee_gpus, group.quota.gpus
    if not own:
        return
    if cap is not None and own > cap:
        told = f"{group.name} may hold at most {cap} GPUs, so {own} cannot be guaranteed. Raise the cap first."
        raise _refused(told, guarantee_gpus=own, gpus=cap)
    rest = sum(other.terms.guarantee_gpus for other in others if other.name != group.name)
    if own + rest > cards:
        left = max(0, cards - rest)
        told = f"Other groups are guaranteed {rest} of {cards} GPUs: {own} cannot be guaranteed, at most {left}."
        raise _refused(told, guarantee_gpus=own, guaranteed_to_others=rest, gpus=cards)


def _refused(message: str, **numbers: int) -> Refused:
    return Refused("VALIDATION_ERROR", message, [{"field": "guarantee_gpus", "message": "cannot be kept", **numbers}])


def _invalid(field: str, message: str) -> Refused:
    return Refused("VALIDATION_ERROR", f"{field} {message}.", [{"field": field, "message": message}])
