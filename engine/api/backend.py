"""What the API needs of the engine: one protocol per resource, fulfilled by the daemon, faked in tests.

Every method raises `Refused` with a code of the protocol. This module must not know HTTP, the store or the pass.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from engine.api.asks import (
    AccountChange,
    Adopted,
    ArrayStep,
    FeedEvent,
    GroupChange,
    Identity,
    JobQuery,
    Limits,
    NewAccount,
    NewReservation,
    NewTokenAsked,
    NotifyChoice,
    Origin,
)
from engine.api.auditsource import AuditLog
from engine.api.figuresource import Figures
from engine.api.metricsource import Metrics
from engine.protocol.cards import GpuView
from engine.protocol.cluster import NodeView
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields
from engine.protocol.notifications import ChannelTest, NotifyView
from engine.protocol.people import AccountView, GroupView, ServiceView, Session, UsageReport
from engine.protocol.planned import Planned
from engine.protocol.responses import (
    ArrayChanged,
    Health,
    JobDetail,
    JobPage,
    LogChunk,
    Preview,
    ReservationView,
    Stats,
    Why,
)
from engine.protocol.tokens import NewToken, TokenView
from engine.protocol.uploads import Uploads, UploadView


class People(Protocol):
    """Log-in, accounts, groups and services."""

    async def by_token(self, token: str) -> Identity | None:
        """Whose unexpired session or API token this is."""
        ...

    async def by_peer(self, uid: int) -> Identity | None:
        """The enabled account linked to that Unix user, when `auth.peer` is on."""
        ...

    async def login(self, name: str, password: str, origin: Origin | None = None) -> Session:
        """A new session. UNAUTHENTICATED for unknown name, wrong password and disabled account alike.

        RATE_LIMITED after too many wrong ones from that Unix user, or while too many of it wait.
        """
        ...

    async def logout(self, who: Identity) -> None:
        """End the session of this request."""
        ...

    async def change_password(self, who: Identity, old: str, new: str) -> None:
        """Set one's own password. UNAUTHENTICATED if the old one is wrong, VALIDATION_ERROR over 72 bytes.

        Also VALIDATION_ERROR for a one-time password again.
        """
        ...

    async def add_account(self, who: Identity | None, uid: int, new: NewAccount) -> AccountView:
        """Make an account (admins).

        While there is none at all, the engine's own Unix user and root may make the first one, without being logged
        in; it is an admin whatever `role` says. A group that does not exist yet is made with it.
        """
        ...

    async def accounts(self, who: Identity) -> list[AccountView]:
        """All accounts for admins, the own one for others."""
        ...

    async def change_account(self, who: Identity, name: str, change: AccountChange) -> AccountView:
        """Change an account (admins). NOT_FOUND."""
        ...

    async def groups(self, who: Identity) -> list[GroupView]:
        """All groups for admins, the own one for others."""
        ...

    async def add_group(self, who: Identity, name: str, change: GroupChange) -> GroupView:
        """Make a group (admins). INVALID_STATE if it exists."""
        ...

    async def change_group(self, who: Identity, name: str, change: GroupChange) -> GroupView:
        """Change a group (admins). NOT_FOUND."""
        ...

    async def remove_group(self, who: Identity, name: str) -> None:
        """Remove a group that has no accounts (admins). NOT_FOUND, INVALID_STATE."""
        ...

    async def services(self, who: Identity) -> list[ServiceView]:
        """All services."""
        ...

    async def set_service(self, who: Identity, service: ServiceView) -> ServiceView:
        """Make or change a service (admins)."""
        ...


class Jobs(Protocol):
    """Submission, listing and control of jobs."""

    async def submit(self, who: Identity, jobs: Sequence[JobFields], *, many: bool = False) -> list[int | Refused]:
        """Take jobs in, in order, in one commit; each gets its id or why it was refused. Durable on return.

        many: lines of a file or a batch, which have a limit a minute of their own.
        """
        ...

    async def check(self, who: Identity, jobs: Sequence[JobFields]) -> list[Refused | None]:
        """What `submit` would refuse, without taking anything in."""
        ...

    async def differences(self, who: Identity, asked: Sequence[tuple[int, JobFields]]) -> list[list[str]]:
        """For each id of the caller's, and what is asked for now: in which fields that job was asked for otherwise."""
        ...

    async def preview(self, who: Identity, job: JobFields) -> Preview:
        """When this job would start if it were submitted now; refused as `submit` would."""
        ...

    async def page(self, who: Identity, query: JobQuery) -> JobPage:
        """A page of jobs; those of others are redacted."""
        ...

    async def show(self, who: Identity, job: int) -> JobDetail:
        """One job. JOB_NOT_FOUND also for another account's, unless admin."""
        ...

    async def why(self, who: Identity, job: int) -> Why:
        """Why it does not start, and where it stands."""
        ...

    async def planned(self, who: Identity, hours: float) -> Planned:
        """What runs and what is to start in the coming hours; jobs of others are redacted."""
        ...

    async def cancel(self, who: Identity, job: int) -> JobDetail:
        """End it, waiting or running. INVALID_STATE if it has ended."""
        ...

    async def hold(self, who: Identity, job: int) -> JobDetail:
        """Keep a pending job from starting. INVALID_STATE unless pending."""
        ...

    async def release(self, who: Identity, job: int) -> JobDetail:
        """Let a held job go on. INVALID_STATE unless held."""
        ...

    async def requeue(self, who: Identity, job: int) -> JobDetail:
        """Run it again as its next attempt, stopping it first if it runs. INVALID_STATE if it waits."""
        ...

    async def adopt(self, who: Identity, asked: Adopted) -> JobDetail:
        """Make a foreign process that is on a card a running job; durable on return.

        NOT_FOUND for a pid that there is not, FORBIDDEN for another's process and one that could not be ended,
        INVALID_STATE for one on no card, on a leased card, or of a job. Else refused as `submit` is.
        """
        ...

    async def edit(self, who: Identity, job: int, changes: Mapping[str, Any]) -> JobDetail:
        """Change fields of its request; `None`: the default. Refused as `submit` is; INVALID_STATE unless it waits."""
        ...

    async def change_array(self, who: Identity, array: int, step: ArrayStep, elements: Sequence[int]) -> ArrayChanged:
        """The same step for many elements of a job array, in one commit; no `elements`: for all.

        Elements in no state for it stay as they are. JOB_NOT_FOUND for an array or an index that there is not,
        INVALID_STATE if nothing could be changed.
        """
        ...

    async def log(self, who: Identity, job: int, stream: str, offset: int, limit: int) -> LogChunk:
        """Bytes of `stdout` or `stderr` from `offset` (negative: from the end), at most `limit`."""
        ...


