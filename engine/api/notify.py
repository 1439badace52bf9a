"""Notifications: what an account chose to be told and how, a test of it, and admins' view of others."""

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field, StringConstraints, model_validator

from engine.api.access import Engine, Who
from engine.api.answers import answer, refuses, takes
from engine.api.asks import NotifyChoice
from engine.api.body import reads
from engine.api.requests import Asked
from engine.api.schema import MAX_TIME_S, NAME, PRINTABLE
from engine.protocol.notifications import NotifyTests, NotifyView
from engine.protocol.webhooks import MOST_URL

router = APIRouter(prefix="/v1/notify", tags=["notify"])
_BODY = ("BAD_FORMAT", "BAD_ENCODING", "TOO_LARGE", "UNAUTHENTICATED", "FORBIDDEN", "SERVICE_NOT_READY")
_Account = Annotated[str, Path(alias="account", pattern=NAME)]
_Event = Literal["end", "failed", "preempted", "warning"]


class NotifyAsked(Asked):
    """PUT /v1/notify: the whole choice; what is left out is off.

    on: events. min_run_s: ends of shorter runs are not told. new_secret: sign the same webhook with another secret.
    """

    on: Annotated[list[_Event], Field(max_length=4)] = Field(default_factory=list)
    mail: Annotated[str, StringConstraints(max_length=254, pattern=PRINTABLE)] | None = None
    webhook: Annotated[str, StringConstraints(max_length=MOST_URL, pattern=PRINTABLE)] | None = None
    command: bool = False
    terminal: Literal["off", "bell", "message", "both"] = "off"
    min_run_s: Annotated[float, Field(ge=0, le=MAX_TIME_S, allow_inf_nan=False)] = 0.0
    new_secret: bool = False

    @model_validator(mode="after")
    def _secret_of_something(self) -> Self:
        if self.new_secret and self.webhook is None:
            raise ValueError("new_secret is of a webhook, and none is given")
        return self

    def to_choice(self) -> NotifyChoice:
        """The choice that is asked for."""
        return NotifyChoice(**(self.model_dump(exclude={"on"}) | {"on": tuple(dict.fromkeys(self.on))}))


@router.get("", response_model=NotifyView, responses=refuses("UNAUTHENTICATED", "FORBIDDEN"))
async def own(engine: Engine, who: Who) -> Response:
    """What the caller chose to be told, and how."""
    return answer(await engine.notify.own(who))


@router.put("", response_model=NotifyView, responses=refuses(*_BODY), openapi_extra=takes("NotifyAsked"))
async def choose(engine: Engine, who: Who, asked: Annotated[NotifyAsked, Depends(reads(NotifyAsked))]) -> Response:
    """Choose; the secret of a new webhook is shown this once."""
    return answer(await engine.notify.choose(who, asked.to_choice()))


@router.post(
    "/test",
    response_model=NotifyTests,
    responses=refuses("UNAUTHENTICATED", "FORBIDDEN", "INVALID_STATE", "RATE_LIMITED"),
)
async def test(engine: Engine, who: Who) -> Response:
    """Send a test by each chosen channel now; what came of it within half a minute."""
    return answer(NotifyTests(items=await engine.notify.test(who)))


@router.get("/{account}", response_model=NotifyView, responses=refuses("UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND"))
async def of(engine: Engine, who: Who, account: _Account) -> Response:
    """What an account chose (admins, or one's own); the path of another's webhook is left out."""
    return answer(await engine.notify.of(who, account))


@router.delete(
    "/{account}",
    response_model=NotifyView,
    responses=refuses("UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "SERVICE_NOT_READY"),
)
async def switch_off(engine: Engine, who: Who, account: _Account) -> Response:
    """Send an account nothing any more (admins, or one's own)."""
    return answer(await engine.notify.switch_off(who, account))
