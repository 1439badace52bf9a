"""An engine that plays a script and fails on what it did not expect, and clients of the server in front of it."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import httpx

from engine.api.asks import FeedEvent, Identity, Limits, Origin
from engine.api.backend import Backend
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields, size_of
from engine.protocol.responses import Health, IngestReport

KNOWN = "good"
"""A token that is known."""
USER = Identity(account="ada", group="vision", role="user", via="token", expires_at=2e9, session="s1")
ADMIN = Identity(account="root", group="ops", role="admin", via="peer")
HEALTHY = Health(status="ok", version="0.1.0", last_pass_age_s=0.5, accounts=True)


def wait_until(true: Callable[[], bool], within_s: float = 5.0) -> None:
    """Look again and again until it is true; fails after `within_s` seconds."""
    tick = threading.Event()
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, "waited in vain"
        tick.wait(0.005)


class Script:
    """Calls that are expected, in order; anything else is noted and fails the test at its end."""

    def __init__(self) -> None:
        self.expected: list[tuple[str, tuple[Any, ...], Any]] = []
        self.surprises: list[str] = []

    def expect(self, name: str, *args: Any, gives: Any) -> None:
        """The next call must be `name(*args)`; it returns `gives`, or raises it if it is an exception."""
        self.expected.append((name, args, gives))

    def play(self, name: str, args: tuple[Any, ...]) -> Any:
        if not self.expected or self.expected[0][:2] != (name, args):
            self.surprises.append(f"{name}{args}, expected {self.expected[:1]}")
            raise AssertionError(self.surprises[-1])
        gives = self.expected.pop(0)[2]
        if isinstance(gives, Exception):
            raise gives
        return gives


class Scripted:
    """A resource of the backend whose every method plays the script."""

    def __init__(self, script: Script, name: str) -> None:
        self._script = script
        self._name = name

    def __getattr__(self, method: str) -> Callable[..., Any]:
        async def call(*args: Any) -> Any:
            # Every connection here comes from this process: scripts leave out where it comes from.
            known = tuple(
                replace(arg, origin=None) if isinstance(arg, Identity) else arg
                for arg in args
                if not isinstance(arg, Origin)
            )
            return self._script.play(f"{self._name}.{method}", known)

        return call


class ScriptedPeople(Scripted):
    """Tokens and Unix users that are known; all else is scripted."""

    def __init__(self, script: Script) -> None:
        super().__init__(script, "people")
        self.tokens = {"good": USER, "root": ADMIN}
        self.peers: dict[int, Identity] = {}
        self.uids_asked: list[int] = []

    async def by_token(self, token: str) -> Identity | None:
        return self.tokens.get(token)

    async def by_peer(self, uid: int) -> Identity | None:
        self.uids_asked.append(uid)
        return self.peers.get(uid)


class ScriptedBox(Scripted):
    """Health and events stand by themselves; all else is scripted."""

    def __init__(self, script: Script) -> None:
        super().__init__(script, "box")
        self.state = HEALTHY
        self.past: list[FeedEvent] = []
        self.followers = 0

    async def health(self) -> Health:
        return self.state

    async def events(self, who: Identity, after: int | None) -> AsyncIterator[FeedEvent]:
        """What is past (after `after`), then nothing until the caller leaves."""
        self.followers += 1
        try:
            for event in self.past:
                if after is None or event.id > after:
                    yield event
            await asyncio.Event().wait()
        finally:
            self.followers -= 1


@dataclass
class Books:
    """Jobs in memory, for ingest: unique by `job_id`; names in `refuse` are refused; `gate` holds submissions up."""

    refuse: dict[str, Refused] = field(default_factory=dict)
    jobs: list[JobFields] = field(default_factory=list)
    keys: dict[str | None, int] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)
    asked: dict[int, JobFields] = field(default_factory=dict)
    checked: int = 0
    broken: Exception | None = None
    last: int = 0

    async def submit(self, who: Identity, jobs: Sequence[JobFields], *, many: bool = False) -> list[int | Refused]:
        assert many  # whatever comes here is a line of a file or a batch
        if self.broken is not None:
            raise self.broken
        self.batches.append(len(jobs))
        outcomes: list[int | Refused] = []
        for job in jobs:
            refused = self._refused(job)
            if refused is None:
                self.jobs.append(job)
                self.keys[job.job_id] = self.last + 1
                self.asked[self.last + 1] = job
                self.last += size_of(job)
            outcomes.append(refused or self.last - size_of(job) + 1)
        return outcomes

    async def check(self, who: Identity, jobs: Sequence[JobFields]) -> list[Refused | None]:
        self.checked += len(jobs)
        return [self._refused(job) for job in jobs]

    async def differences(self, who: Identity, asked: Sequence[tuple[int, JobFields]]) -> list[list[str]]:
        return [[] if self.asked[number] == job else ["name"] for number, job in asked]

    def _refused(self, job: JobFields) -> Refused | None:
        if job.job_id is not None and job.job_id in self.keys:
            detail = {"field": "job_id", "message": "is taken", "job_id": job.job_id, "id": self.keys[job.job_id]}
            return Refused("DUPLICATE_JOB", f"{job.job_id} is already known", [detail])
        return self.refuse.get(job.name or "")


class ScriptedMetrics(Scripted):
    """Lines are counted by nobody; all else is scripted."""

    def counted(self, report: IngestReport) -> AbstractContextManager[None]:
        return nullcontext()


def scripted_backend(script: Script, **parts: Any) -> Backend:
    """A backend of these parts; every other one plays the script under its own name."""
    parts.setdefault("metrics", ScriptedMetrics(script, "metrics"))
    names = [one.name for one in fields(Backend) if one.name not in parts and one.default_factory is MISSING]
    return Backend(**{name: Scripted(script, name) for name in names}, **parts)


class Api:
    """The engine behind the running server, and clients of it."""

    def __init__(self, socket: Path, app: Any) -> None:
        self.socket = socket
        self.app = app
        self.clients: list[httpx.Client] = []
        self.reset()

    def reset(self, limits: Limits | None = None, jobs: Any = None) -> None:
        """A fresh backend."""
        self.script = Script()
        self.people = ScriptedPeople(self.script)
        self.box = ScriptedBox(self.script)
        self.jobs = jobs or Scripted(self.script, "jobs")
        self.app.state.backend = scripted_backend(
            self.script, people=self.people, jobs=self.jobs, box=self.box, limits=limits or Limits()
        )

    def client(self, token: str | None = KNOWN, timeout: float = 20) -> httpx.Client:
        """A client that carries this token."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        transport = httpx.HTTPTransport(uds=str(self.socket), verify=False)
        client = httpx.Client(transport=transport, base_url="http://rcq", headers=headers, timeout=timeout)
        self.clients.append(client)
        return client

    def ask(self, method: str, path: str, *, token: str | None = KNOWN, **more: Any) -> httpx.Response:
        """One request."""
        return self.client(token).request(method, path, **more)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal, after a look at its shape."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "details"}
    assert body["error"]["message"]
    return answer.status_code, body["error"]["code"]
