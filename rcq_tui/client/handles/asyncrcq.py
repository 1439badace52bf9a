"""An engine as a program of `asyncio` holds it. Must not know how calls travel."""

import asyncio
import operator
import os
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, Unpack

from engine.protocol.arrays import parse_array
from engine.protocol.cards import GpuView
from engine.protocol.cluster import NodeView
from engine.protocol.errors import Refused
from engine.protocol.listings import STATES
from engine.protocol.people import Me
from engine.protocol.responses import JobRow, Preview, Stats
from rcq_tui.client import token as tokens
from rcq_tui.client.calls import Calls
from rcq_tui.client.calls.jobs import JobsWanted
from rcq_tui.client.handles.asyncjob import AsyncJob
from rcq_tui.client.handles.asyncsweep import AsyncSweep
from rcq_tui.client.handles.given import Command, Fields, job_of
from rcq_tui.client.handles.link import Link
from rcq_tui.client.handles.outcome import Refusal
from rcq_tui.client.handles.patience import PATIENCE_S, patiently
from rcq_tui.client.handles.sweepkeys import TAG, belongs, jobs_of, sets_of
from rcq_tui.client.handles.takein import TakeIn, Taken
from rcq_tui.client.handles.watcher import Watcher
from rcq_tui.client.where import find_socket

_KEY = re.compile(r"[A-Za-z0-9._-]{1,150}")
_AT_ONCE = 16
_PAGE = 1000


