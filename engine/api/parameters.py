"""Which methods an address has and which parameters it takes after its `?`: what else is asked is refused.

Must not know any route.
"""

from collections.abc import Iterator, Sequence

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from engine.api.complaints import MAX_DETAILS, invalid, nearest


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Remember all routes of the app."""
    app.state.routes = routes


def methods_of(request: Request) -> set[str]:
    """Every method that this address has, be it in several routes."""
    routes: Sequence[BaseRoute] = request.app.state.routes
    there = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    # /v1/jobs/batch is an address of its own, and not the job that is called so.
    named = [route for route in there if getattr(route, "path", None) == request.url.path]
    return {method for route in named or there for method in getattr(route, "methods", None) or ()}


async def only_known(request: Request) -> None:
    """A dependency of every route. VALIDATION_ERROR, with the nearest that there is, for any other parameter.

    405 for a method that only another address has, whose variable part this one would fit.
    """
    if request.method not in methods_of(request):
        raise HTTPException(405)
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
