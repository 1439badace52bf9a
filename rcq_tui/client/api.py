"""The engine over its Unix socket, with httpx: typed calls for the TUI and for Python programs.

Must not know screens. Everyday commands use the lighter `wire` instead.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from config.paths import SYSTEM_SOCKET
from engine.protocol.cards import GpuView
from engine.protocol.errors import Refused, Unreachable
from engine.protocol.fields import JobFields
from engine.protocol.people import AccountView, GroupView, Me, Session
from engine.protocol.responses import Health, JobDetail, JobPage, LogChunk, ReservationView, Stats, Why
from rcq_tui.client.calls import Event, JobsWanted
from rcq_tui.client.decode import decode, decode_items, refusal
from rcq_tui.client.download import Arriving, NotWhole
from rcq_tui.client.sse import EventReader

_TIMEOUT = httpx.Timeout(10.0, connect=3.0)
_STREAM_TIMEOUT = httpx.Timeout(3.0, read=None)
"""A quiet engine has nothing to tell: only connecting is bounded on the event stream."""
_LARGE_TIMEOUT = httpx.Timeout(120.0, connect=3.0)
"""A large directory is counted before anything is sent."""


class Api:
    """Calls to one engine. Every call raises `Refused` or `Unreachable`.

    token: of a session or an API token; `None` leaves it to the peer's Unix user. `login` replaces it.
    """

    def __init__(self, socket_path: str, token: str | None = None) -> None:
        self._socket = socket_path
        self._token = token
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=socket_path), base_url="http://rcq", timeout=_TIMEOUT
        )

    @property
    def where(self) -> str:
        """The socket, for messages."""
        return self._socket

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    # ------------------------------------------------------------ people

    async def health(self) -> Health:
        """Whether the engine is fit; a starting or stalled one says so in its status, too."""
        try:
            return decode(Health, await self._call("GET", "/healthz"))
        except Refused as refused:
            known = {"version": "?", "last_pass_age_s": None, "accounts": True, "status": "starting"}
            for detail in refused.details:
                known |= detail
            return decode(Health, known)

    async def login(self, name: str, password: str) -> Session:
        """Log in; further calls use the session."""
        self._token = None
        session = decode(Session, await self._call("POST", "/v1/login", body={"name": name, "password": password}))
        self._token = session.token
        return session

    async def logout(self) -> None:
        """End the session; the token is forgotten whatever the engine says."""
        try:
            await self._call("POST", "/v1/logout")
        finally:
            self._token = None

    async def change_password(self, old: str, new: str) -> None:
        """Set one's own password; one's other sessions end."""
        await self._call("POST", "/v1/password", body={"old": old, "new": new})

    async def me(self) -> Me:
        """Who the caller is to the engine."""
        return decode(Me, await self._call("GET", "/v1/me"))

    async def groups(self) -> list[GroupView]:
        """Groups that the caller may see."""
        return decode_items(GroupView, await self._call("GET", "/v1/groups"))

    async def accounts(self) -> list[AccountView]:
        """Accounts that the caller may see."""
        return decode_items(AccountView, await self._call("GET", "/v1/accounts"))

    # ------------------------------------------------------------ jobs

    async def submit(self, job: JobFields) -> int:
        """Submit one job: its id. Fields left at their defaults are not sent."""
        answer = await self._call("POST", "/v1/jobs", body=_given(job))
        return int(answer["id"])

    async def jobs(self, wanted: JobsWanted) -> JobPage:
        """A page of jobs."""
        query = {
            "state": ",".join(wanted.states) or None,
            "account": wanted.account,
            "group": wanted.group,
            "mine": "1" if wanted.mine else None,
            "limit": str(wanted.limit),
            "cursor": wanted.cursor,
        }
        return decode(JobPage, await self._call("GET", "/v1/jobs", query=query))

    async def job(self, job: int) -> JobDetail:
        """One job."""
        return decode(JobDetail, await self._call("GET", f"/v1/jobs/{job}"))

    async def why(self, job: int) -> Why:
        """Why it is where it is."""
        return decode(Why, await self._call("GET", f"/v1/jobs/{job}/why"))

    async def cancel(self, job: int) -> JobDetail:
        """End it."""
        return decode(JobDetail, await self._call("DELETE", f"/v1/jobs/{job}"))

    async def hold(self, job: int) -> JobDetail:
        """Keep it from starting."""
        return decode(JobDetail, await self._call("POST", f"/v1/jobs/{job}/hold"))

    async def release(self, job: int) -> JobDetail:
        """Let it go on."""
        return decode(JobDetail, await self._call("POST", f"/v1/jobs/{job}/release"))

    async def log(self, job: int, stream: str, offset: int, limit: int) -> LogChunk:
        """A piece of `stdout` or `stderr`; a negative offset counts from the end."""
        query = {"stream": stream, "offset": str(offset), "limit": str(limit)}
        return decode(LogChunk, await self._call("GET", f"/v1/jobs/{job}/log", query=query))

    async def results(self, job: int, to: Path) -> int:
        """Fetch what it left, as a ZIP that is `to` once all of it is there: its bytes."""
        path = f"/v1/jobs/{job}/results"
        with Arriving(str(to)) as file:
            try:
                async with self._http.stream("GET", path, headers=self._headers(), timeout=_LARGE_TIMEOUT) as answer:
                    if answer.status_code >= 400:
                        await answer.aread()
                        raise _refused(answer)
                    async for piece in answer.aiter_raw():
                        await asyncio.to_thread(file.write, piece)
                file.keep()
            except NotWhole:
                raise Unreachable(f"The results of job {job} broke off. Fetch them again.") from None
            except (httpx.TransportError, httpx.StreamError) as lost:
                raise self._unreachable(lost) from lost
        return file.size

    # ------------------------------------------------------------ the machine

    async def gpus(self) -> list[GpuView]:
        """Every card, by index."""
        return decode_items(GpuView, await self._call("GET", "/v1/gpus"))

    async def drain(self, gpu: str, why: str | None) -> GpuView:
        """Take a card out of use."""
        return decode(GpuView, await self._call("POST", f"/v1/gpus/{quote(gpu, safe='')}/drain", body={"why": why}))

    async def resume(self, gpu: str) -> GpuView:
        """Put a drained or quarantined card back into use."""
        return decode(GpuView, await self._call("POST", f"/v1/gpus/{quote(gpu, safe='')}/resume"))

    async def reservations(self) -> list[ReservationView]:
        """Booked cards that stand, the earliest first."""
        return decode_items(ReservationView, await self._call("GET", "/v1/reservations"))

    async def reserve(
        self, what: int | Sequence[str], duration_s: int, start_at: float | None = None
    ) -> ReservationView:
        """Book so many cards, or these (index, UUID or its beginning), from `start_at` (Unix seconds) or now."""
        cards = {"gpus": what} if isinstance(what, int) else {"cards": list(what)}
        body = {**cards, "duration_s": duration_s, "start_at": start_at}
        return decode(ReservationView, await self._call("POST", "/v1/reservations", body=body))

    async def unreserve(self, reservation: int) -> ReservationView:
        """Take a booking back."""
        return decode(ReservationView, await self._call("DELETE", f"/v1/reservations/{reservation}"))

    async def stats(self) -> Stats:
        """The engine's own state."""
        return decode(Stats, await self._call("GET", "/v1/stats"))

    async def events(self, after: int | None = None) -> AsyncIterator[Event]:
        """What happens from now on, or after event `after`; ends by raising Unreachable."""
        headers = self._headers() | {"Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        try:
            async with self._http.stream("GET", "/v1/events", headers=headers, timeout=_STREAM_TIMEOUT) as answer:
                if answer.status_code >= 400:
                    await answer.aread()
                    raise _refused(answer)
                reader = EventReader()
                async for piece in answer.aiter_bytes():
                    for event in reader.take(piece):
                        yield event
        except (httpx.TransportError, httpx.StreamError) as lost:
            raise self._unreachable(lost) from lost
        raise Unreachable(f"The engine at {self._socket} closed the event stream.")

    # ------------------------------------------------------------ transport

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | None] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        params = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            answer = await self._http.request(method, path, params=params, json=body, headers=self._headers())
        except httpx.TransportError as lost:
            raise self._unreachable(lost) from lost
        if answer.status_code >= 400:
            raise _refused(answer)
        return _json(answer)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _unreachable(self, lost: Exception) -> Unreachable:
        what = "does not answer in time" if isinstance(lost, httpx.TimeoutException) else "does not answer"
        see = "systemctl status rcq-engine" if str(self._socket) == str(SYSTEM_SOCKET) else "rcq doctor"
        return Unreachable(f"No engine: {self._socket} {what}. See: {see}")


def _json(answer: httpx.Response) -> Any:
    if answer.status_code == 204 or not answer.content:
        return {}
    try:
        return answer.json()
    except ValueError as broken:
        raise Unreachable("What answers on the socket does not speak JSON. Run: rcq doctor") from broken


def _refused(answer: httpx.Response) -> Exception:
    return refusal(answer.status_code, _json(answer), answer.headers.get("Retry-After"))


_BLANK = JobFields()


def _given(job: JobFields) -> dict[str, Any]:
    plain = asdict(job)
    return {one.name: plain[one.name] for one in fields(job) if getattr(job, one.name) != getattr(_BLANK, one.name)}
