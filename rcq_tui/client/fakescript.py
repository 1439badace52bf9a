"""What the scripted engine holds, and how calls meet the script. Must not know single calls."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from engine.protocol.audit import AuditChain, AuditEntry
from engine.protocol.cards import GpuView
from engine.protocol.cluster import NodeView
from engine.protocol.enginefigures import EngineView, PassView
from engine.protocol.errors import Refused, Unreachable
from engine.protocol.fields import JobFields
from engine.protocol.notifications import NotifyView
from engine.protocol.people import AccountView, GroupView, Me, ServiceView, UsageReport
from engine.protocol.planned import Planned
from engine.protocol.responses import JobDetail, Preview, ReservationView, Stats, Why
from engine.protocol.series import JobSeries
from engine.protocol.tokens import TokenView
from engine.protocol.usagedays import UsageDays
from rcq_tui.client.calls import Event


class Unexpected(AssertionError):
    """A call that the script does not hold."""


class Script:
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
        self.service_views: list[ServiceView] = []
        self.token_views: list[TokenView] = []
        self.entries: list[AuditEntry] = []
        self.chain = AuditChain(entries=0, last_id=0, head="0" * 64)
        self.choice = NotifyView(
            account="", on=[], mail=None, webhook=None, command=False, terminal="off", min_run_s=0.0, available=[]
        )
        self.slots: list[ReservationView] = []
        self.machines: list[NodeView] = []
        self.planned: Planned | None = None
        self.report: UsageReport | None = None
        self.lives: dict[tuple[int, int], JobSeries] = {}
        self.daily: UsageDays | None = None
        self.past_passes: list[PassView] = []
        self.engine_view: EngineView | None = None
        self.previews: Callable[[JobFields], Preview] = lambda _job: Preview(
            starts_now=True, expected_start=None, position=1, pending=1
        )
        self.diffs: dict[int, str] = {}
        self.connected = True
        self.closed = False
        self.calls: list[tuple[Any, ...]] = []
        self._expected: list[tuple[tuple[Any, ...], Any]] = []
        self._listeners: set[asyncio.Queue[Event | None]] = set()
        self._events: list[Event] = []

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

    @property
    def where(self) -> str:
        """The socket, for messages."""
        return "/run/rcq/rcq.sock"

    async def close(self) -> None:
        """Let go of connections."""
        self.closed = True

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
