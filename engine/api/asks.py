"""Who asks and what they ask for, in the engine's own words: values that the API hands to its backend.

Must not know HTTP, nor what becomes of a request.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.protocol.people import QuotaView
from engine.protocol.search import Search, Span


@dataclass(slots=True, frozen=True, kw_only=True)
class Origin:
    """The process at the other end of the connection, when it connected: its Unix user and its pid."""

    uid: int
    pid: int


@dataclass(slots=True, frozen=True, kw_only=True)
class Identity:
    """Who a request comes from. via: `token` or `peer`. session: the token's SHA-256, to end just this session.

    must_change_password: the log-in was made with a one-time password, and is good for nothing but setting another.
    manages_group: may manage the jobs of its group. token_name: of the API token that it carries, if it is one.
    read_only: that one is good for reading alone.
    origin: where it comes from, `None` where the kernel does not tell.
    """

    account: str
    group: str
    role: str
    via: str
    expires_at: float | None = None
    session: str | None = None
    must_change_password: bool = False
    manages_group: bool = False
    token_name: str | None = None
    read_only: bool = False
    origin: Origin | None = None

    @property
    def is_admin(self) -> bool:
        """Whether the role is `admin`."""
        return self.role == "admin"


@dataclass(slots=True, frozen=True, kw_only=True)
class JobQuery:
    """Filters of a listing; newest first unless only waiting states are asked for, then in the plan's order.

    limit: 1 to 1000 rows. cursor: from the page before. array: only elements of the job array of this id, by ascending
    index and whatever their state unless `states` says more; elements: only those of these indices, none: all.
    search: what has to match. sort: one of `SORTS`, descending: the largest first. fold: elements of one array in one
    state are one row. span: only those of that stretch of time, newest first. ids: just these jobs, in this order,
    whatever their state.
    """

    states: tuple[str, ...] = ()
    account: str | None = None
    group: str | None = None
    limit: int = 50
    cursor: str | None = None
    array: int | None = None
    elements: Sequence[int] = ()
    search: Search = Search()  # noqa: RUF009 - frozen
    sort: str = "queue"
    descending: bool = False
    fold: bool = False
    span: Span | None = None
    ids: tuple[int, ...] = ()


ArrayStep = Literal["cancel", "hold", "release"]
"""What can be done to many elements of a job array at once."""


@dataclass(slots=True, frozen=True, kw_only=True)
class NewAccount:
    """An account to be made. password: clear text, `None` for none (then only the linked Unix user gets in).

    one_time: that password has to be changed at the first log-in. manager: of its group's jobs.
    """

    name: str
    group: str
    role: str = "user"
    password: str | None = None
    unix_user: str | None = None
    one_time: bool = False
    manager: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class AccountChange:
    """What to change of an account; `None` leaves it as it is. one_time: of the new password."""

    role: str | None = None
    group: str | None = None
    disabled: bool | None = None
    unix_user: str | None = None
    password: str | None = None
    quota: QuotaView | None = None
    one_time: bool = False
    manager: bool | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class GroupChange:
    """What to make or change of a group; `None` leaves it as it is (or at its default)."""

    priority: int | None = None
    share: float | None = None
    guarantee_gpus: int | None = None
    quota: QuotaView | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class NewTokenAsked:
    """An API token that somebody wants. days: until it expires, `None`: as many as there are. read_only: GET alone."""

    name: str
    days: float | None = None
    read_only: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class NewReservation:
    """Cards to be booked: `cards`, each an index, a UUID or the beginning of one, or any `gpus` of them.

    start_at: Unix seconds, `None` for now. duration_s: seconds from there.
    """

    duration_s: int
    start_at: float | None = None
    gpus: int | None = None
    cards: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True, kw_only=True)
class NotifyChoice:
    """What an account wants to be told and how, whole. on: events. min_run_s: ends of shorter runs are not told.

    new_secret: another one for the webhook.
    """

    on: tuple[str, ...] = ()
    mail: str | None = None
    webhook: str | None = None
    command: bool = False
    terminal: str = "off"
    min_run_s: float = 0.0
    new_secret: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class Adopted:
    """A process that is to become a job. time_limit_s: from now on; `None`, like the rest: the default."""

    pid: int
    time_limit_s: int | None = None
    name: str | None = None
    group: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class AuditQuery:
    """Filters of the audit log, newest first. account: who did it. action: whole, or its beginning and `*`.

    target: what it was done to. since, until: Unix seconds, the end excluded. limit: 1 to 1000. cursor: from the page
    before.
    """

    account: str | None = None
    action: str | None = None
    target: str | None = None
    since: float | None = None
    until: float | None = None
    limit: int = 50
    cursor: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class FeedEvent:
    """Something that happened, for one subscriber's eyes.

    kind: `gpus`, `job`, `notice`, `notification`, `queue`, `reservations` or `stats`.
    """

    id: int
    kind: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, frozen=True, kw_only=True)
class Limits:
    """Bounds on what is read from strangers, from the settings. Bytes; ingest_batch_lines: submitted together."""

    body_bytes: int = 8 * 1024 * 1024
    line_bytes: int = 1024 * 1024
    ingest_batch_lines: int = 1000
