"""What people may send besides jobs: one strict pydantic model per request; unknown fields are refused.

Must not know what is done with it. Turning a model into the backend's words is the model's own `to_…` method.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from engine.api.asks import AccountChange, Adopted, GroupChange, NewAccount, NewReservation
from engine.api.schema import MAX_COUNT, MAX_MEMORY_MB, MAX_TIME_S, NAME, PRINTABLE, Label
from engine.protocol.arrays import parse_elements
from engine.protocol.people import QuotaView, ServiceView

Name = Annotated[str, StringConstraints(pattern=NAME)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Role = Literal["user", "admin"]
Limit = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Hours = Annotated[float, Field(ge=0, le=MAX_COUNT, allow_inf_nan=False)]
Memory = Annotated[int, Field(ge=0, le=MAX_MEMORY_MB)]


class Asked(BaseModel):
    """Root of all requests: strict types, nothing unknown, no value repeated in an error."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


def _element_list(value: str | None) -> str | None:
    if value is not None:
        parse_elements(value)
    return value


ElementList = Annotated[str | None, Field(max_length=60_000), AfterValidator(_element_list)]


class Login(Asked):
    """POST /v1/login"""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    password: Password


class PasswordChange(Asked):
    """POST /v1/password"""

    old: Password
    new: Password


class Drain(Asked):
    """POST /v1/gpus/{uuid}/drain. why: shown to whoever asks why a job waits."""

    why: Annotated[str, StringConstraints(max_length=500, pattern=PRINTABLE)] | None = None


class ReservationAsked(Asked):
    """POST /v1/reservations: any `gpus` cards, or those in `cards` (index, UUID or the beginning of one).

    start_at: Unix seconds, left out for now. duration_s: seconds from there, a minute at least.
    """

    gpus: Annotated[int, Field(ge=1, le=MAX_COUNT)] | None = None
    cards: Annotated[list[Label], Field(max_length=1024)] = Field(default_factory=list)
    start_at: Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)] | None = None
    duration_s: Annotated[int, Field(ge=60, le=MAX_TIME_S)]

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.gpus is None) == (not self.cards):
            raise ValueError("give either gpus, how many cards, or cards, which ones")
        return self

    def to_reservation(self) -> NewReservation:
        """The booking that is asked for."""
        return NewReservation(
            gpus=self.gpus, cards=tuple(self.cards), start_at=self.start_at, duration_s=self.duration_s
        )


class AdoptionAsked(Asked):
    """POST /v1/adopt. pid: of a process that is on a card. time_limit_s: counts from now; left out: the default."""

    pid: Annotated[int, Field(ge=1, le=2**31 - 1)]
    time_limit_s: Annotated[int, Field(ge=1, le=MAX_TIME_S)] | None = None
    name: Label | None = None
    group: Name | None = None

    def to_adopted(self) -> Adopted:
        """The adoption that is asked for."""
        return Adopted(**self.model_dump())


class Batch(Asked):
    """POST /v1/jobs/batch: each job is judged by itself."""

    jobs: list[Any]


class QuotaAsked(Asked):
    """Limits; `null` or left out is no limit. Memory in MiB, gpu_hours in a calendar month (UTC)."""

    gpus: Limit | None = None
    gpus_by_type: dict[Label, Limit] = Field(default_factory=dict)
    gpu_memory_mb: Memory | None = None
    cpu_cores: Limit | None = None
    memory_mb: Memory | None = None
    jobs: Limit | None = None
    gpu_hours: Hours | None = None
    queued: Limit | None = None
    submissions_per_minute: Limit | None = None
    ingest_per_minute: Limit | None = None
    staged_mb: Memory | None = None

    def to_view(self) -> QuotaView:
        """The same limits; GPU types as lower-case words."""
        by_type = {" ".join(kind.lower().split()): limit for kind, limit in self.gpus_by_type.items()}
        return QuotaView(**(self.model_dump(exclude={"gpus_by_type"}) | {"gpus_by_type": by_type}))


T = TypeVar("T", bound=BaseModel)


def _with_password(asked: T, alone: bool) -> T:
    if alone:
        raise ValueError("one_time is said of a password, and none is given")
    return asked


class AccountAsked(Asked):
    """POST /v1/accounts. one_time: the password has to be changed at the first log-in. manager: of its group's jobs."""

    name: Name
    group: Name
    role: Role = "user"
    password: Password | None = None
    unix_user: Name | None = None
    one_time: bool = False
    manager: bool = False

    @model_validator(mode="after")
    def _one_time_password(self) -> Self:
        return _with_password(self, self.one_time and self.password is None)

    def to_account(self) -> NewAccount:
        """The account to be made."""
        return NewAccount(**self.model_dump())


