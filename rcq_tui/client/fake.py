"""A scripted engine for tests and pictures: the same calls as the real client, without a socket.

Reading is answered from its state. Whatever changes something must have been announced with `expect`; a call that
was not fails the test, and so does an announced one that never came (`finish`). Must not know screens.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from engine.protocol.cards import GpuView
from engine.protocol.errors import Refused, Unreachable
from engine.protocol.fields import JobFields
from engine.protocol.people import AccountView, GroupView, Me, Session
from engine.protocol.responses import Health, JobDetail, JobPage, JobRow, LogChunk, ReservationView, Stats, Why
from rcq_tui.client.calls import Event, JobsWanted


class Unexpected(AssertionError):
    """A call that the script does not hold."""


class FakeApi:
    """An engine that exists in this process only.

    Change its attributes to change what it answers, `emit` to tell its listeners, `connected = False` (through
    `cut_off` and `mend`) to make it unreachable. calls: everything that was asked, in order.
    """

    def __init__(self, *, me: Me | None, gpus: list[GpuView], jobs: list[JobDetail], stats: Stats) -> None:
        self.identity = me
        self.cards = gpus
        self.rows = {job.id: job for job in jobs}
        self.figures = stats
        self.whys: dict[int, Why] = {}
        self.logs: dict[tuple[int, str], bytes] = {}
        self.has_accounts = True
        self.account_views: list[AccountView] = []
        self.group_views: list[GroupView] = []
        self.slots: list[ReservationView] = []
        self.connected = True
        self.closed = False
        self.calls: list[tuple[Any, ...]] = []
        self._expected: list[tuple[tuple[Any, ...], Any]] = []
        self._listeners: set[asyncio.Queue[Event | None]] = set()
        self._events: list[Event] = []

    # ------------------------------------------------------------ the script

    def expect(self, *call: Any, answer: Any = None) -> None:
        """Announce one changing call, name first; answer: what it returns, or the exception that it raises."""
        self._expected.append((call, answer))

    def finish(self) -> None:
        """Fail if an announced call never came."""
        if self._expected:
            raise Unexpected(f"never called: {[call for call, _ in self._expected]}")

    def emit(self, kind: str, data: dict[str, Any] | None = None) -> None:
        """Tell every listener that something happened."""
        event = Event(len(self._events) + 1, kind, data or {})
        self._events.append(event)
        for listener in self._listeners:
            listener.put_nowait(event)

    def change(self, job: int, **what: Any) -> None:
        """Change a job and tell."""
        self.rows[job] = replace(self.rows[job], **what)
        self.emit("job", {"id": job, "state": self.rows[job].state})
        self.emit("queue")

    def cut_off(self) -> None:
        """Be unreachable from now on."""
        self.connected = False
        for listener in self._listeners:
            listener.put_nowait(None)

    def mend(self) -> None:
        """Be reachable again."""
        self.connected = True

    @property
    def listeners(self) -> int:
        """How many event streams are open."""
        return len(self._listeners)

    # ------------------------------------------------------------ people

    @property
    def where(self) -> str:
        """The socket, for messages."""
        return "/run/rcq/rcq.sock"

    async def close(self) -> None:
        """Let go of connections."""
        self.closed = True

    async def health(self) -> Health:
        """Whether the engine is fit."""
        self._note("health")
        return Health(status="ok", version=self.figures.version, last_pass_age_s=0.5, accounts=self.has_accounts)

    async def login(self, name: str, password: str) -> Session:
        """Log in as announced."""
        session: Session = self._scripted("login", name, password)
        self.identity = Me(
            account=session.account,
            group=session.group,
            role=session.role,
            via="token",
            must_change_password=session.must_change_password,
        )
        return session

    async def change_password(self, old: str, new: str) -> None:
        """Set the password as announced."""
        self._scripted("change_password", old, new)
        if self.identity is not None:
            self.identity = replace(self.identity, must_change_password=False)

    async def logout(self) -> None:
        """End the session as announced."""
        self._scripted("logout")
        self.identity = None

    async def me(self) -> Me:
        """Who the caller is."""
        self._note("me")
        if self.identity is None:
            raise Refused("UNAUTHENTICATED", "Log in: rcq login NAME")
        return self.identity

    async def groups(self) -> list[GroupView]:
        """Groups."""
        self._read("groups")
        return list(self.group_views)

    async def accounts(self) -> list[AccountView]:
        """Accounts."""
        self._read("accounts")
        return list(self.account_views)

    # ------------------------------------------------------------ jobs

    async def submit(self, job: JobFields) -> int:
        """Submit as announced; the announced answer is the id."""
        number: int = self._scripted("submit", job)
        return number

    async def jobs(self, wanted: JobsWanted) -> JobPage:
        """Jobs in the order in which the fake has them; the cursor is an offset."""
        who = self._read("jobs", wanted)
        found = [
            _row(job)
            for job in self.rows.values()
            if (not wanted.states or job.state in wanted.states)
            and (not wanted.mine or job.account == who.account)
            and wanted.account in {None, job.account}
            and wanted.group in {None, job.group}
        ]
        start = int(wanted.cursor or 0)
        end = start + wanted.limit
        return JobPage(items=found[start:end], cursor=str(end) if end < len(found) else None)

    async def job(self, job: int) -> JobDetail:
        """One job."""
        self._read("job", job)
        return self._known(job)

    async def why(self, job: int) -> Why:
        """The scripted answer, else one made of the job's own row."""
        self._read("why", job)
        row = self._known(job)
        return self.whys.get(job) or Why(
            id=job,
            state=row.state,
            reasons=row.reasons,
            position=row.position,
            expected_start=row.expected_start,
            basis=row.basis,
        )

    async def cancel(self, job: int) -> JobDetail:
        """Cancel as announced."""
        self._scripted("cancel", job)
        return self._moved(job, "cancelled")

    async def hold(self, job: int) -> JobDetail:
        """Hold as announced."""
        self._scripted("hold", job)
        return self._moved(job, "held")

    async def release(self, job: int) -> JobDetail:
        """Release as announced."""
        self._scripted("release", job)
        return self._moved(job, "pending")

    async def log(self, job: int, stream: str, offset: int, limit: int) -> LogChunk:
        """Bytes of the scripted log."""
        self._read("log", job, stream)
        whole = self.logs.get((job, stream), b"")
        start = min(len(whole), offset) if offset >= 0 else max(0, len(whole) + offset)
        piece = whole[start : start + limit]
        ended = self._known(job).state not in {"held", "pending", "scheduled", "running"}
        end = start + len(piece)
        return LogChunk(
            text=piece.decode(errors="replace"),
            offset=start,
            next_offset=end,
            size=len(whole),
            complete=ended and end == len(whole),
        )

    async def results(self, job: int, to: Path) -> int:
        """Fetch as announced; the announced answer is what the file holds then."""
        data: bytes = self._scripted("results", job, to)
        self._known(job)
        to.write_bytes(data)  # noqa: ASYNC240 - a small file of a test
        return len(data)

    # ------------------------------------------------------------ the machine

    async def gpus(self) -> list[GpuView]:
        """Every card."""
        self._read("gpus")
        return list(self.cards)

    async def drain(self, gpu: str, why: str | None) -> GpuView:
        """Drain as announced."""
        self._scripted("drain", gpu, why)
        return self._card(gpu, "drained")

    async def resume(self, gpu: str) -> GpuView:
        """Resume as announced."""
        self._scripted("resume", gpu)
        return self._card(gpu, "ok")

    async def reservations(self) -> list[ReservationView]:
        """Booked cards."""
        self._read("reservations")
        return list(self.slots)

    async def reserve(
        self, what: int | Sequence[str], duration_s: int, start_at: float | None = None
    ) -> ReservationView:
        """Book as announced; the announced answer is the booking."""
        slot: ReservationView = self._scripted("reserve", what, duration_s, start_at)
        self.slots.append(slot)
        return slot

    async def unreserve(self, reservation: int) -> ReservationView:
        """Take back as announced."""
        self._scripted("unreserve", reservation)
        slot = next((slot for slot in self.slots if slot.id == reservation), None)
        if slot is None:
            raise Refused("NOT_FOUND", f"There is no reservation {reservation}.")
        self.slots.remove(slot)
        return slot

    async def stats(self) -> Stats:
        """The scripted figures."""
        self._read("stats")
        return self.figures

    async def events(self, after: int | None = None) -> AsyncIterator[Event]:
        """What `emit` tells, from now on or after event `after`, until the fake is cut off."""
        self._read("events", after)
        listener: asyncio.Queue[Event | None] = asyncio.Queue()
        for past in self._events[after:] if after is not None else ():
            listener.put_nowait(past)
        self._listeners.add(listener)
        try:
            while (event := await listener.get()) is not None:
                yield event
        finally:
            self._listeners.discard(listener)
        raise Unreachable(self._lost())

    # ------------------------------------------------------------ inside

    def _note(self, *call: Any) -> None:
        self.calls.append(call)
        if not self.connected:
            raise Unreachable(self._lost())

    def _read(self, *call: Any) -> Me:
        self._note(*call)
        if self.identity is None:
            raise Refused("UNAUTHENTICATED", "Log in: rcq login NAME")
        return self.identity

    def _scripted(self, *call: Any) -> Any:
        self._note(*call)
        at = next((at for at, (expected, _) in enumerate(self._expected) if _matches(expected, call)), None)
        if at is None:
            raise Unexpected(f"not in the script: {call}")
        answer = self._expected.pop(at)[1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _known(self, job: int) -> JobDetail:
        if job not in self.rows:
            raise Refused("JOB_NOT_FOUND", f"There is no job {job}. List jobs: rcq queue")
        return self.rows[job]

    def _moved(self, job: int, state: str) -> JobDetail:
        self._known(job)
        self.change(job, state=state)
        return self.rows[job]

    def _card(self, gpu: str, state: str) -> GpuView:
        for at, card in enumerate(self.cards):
            if gpu in {card.uuid, str(card.index)}:
                self.cards[at] = replace(card, state=state)
                return self.cards[at]
        raise Refused("NOT_FOUND", f"There is no GPU {gpu}.")

    def _lost(self) -> str:
        return f"No engine: {self.where} does not answer. See: rcq doctor"


def _matches(expected: tuple[Any, ...], call: tuple[Any, ...]) -> bool:
    """Equal, or judged by a function in its place."""
    if len(expected) != len(call):
        return False
    pairs = zip(expected, call, strict=True)
    return all(want(got) if isinstance(want, Callable) else want == got for want, got in pairs)  # type: ignore[arg-type]


def _row(job: JobDetail) -> JobRow:
    return JobRow(**{one.name: getattr(job, one.name) for one in fields(JobRow)})