class Box(Protocol):
    """The machine and the engine itself."""

    async def gpus(self, who: Identity) -> list[GpuView]:
        """Every card, by index."""
        ...

    async def drain(self, who: Identity, uuid: str, why: str | None) -> GpuView:
        """Take a card out of use (admins); running jobs finish. NOT_FOUND."""
        ...

    async def resume(self, who: Identity, uuid: str) -> GpuView:
        """Put a drained or quarantined card back into use (admins). NOT_FOUND, INVALID_STATE."""
        ...

    async def nodes(self, who: Identity) -> list[NodeView]:
        """The machines of the cluster, by name; none where there is no cluster."""
        ...

    async def stats(self, who: Identity) -> Stats:
        """Counts, load and the age of the last pass."""
        ...

    async def health(self) -> Health:
        """Whether the engine is fit; no log-in needed."""
        ...

    def events(self, who: Identity, after: int | None) -> AsyncIterator[FeedEvent]:
        """What happens from now on (or after event `after`, as far as it is remembered), until the caller leaves."""
        ...


class Reservations(Protocol):
    """Cards that people book for a time."""

    async def reservations(self, who: Identity) -> list[ReservationView]:
        """All that stand and are not over, the earliest first; those of others are redacted."""
        ...

    async def reserve(self, who: Identity, asked: NewReservation) -> ReservationView:
        """Book cards; on disk on return.

        NOT_FOUND for a card that is not there, FORBIDDEN where users may not book, QUOTA_EXCEEDED beyond what the
        caller may, INVALID_STATE if the cards are not to be had then, IMPOSSIBLE_REQUEST for more than there are.
        """
        ...

    async def unreserve(self, who: Identity, number: int) -> ReservationView:
        """Take a booking back. NOT_FOUND, FORBIDDEN unless it is the caller's own or the caller an admin."""
        ...