class _Change(Asked):
    """A change: what is left out stays; `null` means nothing here and is refused. The defaults are never read."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing to change was given")
        return self

    def _given(self) -> dict[str, Any]:
        given: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        if isinstance(quota := given.get("quota"), QuotaAsked):
            given["quota"] = quota.to_view()
        return given


class AccountChangeAsked(_Change):
    """PATCH /v1/accounts/{name}. What is left out stays; a quota replaces the whole quota. one_time: as of the POST."""

    role: Role = Field(default_factory=lambda: "user")
    group: Name = Field(default_factory=str)
    disabled: bool = Field(default_factory=bool)
    unix_user: Name = Field(default_factory=str)
    password: Password = Field(default_factory=str)
    quota: QuotaAsked = Field(default_factory=QuotaAsked)
    one_time: bool = Field(default_factory=bool)
    manager: bool = Field(default_factory=bool)

    @model_validator(mode="after")
    def _one_time_password(self) -> Self:
        return _with_password(self, self.one_time and "password" not in self.model_fields_set)

    def to_change(self) -> AccountChange:
        """Only what was sent."""
        return AccountChange(**self._given())


class GroupChangeAsked(_Change):
    """PATCH /v1/groups/{name}. What is left out stays; a quota replaces the whole quota."""

    priority: Annotated[int, Field(ge=1, le=10)] = Field(default_factory=int)
    share: Annotated[float, Field(gt=0, le=MAX_COUNT, allow_inf_nan=False)] = Field(default_factory=float)
    guarantee_gpus: Limit = Field(default_factory=int)
    quota: QuotaAsked = Field(default_factory=QuotaAsked)

    def to_change(self) -> GroupChange:
        """Only what was sent."""
        given = self._given()
        given.pop("name", None)
        return GroupChange(**given)


class GroupAsked(GroupChangeAsked):
    """POST /v1/groups"""

    name: Name


class ServiceAsked(Asked):
    """PUT /v1/services/{name}: the whole service. jobs_per_account: what one account may run at once; `null`: no cap.

    quota: what all its jobs may hold together; left out: no limits.
    """

    jobs_per_account: Limit | None
    quota: QuotaAsked = Field(default_factory=QuotaAsked)

    @field_validator("quota")
    @classmethod
    def _nothing_staged(cls, value: QuotaAsked) -> QuotaAsked:
        if value.staged_mb is not None:
            raise ValueError("staged_mb is a limit of accounts and groups: files are staged before their job is known")
        return value

    def to_view(self, name: str) -> ServiceView:
        """The service of that name."""
        return ServiceView(name=name, jobs_per_account=self.jobs_per_account, quota=self.quota.to_view())


class OfArray(BaseModel):
    """DELETE /v1/jobs/{id} and the like.

    elements: which of the job array whose first element has that id, such as `3-5,9` or `all`; else that one job.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    elements: ElementList = None

    @property
    def indices(self) -> Sequence[int] | None:
        """Which elements: none for all; `None`: it is about that one job."""
        return None if self.elements is None else parse_elements(self.elements)


class UsageAsked(BaseModel):
    """GET /v1/usage. group: only this one. since: Unix seconds, to count plain GPU-hours from."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    group: str | None = Field(None, max_length=200)
    since: float | None = Field(None, ge=0, le=1e11, allow_inf_nan=False)


class LogPart(BaseModel):
    """GET /v1/jobs/{id}/log. offset: in bytes, negative from the end. limit: bytes."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    stream: Literal["stdout", "stderr"] = "stdout"
    offset: int = Field(0, ge=-(2**62), le=2**62)
    limit: int = Field(65_536, ge=1, le=1_048_576)


class Ahead(BaseModel):
    """GET /v1/plan. hours: how far ahead."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    hours: float = Field(24.0, gt=0, le=24 * 90, allow_inf_nan=False)


class Submission(BaseModel):
    """POST /v1/jobs. dry_run: say whether it would be taken, take nothing."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    dry_run: bool = False


class Ingestion(BaseModel):
    """POST /v1/ingest.

    all_errors: answer as NDJSON with a line for every error, its input included; progress: as NDJSON with a line per
    batch; wait: as NDJSON, lines that come too fast for their limit a minute are held back instead of refused. The last
    line is the report. resume: a line whose job_id had its job before this file is no error where it asks for the same,
    but counted as `known`.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    format: Literal["ndjson", "csv"] = "ndjson"
    dry_run: bool = False
    all_errors: bool = False
    progress: bool = False
    wait: bool = False
    resume: bool = False


class Following(BaseModel):
    """GET /v1/events. after: the last event that was seen."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    after: int | None = Field(None, ge=0, le=2**63 - 1)
