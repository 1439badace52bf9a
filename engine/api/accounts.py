"""Accounts: list, make, change. The very first one is made without being logged in."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from engine.api.access import Anybody, Engine, UnixPeer, Who
from engine.api.answers import Accounts, answer, refuses, takes
from engine.api.body import reads
from engine.api.requests import AccountAsked, AccountChangeAsked
from engine.protocol.people import AccountView

router = APIRouter(prefix="/v1/accounts", tags=["accounts"])
_BODY = ("BAD_FORMAT", "BAD_ENCODING", "TOO_LARGE", "UNAUTHENTICATED", "FORBIDDEN")


@router.get("", response_model=Accounts, responses=refuses("UNAUTHENTICATED"))
async def accounts(engine: Engine, who: Who) -> Response:
    """All accounts for admins, the own one for others."""
    return answer(Accounts(items=await engine.people.accounts(who)))


@router.post(
    "",
    status_code=201,
    response_model=AccountView,
    responses=refuses("INVALID_STATE", *_BODY),
    openapi_extra=takes("AccountAsked"),
)
async def add(
    engine: Engine, who: Anybody, peer: UnixPeer, asked: Annotated[AccountAsked, Depends(reads(AccountAsked))]
) -> Response:
    """Make an account (admins; the first one: the engine's own Unix user, not logged in)."""
    return answer(await engine.people.add_account(who, peer.uid, asked.to_account()), 201)


@router.patch(
    "/{name}",
    response_model=AccountView,
    responses=refuses("NOT_FOUND", "INVALID_STATE", *_BODY),
    openapi_extra=takes("AccountChangeAsked"),
)
async def change(
    engine: Engine, who: Who, name: str, asked: Annotated[AccountChangeAsked, Depends(reads(AccountChangeAsked))]
) -> Response:
    """Change an account (admins)."""
    return answer(await engine.people.change_account(who, name, asked.to_change()))