class Usages(Protocol):
    """What people have used."""

    async def usage(self, who: Identity, group: str | None, since: float | None) -> UsageReport:
        """All groups for admins, the own one for others; or one of them. since: Unix seconds, to count from.

        NOT_FOUND, FORBIDDEN for another group, VALIDATION_ERROR for a time to come.
        """
        ...


class Tokens(Protocol):
    """API tokens, and the sessions beside them."""

    async def create(self, who: Identity, asked: NewTokenAsked) -> NewToken:
        """Make an API token for oneself; on disk on return.

        FORBIDDEN for who carries an API token, INVALID_STATE if the name is taken, QUOTA_EXCEEDED beyond
        `auth.tokens_per_account`, VALIDATION_ERROR for more days than `auth.token_days`.
        """
        ...

    async def tokens(self, who: Identity, account: str | None, everybodys: bool) -> list[TokenView]:
        """What has not expired: one's own, an account's or everybody's. FORBIDDEN unless admin, NOT_FOUND."""
        ...

    async def revoke(self, who: Identity, token_id: str) -> TokenView:
        """End a session or an API token at once.

        NOT_FOUND also for another account's, unless admin; FORBIDDEN for who carries another API token.
        """
        ...


class ResultArchive(Protocol):
    """A ZIP on its way. It has to be closed, wherever it stands."""

    @property
    def name(self) -> str:
        """Of its file."""
        ...

    def pieces(self) -> AsyncIterator[bytes]:
        """All of it, once. Raises RcqError where it breaks off."""
        ...

    async def delivered(self) -> None:
        """Everything was sent."""
        ...

    async def close(self) -> None:
        """End what is under way."""
        ...


class Results(Protocol):
    """What jobs leave in their directories."""

    async def results(self, who: Identity, job: int, elements: Sequence[int] | None, *, code: bool) -> ResultArchive:
        """One job's directory, or those of elements of a job array (none named: of all). code: with captured code.

        INVALID_STATE where there is nothing (yet, or any more), TOO_LARGE for more than the settings allow,
        RATE_LIMITED where too many are under way.
        """
        ...


class Redo(Protocol):
    """Jobs once more, with what was sent along with them."""

    async def redo(self, who: Identity, job: int) -> int:
        """The same request as a new job: its id. INVALID_STATE where its files are gone; else refused as `submit`."""
        ...

    async def diff(self, who: Identity, job: int) -> Path:
        """A file with the difference of its code to the commit. NOT_FOUND without one, INVALID_STATE if it is gone."""
        ...


class Files(Protocol):
    """Files that people upload to be staged for their jobs."""

    async def add(self, who: Identity, chunks: AsyncIterator[bytes], told: int | None) -> UploadView:
        """Take one in; on disk on return. told: its size in bytes, where that is known.

        QUOTA_EXCEEDED beyond `staged_mb`, SERVICE_NOT_READY where the disk has no room.
        """
        ...

    async def uploads(self, who: Identity) -> Uploads:
        """One's own, the oldest first."""
        ...

    async def remove(self, who: Identity, number: str) -> None:
        """Remove one's own. NOT_FOUND, INVALID_STATE while a job needs it."""
        ...


class Notify(Protocol):
    """What accounts chose to be told, and how."""

    async def own(self, who: Identity) -> NotifyView:
        """What the caller chose."""
        ...

    async def of(self, who: Identity, account: str) -> NotifyView:
        """What an account chose; another's for admins, without what its webhook keeps secret. FORBIDDEN, NOT_FOUND."""
        ...

    async def choose(self, who: Identity, asked: NotifyChoice) -> NotifyView:
        """From now on this; the answer has a new webhook's secret. VALIDATION_ERROR for what this engine cannot do."""
        ...

    async def switch_off(self, who: Identity, account: str) -> NotifyView:
        """Nothing is sent to that account any more. FORBIDDEN, NOT_FOUND."""
        ...

    async def test(self, who: Identity) -> list[ChannelTest]:
        """A test by each channel, and how it went. INVALID_STATE with none, RATE_LIMITED."""
        ...


@dataclass(slots=True, frozen=True, kw_only=True)
class Backend:
    """The engine as the API sees it."""

    people: People
    jobs: Jobs
    box: Box
    reservations: Reservations
    usages: Usages
    audit: AuditLog
    notify: Notify
    files: Files
    results: Results
    redo: Redo
    tokens: Tokens
    figures: Figures
    metrics: Metrics
    limits: Limits = field(default_factory=Limits)
