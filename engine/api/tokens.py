"""API tokens and sessions: make, list, revoke."""

import re
from dataclasses import dataclass
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.api.access import Engine, Who
from engine.api.answers import answer, refuses, takes
from engine.api.asks import NewTokenAsked
from engine.api.body import reads
from engine.api.requests import Asked, Name
from engine.protocol.tokens import NewToken, TokenView

router = APIRouter(prefix="/v1/tokens", tags=["tokens"])
_BODY = ("BAD_FORMAT", "BAD_ENCODING", "TOO_LARGE", "UNAUTHENTICATED", "FORBIDDEN")
_ID = r"^[0-9a-f]{16}$"


class TokenAsked(Asked):
    """POST /v1/tokens. days: until it expires, `auth.token_days` if left out. read_only: it opens GET alone."""

    name: Name
    days: Annotated[float, Field(gt=0, le=30, allow_inf_nan=False)] | None = None
    read_only: bool = False

    @field_validator("name")
    @classmethod
    def _no_id(cls, value: str) -> str:
        """Both are what a token is revoked by."""
        if re.fullmatch(_ID, value):
            raise ValueError("must not look like an id: add a word to it")
        return value

    def to_new(self) -> NewTokenAsked:
        """The token that is asked for."""
        return NewTokenAsked(**self.model_dump())


class TokensAsked(BaseModel):
    """GET /v1/tokens. account: another one's; all: everybody's (both for admins)."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    account: str | None = Field(None, max_length=200)
    all: bool = False

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.all and self.account is not None:
            raise ValueError("give one of account and all")
        return self


@dataclass(slots=True, kw_only=True)
class Tokens:
    """Sessions and API tokens that have not expired."""

    items: list[TokenView]


@router.get("", response_model=Tokens, responses=refuses("UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND"))
async def tokens(engine: Engine, who: Who, asked: Annotated[TokensAsked, Query()]) -> Response:
    """One's own sessions and API tokens, or another account's, or everybody's (admins). No token itself is shown."""
    return answer(Tokens(items=await engine.tokens.tokens(who, asked.account, asked.all)))


@router.post(
    "",
    status_code=201,
    response_model=NewToken,
    responses=refuses("INVALID_STATE", "QUOTA_EXCEEDED", *_BODY),
    openapi_extra=takes("TokenAsked"),
)
async def create(engine: Engine, who: Who, asked: Annotated[TokenAsked, Depends(reads(TokenAsked))]) -> Response:
    """Make an API token for oneself; it is shown this once. Who carries an API token cannot."""
    return answer(await engine.tokens.create(who, asked.to_new()), 201)


@router.delete("/{id}", response_model=TokenView, responses=refuses("UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND"))
async def revoke(
    engine: Engine, who: Who, token_id: Annotated[str, Path(alias="id", pattern=_ID, description="As it is listed.")]
) -> Response:
    """End a session or an API token at once: one's own, or anybody's (admins). An API token ends itself alone."""
    return answer(await engine.tokens.revoke(who, token_id))
