"""Logging in and out, who one is, one's own password."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from engine.api.access import Engine, From, Newcomer
from engine.api.answers import Done, answer, refuses, takes
from engine.api.body import reads
from engine.api.requests import Login, PasswordChange
from engine.protocol.people import Me, Session

router = APIRouter(prefix="/v1", tags=["session"])
_BODY = ("BAD_FORMAT", "BAD_ENCODING", "TOO_LARGE")


@router.post(
    "/login",
    response_model=Session,
    responses=refuses("UNAUTHENTICATED", "RATE_LIMITED", *_BODY),
    openapi_extra=takes("Login"),
)
async def login(engine: Engine, origin: From, asked: Annotated[Login, Depends(reads(Login))]) -> Response:
    """A new session; its token is shown this once."""
    return answer(await engine.people.login(asked.name, asked.password, origin))


@router.post("/logout", response_model=Done, responses=refuses("UNAUTHENTICATED", "FORBIDDEN", "INVALID_STATE"))
async def logout(engine: Engine, who: Newcomer) -> Response:
    """End the session whose token this request carries."""
    await engine.people.logout(who)
    return answer(Done())


@router.get("/me", response_model=Me, responses=refuses("UNAUTHENTICATED"))
async def me(who: Newcomer) -> Response:
    """Who the caller is to the engine."""
    return answer(
        Me(
            account=who.account,
            group=who.group,
            role=who.role,
            via=who.via,
            expires_at=who.expires_at,
            must_change_password=who.must_change_password,
            token=who.token_name,
            read_only=who.read_only,
        )
    )


@router.post(
    "/password",
    response_model=Done,
    responses=refuses("UNAUTHENTICATED", "FORBIDDEN", "RATE_LIMITED", *_BODY),
    openapi_extra=takes("PasswordChange"),
)
async def password(
    engine: Engine, who: Newcomer, asked: Annotated[PasswordChange, Depends(reads(PasswordChange))]
) -> Response:
    """Set one's own password."""
    await engine.people.change_password(who, asked.old, asked.new)
    return answer(Done())
