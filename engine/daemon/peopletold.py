"""What the audit log hears of accounts, groups and services: every value but what says who they are to the engine.

Must not know who changes them.
"""

from dataclasses import asdict
from typing import Any

from engine.core.quota import Quota
from engine.store.accounts import Account
from engine.store.groups import Group
from engine.store.services import Service

_UNTOLD = frozenset({"name", "password_hash", "created_at", "quota"})


def told_account(account: Account) -> dict[str, Any]:
    """By name; limits as `quota.NAME`. Nothing of its password."""
    values = {name: value for name, value in asdict(account).items() if name not in _UNTOLD}
    return values | _limits(account.quota)


def told_group(group: Group | None) -> dict[str, Any]:
    """Its terms and limits; of none, nothing."""
    return asdict(group.terms) | _limits(group.quota) if group is not None else {}


def told_service(service: Service | None) -> dict[str, Any]:
    """Its cap and limits; of none, nothing."""
    return {"jobs_per_account": service.jobs_per_account} | _limits(service.quota) if service is not None else {}


def _limits(quota: Quota) -> dict[str, Any]:
    """Those that there are."""
    return {f"quota.{name}": value for name, value in asdict(quota).items() if value is not None and value != {}}
