"""What may be asked of a listing of jobs, as one strict model. Must not know how jobs are found."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.api.asks import JobQuery
from engine.api.requests import ElementList
from engine.core.lifecycle import JobState
from engine.protocol.arrays import ALL, parse_elements
from engine.protocol.search import Span, parse_search

MOST_IDS = 1000
Moment = Annotated[float | None, Field(ge=0, le=1e11, allow_inf_nan=False)]


class Listing(BaseModel):
    """GET /v1/jobs. state: comma-separated. mine: only one's own. limit: rows. cursor: from the page before.

    array: only the job array of this id, whatever the state; elements: only these of it, such as `3-5,9`.
    search: words that all have to match, and typed words such as `state:failed` or `gpus:>1`; what a redacted row hides
    is not found. sort: `queue` is the plan's order, or newest first where ended jobs are asked for. order: `asc` or
    `desc`; `queue` has one alone. fold: elements of one array in one state as one row. since, until: Unix seconds, only
    jobs whose time `by` is at or after the first and before the second, in whatever state; they come newest first. ids:
    just these jobs, such as `1,2,3`, whatever their state.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    state: str = ""
    account: str | None = Field(None, max_length=200)
    group: str | None = Field(None, max_length=200)
    mine: bool = False
    limit: int = Field(50, ge=1, le=1000)
    cursor: str | None = Field(None, max_length=1000)
    array: int | None = Field(None, ge=1, le=2**63 - 1)
    elements: ElementList = None
    search: str = Field("", max_length=500)
    sort: Literal[
        "queue", "id", "submitted", "started", "ended", "priority", "gpus", "time_limit", "name", "account"
    ] = "queue"
    order: Literal["asc", "desc"] = "asc"
    fold: bool = False
    since: Moment = None
    until: Moment = None
    by: Literal["submitted", "started", "ended"] = "submitted"
    ids: str | None = Field(None, max_length=20_000, pattern=r"^[1-9][0-9]{0,17}(,[1-9][0-9]{0,17})*$")

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.elements is not None and self.array is None:
            raise ValueError("elements are of an array; say which: array=ID")
        if self.sort == "queue" and self.order == "desc":
            raise ValueError("the plan's order has no other way round; sort by something else, such as sort=id")
        is_of_time = self.since is not None or self.until is not None
        if self.array is not None and (self.search or self.sort != "queue" or self.fold or is_of_time):
            raise ValueError(
                "array lists its elements by their index; to search or sort among them use search=array:ID"
            )
        if "by" in self.model_fields_set and not is_of_time:
            raise ValueError("by says which time since and until are about; give one of these, or both")
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise ValueError("until has to be later than since: a job of that very moment is not in it")
        others = self.model_fields_set - {"ids", "limit"}
        if self.ids is not None and others:
            raise ValueError(f"ids are just these jobs; leave {min(others)} out")
        return self

    @field_validator("state")
    @classmethod
    def _known(cls, value: str) -> str:
        known = [state.value for state in JobState]
        for one in filter(None, value.split(",")):
            if one not in known:
                raise ValueError(f"{one[:40]!r} is no state; there are {', '.join(known)}")
        return value

    @field_validator("search")
    @classmethod
    def _understood(cls, value: str) -> str:
        parse_search(value)
        return value

    @field_validator("ids")
    @classmethod
    def _not_too_many(cls, value: str | None) -> str | None:
        if value is not None and value.count(",") >= MOST_IDS:
            raise ValueError(f"at most {MOST_IDS} ids at once")
        return value

    def to_query(self, account: str | None) -> JobQuery:
        """The same in the engine's words. account: whose jobs are asked for."""
        return JobQuery(
            states=tuple(filter(None, self.state.split(","))),
            account=account,
            group=self.group,
            limit=self.limit,
            cursor=self.cursor,
            array=self.array,
            elements=parse_elements(self.elements or ALL),
            search=parse_search(self.search),
            sort=self.sort,
            descending=self.order == "desc",
            fold=self.fold,
            span=self._span(),
            ids=tuple(dict.fromkeys(map(int, self.ids.split(",")))) if self.ids else (),
        )

    def _span(self) -> Span | None:
        if self.since is None and self.until is None:
            return None
        return Span(by=self.by, since=self.since, until=self.until)
