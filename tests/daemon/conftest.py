"""A whole engine without a process: real store, simulated cards, a clock and an executor that do as they are told."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from config.paths import personal, prepare
from config.settings import AuthSettings, GpuSettings, SchedulingSettings, Settings, SimulatedCard
from engine.api.asks import Identity, NewAccount
from engine.core.lifecycle import Cause
from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, Shape
from engine.daemon.host import SystemClock
from engine.daemon.main import load_books
from engine.daemon.wiring import Engine, build
from engine.ports import Ending, Launch, Running
from engine.protocol.fields import JobFields

PATIENCE_S = 20.0


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it; the test fails if it never comes true."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other tasks and threads
            await asyncio.sleep(0.001)


class HandClock:
    """Stands still until it is moved on: `time` is what passes, `set_by` what somebody set the clock by meanwhile."""

    def __init__(self) -> None:
        self.time = 1_000_000.0
        self.set_by = 0.0

    def wall(self) -> float:
        return self.time + self.set_by

    def now(self) -> float:
        return self.time


class HandExecutor:
    """Runs nothing: tells what it was asked, and jobs end when the test says so."""

    def __init__(self) -> None:
        self.launched: list[Launch] = []
        self.stopped: list[tuple[JobId, Cause]] = []
        self.forgotten: list[JobId] = []
        self.found: dict[JobId, Running | Ending | None] = {}
        self.gate: asyncio.Event | None = None
        self.breaks = 0
        self.on_end: Callable[[Ending], None] = lambda ending: None

    async def open(self, on_end: Callable[[Ending], None]) -> None:
        self.on_end = on_end

    async def start(self, launch: Launch) -> Running:
        if self.gate is not None:
            await self.gate.wait()
        if self.breaks:
            self.breaks -= 1
            raise ConnectionResetError("the supervisor went away")
        self.launched.append(launch)
        return Running(job=launch.job, attempt=launch.attempt, pid=1, started_at=launch.lease.started_at)

    async def adopt(self, job: JobId, attempt: int, directory: Path) -> Running | Ending | None:
        return self.found[job]

    async def stop(self, job: JobId, cause: Cause, grace_s: float) -> None:
        self.stopped.append((job, cause))

    async def sweep(self, known: Callable[[JobId, int], bool]) -> None:
        pass

    def forget(self, job: JobId) -> None:
        self.forgotten.append(job)

    def job_of(self, pid: int) -> JobId | None:
        return None

    async def close(self) -> None:
        pass

    def end(self, job: int | str, exit_code: int | None = 0, **values: Any) -> None:
        """An attempt is over; one second after its start unless `values` say otherwise."""
        self.on_end(ending(job, exit_code, **values))


def ending(job: int | str, exit_code: int | None = 0, **values: Any) -> Ending:
    """How an attempt ended."""
    given: dict[str, Any] = {
        "attempt": 1,
        "cause": Cause.EXIT,
        "signal": None,
        "started_at": 1_000_000.0,
        "ended_at": 1_000_001.0,
    }
    return Ending(job=JobId(str(job)), exit_code=exit_code, **{**given, **values})


class World:
    """One engine with its people. Passes happen when the test says so."""

    def __init__(self, engine: Engine, clock: HandClock, executor: HandExecutor, state: Path) -> None:
        self.engine = engine
        self.books = engine.books
        self.store = engine.store
        self.jobs = engine.backend.jobs
        self.people = engine.backend.people
        self.box = engine.backend.box
        self.clock = clock
        self.executor = executor
        self.state = state
        self.root = identity("root", "ops", "admin")
        self.ann = identity("ann", "bio")
        self.bob = identity("bob", "chem")

    async def populate(self) -> None:
        await self.people.add_account(None, 0, NewAccount(name="root", group="ops"))
        for who in (self.ann, self.bob):
            await self.people.add_account(self.root, 0, NewAccount(name=who.account, group=who.group))

    async def submit(self, who: Identity | None = None, **fields: Any) -> int:
        (answer,) = await self.jobs.submit(who or self.ann, [JobFields(**{"command": ["true"], **fields})])
        assert isinstance(answer, int), answer.message
        return answer

    async def one_pass(self) -> None:
        """A pass, and every start that it began."""
        await self.engine.passes.one()
        if self.executor.gate is None and not self.executor.breaks:
            await until(lambda: all(live.settled.is_set() for live in self.books.live.values()))

    async def state_of(self, job: int) -> str:
        return (await self.jobs.show(self.root, job)).state


def identity(account: str, group: str, role: str = "user") -> Identity:
    return Identity(account=account, group=group, role=role, via="peer")


def settings(**groups: Any) -> Settings:
    """Two equal cards, four cores."""
    given = {
        "scheduling": SchedulingSettings(cpu_cores=4, memory_mb=1000),
        "gpu": GpuSettings(provider="simulated", simulated=(SimulatedCard(count=2),)),
        "auth": AuthSettings(bcrypt_rounds=4, lockout_failures=3),
    }
    return Settings(**{**given, **groups})


Maker = Callable[..., Awaitable[World]]


@pytest.fixture(autouse=True)
def others_umask() -> Iterator[None]:
    """The commands set that of their process, which is the tests' here."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest_asyncio.fixture
async def make(tmp_path: Path) -> AsyncIterator[Maker]:
    """`await make()` opens an engine on the test's directory, again for a later one; settings as arguments."""
    worlds: list[World] = []
    clock = HandClock()

    async def one(executor: HandExecutor | None = None, **groups: Any) -> World:
        paths = personal({"HOME": str(tmp_path)}, state_dir=tmp_path / "state", socket=tmp_path / "s")
        prepare(paths)
        hands = executor or HandExecutor()
        machine = SystemClock(wall=clock.wall, steady=clock.now)
        engine = build(settings(**groups), paths, clock=machine, executor=hands)
        world = World(engine, clock, hands, paths.state_dir)
        worlds.append(world)
        await load_books(engine)
        await hands.open(engine.runs.ended)
        return world

    yield one
    for world in worlds:
        await world.store.close()


@pytest_asyncio.fixture
async def world(make: Maker) -> World:
    made = await make()
    await made.populate()
    return made


def key(account: str = "ann", group: str = "bio", priority: int = 5, **shape: Any) -> GroupKey:
    owner = Owner(account=AccountName(account), group=GroupName(group))
    return GroupKey(owner=owner, service=None, priority=priority, preemptible=False, shape=Shape(**shape))


@pytest.fixture(name="key")
def _key() -> Callable[..., GroupKey]:
    return key


@pytest.fixture(name="until")
def _until() -> Callable[..., Awaitable[None]]:
    return until


@pytest.fixture(name="ending")
def _ending() -> Callable[..., Ending]:
    return ending


@pytest.fixture(name="hands")
def _hands() -> type[HandExecutor]:
    return HandExecutor


@pytest.fixture
def clock() -> HandClock:
    return HandClock()
