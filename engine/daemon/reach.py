"""Which jobs a listing may be asked for, before any is read: filters must tell nothing that a redacted row hides.

Must not know how jobs are found or shown.
"""

from dataclasses import replace

from engine.api.asks import Identity, JobQuery
from engine.core.model import AccountName, GroupName, Owner
from engine.daemon.views import Views
from engine.protocol.errors import Refused

_ANOTHER = Owner(account=AccountName(""))


def allowed(views: Views, who: Identity, query: JobQuery) -> JobQuery:
    """The query as far as `who` may ask it: a group's manager may list what somebody runs for the group.

    FORBIDDEN for another account's jobs: the filter would tell whose a redacted row is.
    """
    if query.account in (None, who.account):
        return query
    account = AccountName(str(query.account))
    if views.sees_all_of(who, Owner(account=account)):
        return query
    of_group = Owner(account=account, group=GroupName(who.group))
    if query.group in (None, who.group) and views.sees_all_of(who, of_group):
        return replace(query, group=who.group)
    raise Refused("FORBIDDEN", "Only admins may list another account's jobs. Leave the account out.")


def within(views: Views, who: Identity, query: JobQuery) -> tuple[str | None, str | None]:
    """Account and group to read from the store: as few rows as can be that do not exist for `who`."""
    if query.account is not None or views.knows_of(who, _ANOTHER):
        return query.account, query.group
    if query.group in (None, who.group) and views.knows_of(who, replace(_ANOTHER, group=GroupName(who.group))):
        return None, who.group
    return who.account, query.group
