"""How answers look: plain dataclasses of the protocol as JSON, the one error shape, what OpenAPI says of both.

Must not know where an answer comes from.
"""

import math
from dataclasses import dataclass
from typing import Any

from fastapi import Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from engine.protocol.cards import GpuView
from engine.protocol.cluster import NodeView
from engine.protocol.errors import STATUS, Refused
from engine.protocol.people import AccountView, GroupView, ServiceView
from engine.protocol.responses import ReservationView


class ErrorPart(BaseModel):
    """What was refused and what to do. code: the interface's; details: what is wrong where."""

    code: str
    message: str
    details: list[dict[str, Any]] = Field(default_factory=list)


class ErrorAnswer(BaseModel):
    """Every refusal has this shape."""

    error: ErrorPart


@dataclass(slots=True, kw_only=True)
class JobTaken:
    """A job that was taken in; it is on disk. A job array is `count` jobs, with ids from `id` to `last_id`."""

    id: int
    count: int
    last_id: int


@dataclass(slots=True, kw_only=True)
class Done:
    """It was done (or, on a dry run, would be); there is nothing else to say."""

    ok: bool = True


@dataclass(slots=True, kw_only=True)
class Gpus:
    """Every card, by index."""

    items: list[GpuView]


@dataclass(slots=True, kw_only=True)
class Nodes:
    """The machines of the cluster, by name."""

    items: list[NodeView]


@dataclass(slots=True, kw_only=True)
class Reservations:
    """Booked reservations that stand, the earliest first."""

    items: list[ReservationView]


@dataclass(slots=True, kw_only=True)
class Accounts:
    """Accounts that the caller may know of."""

    items: list[AccountView]


@dataclass(slots=True, kw_only=True)
class Groups:
    """Groups that the caller may know of."""

    items: list[GroupView]


@dataclass(slots=True, kw_only=True)
class Services:
    """All services."""

    items: list[ServiceView]


def as_json(value: object) -> bytes:
    """A dataclass of the protocol as JSON; a number that JSON cannot say is `null`."""
    return to_json(value, inf_nan_mode="null")


def answer(value: object, status: int = 200) -> Response:
    """The whole answer of a route."""
    return Response(as_json(value), status, media_type="application/json")


WORTH_A_RETRY = {429: 1, 503: 5}
"""Statuses that pass by themselves, and the seconds to wait where nobody knows better: a restart takes a few."""


def retry_after(refused: Refused) -> int | None:
    """Whole seconds until it is worth another try; `None` where waiting mends nothing."""
    if refused.retry_after_s is not None:
        return max(1, math.ceil(refused.retry_after_s))
    return WORTH_A_RETRY.get(STATUS[refused.code])


def refusal(refused: Refused, status: int | None = None) -> Response:
    """The error shape, with `Retry-After` where there is something to wait for. status: if not the code's own."""
    wait = retry_after(refused)
    headers = {} if wait is None else {"retry-after": str(wait)}
    if refused.code == "UNAUTHENTICATED":
        headers["www-authenticate"] = "Bearer"
    body = as_json(refused.body())
    return Response(body, status or STATUS[refused.code], headers=headers, media_type="application/json")


def refuses(*codes: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` of a route that may answer with these codes, besides those that any route may."""
    by_status: dict[int | str, list[str]] = {}
    for code in (*codes, "VALIDATION_ERROR", "INTERNAL"):
        by_status.setdefault(STATUS[code], []).append(code)
    return {status: {"model": ErrorAnswer, "description": ", ".join(names)} for status, names in by_status.items()}


def takes(schema: str, media: str = "application/json", *, required: bool = True) -> dict[str, Any]:
    """OpenAPI's `requestBody` of a route that reads its body itself. schema: a name among the components."""
    content = {media: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"requestBody": {"required": required, "content": content}}
