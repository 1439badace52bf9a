"""Which parameters an address takes after its `?`: what else is given is refused instead of having no effect.

Must not know any route.
"""

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant

from engine.api.complaints import MAX_DETAILS, invalid, nearest


async def only_known(request: Request) -> None:
    """A dependency of every route. VALIDATION_ERROR, with the nearest that there is, for any other parameter."""
    given = request.query_params.keys()
    if not given:
        return
    known = parameters_of(request)
    strange = [name for name in given if name not in known]
    if strange:
        raise invalid([{"field": name[:100], "message": _told(name, known)} for name in strange[:MAX_DETAILS]])


def parameters_of(request: Request) -> list[str]:
    """The names that the route of this request takes."""
    route = request.scope.get("route")
    dependant: Dependant | None = getattr(route, "dependant", None)
    return [] if dependant is None else list(dict.fromkeys(_names(dependant)))


def _names(dependant: Dependant) -> Iterator[str]:
    for param in dependant.query_params:
        fields = getattr(param.field_info.annotation, "model_fields", None)
        yield from fields or [param.alias]
    for deeper in dependant.dependencies:
        yield from _names(deeper)


def _told(name: str, known: list[str]) -> str:
    near = nearest(name, known)
    if near:
        return f"unknown parameter; did you mean {near}?"
    return "unknown parameter; " + (f"there are {', '.join(known)}" if known else "this address takes none")
