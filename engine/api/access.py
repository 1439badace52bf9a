"""Who is asking: the bearer token, else the Unix user that the kernel names, else nobody.

Must not decide what anybody may do; that is the backend's.
"""

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request

from engine.api.asks import Identity, Origin
from engine.api.backend import Backend
from engine.api.peer import Peer, peer_of
from engine.protocol.errors import Refused

ENDED = "This token is not, or no longer, valid. Log in: rcq login NAME. To be known by your Unix user: rcq logout"
NOBODY = "Log in: rcq login NAME. Who has no account asks an admin for one: rcq account add NAME --unix-user U"
_READING = frozenset({"GET", "HEAD"})
_FOUND = "rcq_caller"
"""Among a request's state: who was found to ask."""


def backend_of(request: Request) -> Backend:
    """The engine behind this app."""
    backend: Backend = request.app.state.backend
    return backend


async def caller(request: Request) -> Identity | None:
    """Who asks, or `None` for nobody in particular.

    UNAUTHENTICATED for a token that is not (or no longer) good, FORBIDDEN for a change by one that is for reading.
    """
    known = await _known(request)
    if known is not None and known.read_only and request.method not in _READING:
        raise Refused("FORBIDDEN", f"The API token {known.token_name} is for reading alone; use another one.")
    origin = origin_of(request)
    who = known if known is None or origin is None else replace(known, origin=origin)
    if not hasattr(request.state, _FOUND):
        setattr(request.state, _FOUND, who)
    return who


async def still(request: Request) -> None:
    """Whoever was found to ask is who they were: a body may be on its way for long, and a log-in end meanwhile.

    To be called before anything is done with what came. UNAUTHENTICATED, also for somebody in another role or group.
    """
    if hasattr(request.state, _FOUND) and getattr(request.state, _FOUND) != await caller(request):
        raise Refused("UNAUTHENTICATED", "What you may do has changed meanwhile: log in again and send the rest.")


def origin_of(request: Request) -> Origin | None:
    """The process at the other end, where the kernel tells it."""
    peer = peer_of(request.scope)
    return Origin(uid=peer.uid, pid=peer.pid) if peer else None


async def _known(request: Request) -> Identity | None:
    people = backend_of(request).people
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        known = await people.by_token(token.strip()) if scheme.lower() == "bearer" and token.strip() else None
        if known is None:
            raise Refused("UNAUTHENTICATED", ENDED)
        return known
    peer = peer_of(request.scope)
    return await people.by_peer(peer.uid) if peer else None


async def perhaps(request: Request) -> Identity | None:
    """Who asks, or `None`. FORBIDDEN for a log-in with a one-time password, UNAUTHENTICATED for a bad token."""
    who = await caller(request)
    if who is not None and who.must_change_password:
        raise Refused("FORBIDDEN", "Change your one-time password first: rcq passwd")
    return who


async def identity(request: Request, who: Annotated[Identity | None, Depends(perhaps)]) -> Identity:
    """Who asks. UNAUTHENTICATED, with what to do, for nobody."""
    return await _somebody(request, who)


async def newcomer(request: Request, who: Annotated[Identity | None, Depends(caller)]) -> Identity:
    """Who asks, also with a one-time password: for what they need to set another."""
    return await _somebody(request, who)


async def _somebody(request: Request, who: Identity | None) -> Identity:
    if who is not None:
        return who
    if (await backend_of(request).box.health()).accounts:
        raise Refused("UNAUTHENTICATED", NOBODY)
    raise Refused("UNAUTHENTICATED", "No account exists yet: rcq account add NAME makes the first admin.")


def unix_peer(request: Request) -> Peer:
    """The process at the other end. UNAUTHENTICATED where the kernel does not tell it."""
    peer = peer_of(request.scope)
    if peer is None:
        raise Refused("UNAUTHENTICATED", "The Unix user of this connection is unknown; connect to the engine's socket.")
    return peer


Engine = Annotated[Backend, Depends(backend_of)]
Who = Annotated[Identity, Depends(identity)]
Newcomer = Annotated[Identity, Depends(newcomer)]
Anybody = Annotated[Identity | None, Depends(perhaps)]
From = Annotated[Origin | None, Depends(origin_of)]
UnixPeer = Annotated[Peer, Depends(unix_peer)]
