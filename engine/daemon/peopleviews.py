"""Accounts and groups as responses, and the checks that their names and callers go through.

Must not know how anything is written down.
"""

import re
from typing import Any

from engine.api.asks import AccountChange
from engine.core.model import GroupName
from engine.daemon.quotaview import view_of
from engine.daemon.usage import UsageBook
from engine.protocol.errors import Refused
from engine.protocol.people import AccountView, GroupView, ServiceView
from engine.store.accounts import Account
from engine.store.groups import Group
from engine.store.services import Service

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}")
RULE = "must be 1 to 64 letters, digits and . _ @ -, not beginning with a dot, @ or dash"


def account_view(account: Account, note: str | None = None) -> AccountView:
    """Without the password's hash. note: what an admin should know of it."""
    return AccountView(
        name=account.name,
        role=account.role,
        group=account.group,
        disabled=account.disabled,
        unix_user=account.unix_user,
        created_at=account.created_at,
        quota=view_of(account.quota),
        note=note,
        one_time_password=account.one_time,
        manager=account.manager,
    )


def group_view(group: Group, usage: UsageBook, now: float) -> GroupView:
    """With its decayed usage at `now`."""
    return GroupView(
        name=group.name,
        priority=group.terms.priority,
        share=group.terms.share,
        usage_gpu_s=usage.of(GroupName(group.name), now),
        quota=view_of(group.quota),
        guarantee_gpus=group.terms.guarantee_gpus,
    )


def service_view(service: Service) -> ServiceView:
    """With what all its jobs may hold together."""
    return ServiceView(name=service.name, jobs_per_account=service.jobs_per_account, quota=view_of(service.quota))


def changes_of(change: AccountChange) -> dict[str, Any]:
    """What is given of an account's plain values; an empty `unix_user` takes the link away."""
    names = ("role", "group", "disabled", "manager")
    given: dict[str, Any] = {name: getattr(change, name) for name in names}
    values = {name: value for name, value in given.items() if value is not None}
    return values if change.unix_user is None else {**values, "unix_user": change.unix_user or None}


def checked_name(name: str, field: str) -> str:
    """The name, if it is one. Raises Refused (VALIDATION_ERROR)."""
    if not NAME.fullmatch(name):
        raise Refused("VALIDATION_ERROR", f"The {field} {RULE}.", [{"field": field, "message": RULE}])
    return name
