"""Accounts, groups, services and tokens as cells of lists. Must not know what draws them."""

from collections.abc import Sequence
from dataclasses import asdict

from engine.protocol.people import AccountView, GroupView, ServiceView
from engine.protocol.tokens import TokenView
from rcq_tui.viewmodel.formats import duration, moment
from rcq_tui.viewmodel.limits import described
from rcq_tui.viewmodel.pieces import Piece
from rcq_tui.viewmodel.text import clean
from rcq_tui.viewmodel.usage import hours

Cells = Sequence[Piece]


def account_cells(one: AccountView) -> Cells:
    """Name, role, group, Unix user, state, limits."""
    role = "manager" if one.role == "user" and one.manager else one.role
    state, colour = _state(one)
    return [
        (clean(one.name), "quiet" if one.disabled else "title"),
        (clean(role), "info" if role != "user" else "text"),
        (clean(one.group), "text"),
        (clean(one.unix_user) or "-", "text"),
        (state, colour),
        (described(asdict(one.quota)), "quiet"),
    ]


def _state(one: AccountView) -> Piece:
    if one.disabled:
        return "disabled", "bad"
    return ("one-time password", "warn") if one.one_time_password else ("ok", "ok")


def group_cells(one: GroupView) -> Cells:
    """Name, priority, share, guarantee, usage, limits."""
    return [
        (clean(one.name), "title"),
        (str(one.priority), "text"),
        (f"{one.share:g}", "text"),
        (str(one.guarantee_gpus), "text"),
        (f"{hours(one.usage_gpu_s)} GPU-h", "text"),
        (described(asdict(one.quota)), "quiet"),
    ]


def service_cells(one: ServiceView) -> Cells:
    """Name, cap for each account, limits of all its jobs."""
    each = "no cap" if one.jobs_per_account is None else str(one.jobs_per_account)
    return [(clean(one.name), "title"), (each, "text"), (described(asdict(one.quota)), "quiet")]


def token_cells(one: TokenView, now: float) -> Cells:
    """Id, kind, name, account, scope, age, how long it holds."""
    left_s = one.expires_at - now
    return [
        (clean(one.id), "text"),
        (clean(one.kind), "text"),
        ("this one" if one.current else clean(one.name) or "-", "title"),
        (clean(one.account), "text"),
        ("reads only" if one.scope == "read" else "all", "info" if one.scope == "read" else "text"),
        (moment(one.created_at, now), "quiet"),
        (f"{duration(left_s)} left", "warn" if left_s < _SOON_S else "quiet"),
    ]


_SOON_S = 86_400.0