class AsyncRcq:
    """One engine: `async with AsyncRcq() as rcq`. Every method that asks raises Refused or Unreachable.

    socket, token: else those that the command line would take; a personal engine is started on demand. Without a token
    one is known by one's Unix user, or has to `login`. patience_s: so long may the engine be away while one waits.
    """

    def __init__(
        self, socket: str | os.PathLike[str] | None = None, token: str | None = None, *, patience_s: float = PATIENCE_S
    ) -> None:
        self._socket = None if socket is None else os.fspath(socket)
        self._token = token
        self._patience_s = patience_s
        self._linked: Link | None = None

    @classmethod
    def over(cls, calls: Calls, *, patience_s: float = PATIENCE_S) -> Self:
        """Over other calls than those of a socket, such as a scripted engine's."""
        made = cls(patience_s=patience_s)
        made._linked = Link(calls, Watcher(calls, patience_s), patience_s)
        return made

    async def connect(self) -> Self:
        """Find the engine; `async with` does so. Raises Unreachable where there is none, Refused for a bad token."""
        if self._linked is None:
            from rcq_tui.client.api import Api  # noqa: PLC0415  httpx is not for those who only name types

            token = tokens.checked(self._token or "", "what was given as token")
            socket = self._socket
            if socket is None:
                socket = await asyncio.to_thread(find_socket)
            calls = Api(socket, token or await asyncio.to_thread(tokens.read))
            self._linked = Link(calls, Watcher(calls, self._patience_s), self._patience_s)
        return self

    async def close(self) -> None:
        """Let go of the engine. What was submitted goes on; who still waits gets CancelledError."""
        if self._linked is not None:
            await self._linked.watcher.close()
            await self._linked.calls.close()

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def calls(self) -> Calls:
        """All that can be asked of the engine, as answers of the API."""
        return self._link.calls

    @property
    def _link(self) -> Link:
        if self._linked is None:
            raise RuntimeError("there is no connection yet; write: async with AsyncRcq() as rcq")
        return self._linked

    async def login(self, name: str, password: str) -> Me:
        """Log in, for this object alone: the command line's log-in stays what it is."""
        await self.calls.login(name, password)
        return await self.me()

    async def me(self) -> Me:
        """Who one is to the engine."""
        return await self.calls.me()

    async def gpus(self) -> list[GpuView]:
        """Every card, by index."""
        return await self.calls.gpus()

    async def nodes(self) -> list[NodeView]:
        """The machines of the cluster that runs jobs, by name; none where there is no cluster."""
        return await self.calls.nodes()

    async def stats(self) -> Stats:
        """The engine's own state: how many jobs in which state, cards, the last pass."""
        return await self.calls.stats()

    async def submit(
        self, command: Command | None = None, *, script: str | None = None, **fields: Unpack[Fields]
    ) -> AsyncJob:
        """Submit one job. command: words, or one line that is split into them; script: text that bash runs.

        With a `job_id` an answer that was lost is asked for again, and the job is there once.
        """
        job = _single(command, script, fields)
        return AsyncJob(self._link, (await self._taken(job))[0], name=job.get("name"))

    async def submit_array(
        self, array: str, command: Command | None = None, *, script: str | None = None, **fields: Unpack[Fields]
    ) -> AsyncSweep:
        """Submit one job for each index of `0-99%4`; the parameter `index` of each handle tells it."""
        asked = {**_single(command, script, fields), "array": array}
        ids = await self._taken(asked)
        pairs = zip(ids, parse_array(array).indices, strict=True)
        name = asked.get("name")
        jobs = [AsyncJob(self._link, job, name=name, parameters={"index": index}) for job, index in pairs]
        return AsyncSweep(self._link, f"array {ids[0]}", jobs)

    async def preview(
        self, command: Command | None = None, *, script: str | None = None, **fields: Unpack[Fields]
    ) -> Preview:
        """Whether and when such a job would start; nothing is submitted."""
        return await self.calls.preview_as(_single(command, script, fields))

    async def map(
        self,
        command: Command | None,
        parameters: Iterable[Mapping[str, Any]],
        *,
        script: str | None = None,
        key: str | None = None,
        **fields: Unpack[Fields],
    ) -> AsyncSweep:
        """A job for each set of parameters, which replace `{name}` in the command, args, environment, name and tags.

        They become tags, too. key: letters, digits and `._-`; the same set asked in the same way under one key is the
        same job, so that a call that is made again adds only what is missing. Raises Refused if no job is taken in;
        of some, `refusals` tells. Raises ValueError for a placeholder without its parameter.
        """
        key = _checked(key) if key is not None else f"sweep-{uuid.uuid4().hex[:8]}"
        if fields.get("job_id") is not None:
            raise ValueError("map gives each job a job_id of its own, so that it is there once; say key=")
        given = sets_of(parameters)
        jobs = jobs_of(_single(command, script, fields), given, key)
        return self._swept(key, jobs, given, await self._take_in(jobs, again=True))

    async def submit_many(self, jobs: Iterable[Mapping[str, Any]]) -> AsyncSweep:
        """Submit jobs that each are fields as of `submit`, `command` and `script` included; their tags are parameters.

        The good ones are taken in, `refusals` tells of the others. Raises Refused if none is.
        """
        key = f"many-{uuid.uuid4().hex[:8]}"
        asked = [{"job_id": f"{key}-{at}", **_single(None, None, job)} for at, job in enumerate(jobs)]
        return self._swept(key, asked, [job.get("tags", {}) for job in asked], await self._take_in(asked, again=False))

    def job(self, number: int) -> AsyncJob:
        """The handle of a job by its id; nothing is asked yet. Raises TypeError for what is no integer."""
        return AsyncJob(self._link, operator.index(number))

    async def jobs(self, search: str = "", *, limit: int = 100, mine: bool = True) -> AsyncSweep:
        """Handles of the newest jobs that are found, as `rcq queue --search` finds them, ended ones included."""
        rows = await self._listed(search, limit, mine=mine)
        return AsyncSweep(self._link, search or "jobs", [AsyncJob(self._link, row.id, row=row) for row in rows])

    async def sweep(self, key: str) -> AsyncSweep:
        """The jobs that `map` submitted under this key, by id; their parameters are texts here.

        Raises Refused where there is none.
        """
        found = await self._listed(f"tag:{TAG}={_checked(key)}", None, mine=True)
        rows = [row for row in found if belongs(row.job_id, key)]  # a search does not tell large letters from small
        if not rows:
            raise Refused("NOT_FOUND", f"You have no sweep {key}. List your jobs: rcq queue --mine")
        turns = asyncio.Semaphore(_AT_ONCE)

        async def known(row: JobRow) -> AsyncJob:
            async with turns:
                tags = (await self.calls.job(row.id)).tags
            return AsyncJob(self._link, row.id, row=row, parameters={name: tags[name] for name in tags if name != TAG})

        rows.sort(key=lambda row: row.id)
        return AsyncSweep(self._link, key, await asyncio.gather(*map(known, rows)))

    async def _taken(self, job: Mapping[str, Any]) -> range:
        """The ids of one submission. Only with a key it may be made again."""
        calls = self.calls
        if "job_id" not in job:
            return await calls.submit_as(job)
        lost: list[None] = []
        try:
            return await patiently(lambda: calls.submit_as(job), self._patience_s, lambda: lost.append(None))
        except Refused as refused:
            there = [one["id"] for one in refused.details if "id" in one]
            if not (lost and refused.code == "DUPLICATE_JOB" and there):
                raise
        size = parse_array(job["array"]).size if "array" in job else 1
        return range(there[0], there[0] + size)

    async def _take_in(self, jobs: Sequence[Mapping[str, Any]], *, again: bool) -> Taken:
        taken = await TakeIn(self.calls, again=again, patience_s=self._patience_s).all(jobs)
        if jobs and not taken.ids:
            error = taken.errors[0]
            raise Refused(error["code"], error["message"], list(error.get("details") or ()))
        return taken

    def _swept(
        self, key: str, jobs: Sequence[Mapping[str, Any]], parameters: Sequence[Mapping[str, Any]], taken: Taken
    ) -> AsyncSweep:
        handles = [
            AsyncJob(
                self._link, taken.ids[at], row=taken.rows.get(at), name=jobs[at].get("name"), parameters=parameters[at]
            )
            for at in range(len(jobs))
            if at in taken.ids
        ]
        refusals = [
            Refusal(
                index=at,
                parameters=parameters[at],
                code=error["code"],
                message=error["message"],
                details=tuple(error.get("details") or ()),
            )
            for at, error in sorted(taken.errors.items())
        ]
        return AsyncSweep(self._link, key, handles, refusals)

    async def _listed(self, search: str, limit: int | None, *, mine: bool) -> list[JobRow]:
        """The newest first. limit: `None`: all."""
        rows: list[JobRow] = []
        cursor: str | None = None
        while limit is None or len(rows) < limit:
            most = _PAGE if limit is None else min(_PAGE, limit - len(rows))
            page = await self.calls.jobs(
                JobsWanted(states=STATES, search=search, sort="id", order="desc", mine=mine, limit=most, cursor=cursor)
            )
            rows += page.items
            cursor = page.cursor
            if cursor is None:
                break
        return rows


def _single(command: Command | None, script: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """One job as the API takes it. Raises ValueError for fields that are another method's."""
    if fields.get("array") is not None:
        raise ValueError("array makes many jobs: submit it with submit_array(array, command, …)")
    rest = {name: value for name, value in fields.items() if name not in {"command", "script", "array"}}
    command = command if command is not None else fields.get("command")
    return job_of(command, script if script is not None else fields.get("script"), rest)


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key of a sweep; write 1 to 150 letters, digits, dots, dashes, underlines")
    return key
