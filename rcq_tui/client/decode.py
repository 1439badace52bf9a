"""JSON answers to the dataclasses of the protocol.

A field that this version does not know is ignored (the engine may be newer); one that it needs and does not get is
`Unreachable`: what answers is no engine of this family. Must not know routes or transports.
"""

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from engine.protocol.errors import Refused, Unreachable

T = TypeVar("T")


def decode(kind: Callable[..., T], data: Any) -> T:
    """The answer as `kind`, nested dataclasses included. Raises Unreachable when it is not one."""
    if not isinstance(data, dict):
        raise _foreign(f"{kind.__name__} is not an object")
    known, needed = _plan(kind)
    missing = sorted(needed - data.keys())
    if missing:
        raise _foreign(f"{kind.__name__} comes without {', '.join(missing)}")
    return kind(**{name: read(data[name]) for name, read in known.items() if name in data})


def decode_items(kind: type[T], data: Any) -> list[T]:
    """The list answer `{"items": […]}`. Raises Unreachable when it is not one."""
    if not isinstance(data, dict) or not isinstance(data.get("items"), list):
        raise _foreign("a list comes without items")
    return [decode(kind, item) for item in data["items"]]


def refusal(status: int, body: Any, retry_after: str | None) -> Exception:
    """The error that an answer with an error status stands for."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("code"), str):
        return _foreign(f"status {status} without an error body")
    details = [detail for detail in error.get("details") or [] if isinstance(detail, dict)]
    seconds = float(retry_after) if retry_after and retry_after.isdigit() else None
    return Refused(error["code"], str(error.get("message", error["code"])), details, seconds)


def _foreign(what: str) -> Unreachable:
    return Unreachable(f"What answers on the socket does not speak rcq's language: {what}. Run: rcq doctor")


@cache
def _plan(kind: type[Any]) -> tuple[dict[str, Callable[[Any], Any]], frozenset[str]]:
    hints = get_type_hints(kind)
    members = fields(kind)
    needed = frozenset(one.name for one in members if one.default is MISSING and one.default_factory is MISSING)
    return {one.name: _reader(hints[one.name]) for one in members}, needed


def _reader(hint: Any) -> Callable[[Any], Any]:
    if _is_ours(hint):
        return lambda value: decode(hint, value)
    inner = get_args(hint)
    if get_origin(hint) is UnionType and _is_ours(inner[0]):
        return lambda value: None if value is None else decode(inner[0], value)
    if get_origin(hint) is list and _is_ours(inner[0]):
        return lambda value: [decode(inner[0], item) for item in value or []]
    return lambda value: value


def _is_ours(hint: Any) -> bool:
    return isinstance(hint, type) and is_dataclass(hint) and hint.__module__.startswith("engine.protocol.")
