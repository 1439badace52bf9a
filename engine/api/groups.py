"""Research groups: list, make, change, remove."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from engine.api.access import Engine, Who
from engine.api.answers import Done, Groups, answer, refuses, takes
from engine.api.body import reads
from engine.api.requests import GroupAsked, GroupChangeAsked
from engine.protocol.people import GroupView

router = APIRouter(prefix="/v1/groups", tags=["groups"])
_BODY = ("BAD_FORMAT", "BAD_ENCODING", "TOO_LARGE", "UNAUTHENTICATED", "FORBIDDEN")


@router.get("", response_model=Groups, responses=refuses("UNAUTHENTICATED"))
async def groups(engine: Engine, who: Who) -> Response:
    """All groups for admins, the own one for others."""
    return answer(Groups(items=await engine.people.groups(who)))


@router.post(
    "",
    status_code=201,
    response_model=GroupView,
    responses=refuses("INVALID_STATE", *_BODY),
    openapi_extra=takes("GroupAsked"),
)
async def add(engine: Engine, who: Who, asked: Annotated[GroupAsked, Depends(reads(GroupAsked))]) -> Response:
    """Make a group (admins)."""
    return answer(await engine.people.add_group(who, asked.name, asked.to_change()), 201)


@router.patch(
    "/{name}",
    response_model=GroupView,
    responses=refuses("NOT_FOUND", *_BODY),
    openapi_extra=takes("GroupChangeAsked"),
)
async def change(
    engine: Engine, who: Who, name: str, asked: Annotated[GroupChangeAsked, Depends(reads(GroupChangeAsked))]
) -> Response:
    """Change a group (admins)."""
    return answer(await engine.people.change_group(who, name, asked.to_change()))


@router.delete(
    "/{name}",
    response_model=Done,
    responses=refuses("UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "INVALID_STATE"),
)
async def remove(engine: Engine, who: Who, name: str) -> Response:
    """Remove a group that has no accounts (admins)."""
    await engine.people.remove_group(who, name)
    return answer(Done())
