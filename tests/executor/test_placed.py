"""Each attempt goes where its lease is; a cluster that is away keeps nobody from anything on this host."""

import asyncio
from pathlib import Path

import pytest

from engine.core.lifecycle import Cause
from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, Shape
from engine.core.snapshot import CLUSTER, Lease
from engine.executor import placed
from engine.executor.placed import PlacedExecutor
from engine.ports import Ending, Launch
from engine.protocol.errors import RcqError
from tests.contract.fake_executor import Behaviour, FakeExecutor, FakeHost

WAITS = ("waits",)


class Away(FakeExecutor):
    """A cluster's side that can be away."""

    def __init__(self, host: FakeHost) -> None:
        super().__init__(host)
        self.away = False
        self.forgotten: list[JobId] = []
        self.swept = asyncio.Event()
        self.closed = False

    def _ask(self) -> None:
        if self.away:
            raise RcqError("the cluster does not answer")

    async def open(self, on_end):
        self._ask()
        await super().open(on_end)

    async def sweep(self, known):
        self._ask()
        await super().sweep(known)
        self.swept.set()

    def forget(self, job):
        self.forgotten.append(job)

    async def close(self):
        self.closed = True
        await super().close()


class Sides:
    """Both executors with what was told of ends."""

    def __init__(self, folder: Path) -> None:
        self.home, self.cluster = Away(FakeHost()), Away(FakeHost())
        for side in (self.home, self.cluster):
            side.host.expect(WAITS, Behaviour(waits=True, exit_code=0))
        self.places: dict[JobId, str] = {}
        self.ends: list[Ending] = []
        self.folder = folder
        self.both = PlacedExecutor(self.home, self.cluster, lambda job: self.places.get(job, ""))

    def launch(self, job: str, place: str) -> Launch:
        number = JobId(job)
        self.places[number] = place
        key = GroupKey(
            owner=Owner(account=AccountName("ann"), group=GroupName("bio")), service=None, priority=5,
            preemptible=False, shape=Shape(),
        )  # fmt: skip
        lease = Lease(job=number, key=key, gpus=(), started_at=1.0, expected_end=2.0, place=place)
        return Launch(
            job=number, attempt=1, argv=WAITS, environment={}, workdir=self.folder, directory=self.folder,
            time_limit_s=100.0, warn_before_s=0.0, grace_s=1.0, lease=lease,
        )  # fmt: skip


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    return Sides(tmp_path)


async def test_each_goes_where_its_lease_is_and_is_found_there(sides):
    await sides.both.open(sides.ends.append)
    await sides.both.start(sides.launch("1", ""))
    await sides.both.start(sides.launch("2", CLUSTER))
    assert [key[0] for key in sides.home.host.attempts] == ["1"]
    assert [key[0] for key in sides.cluster.host.attempts] == ["2"]
    assert (await sides.both.adopt(JobId("2"), 1, sides.folder)).job == "2"
    for job in ("1", "2"):
        await sides.both.pause(JobId(job))
        await sides.both.go_on(JobId(job))
        await sides.both.stop(JobId(job), Cause.CANCELLED, 1.0)
    await asyncio.sleep(0)
    assert {one.job for one in sides.ends} == {"1", "2"}
    sides.places.clear()  # their leases are over
    for job in ("1", "2"):
        sides.both.forget(JobId(job))
    assert (sides.home.forgotten, sides.cluster.forgotten) == (["1"], ["2"])
    await sides.both.close()
    assert sides.home.closed and sides.cluster.closed


async def test_while_the_cluster_is_away_this_host_works_and_it_is_opened_once_it_is_back(sides, monkeypatch):
    monkeypatch.setattr(placed, "AGAIN_S", 0.001)
    sides.cluster.away = True
    await sides.both.open(sides.ends.append)
    await sides.both.start(sides.launch("1", ""))
    there = sides.launch("2", CLUSTER)
    for call in (
        lambda: sides.both.start(there),
        lambda: sides.both.adopt(there.job, 1, sides.folder),
        lambda: sides.both.stop(there.job, Cause.CANCELLED, 1.0),
    ):
        with pytest.raises(RcqError, match="does not answer"):
            await call()
    await sides.both.sweep(lambda job, attempt: True)
    sides.cluster.away = False
    await asyncio.wait_for(sides.cluster.swept.wait(), 5)
    assert (await sides.both.start(there)).job == "2"
    assert list(sides.home.host.attempts) == [("1", 1)]
    await sides.both.close()


async def test_a_cluster_that_never_came_is_not_closed(sides):
    sides.cluster.away = True
    await sides.both.open(sides.ends.append)
    await sides.both.sweep(lambda job, attempt: True)
    await sides.both.close()
    assert sides.home.closed and not sides.cluster.closed


async def test_both_sides_let_go_of_what_nobody_knows(sides):
    await sides.both.open(sides.ends.append)
    for job, place in (("1", ""), ("2", CLUSTER), ("3", CLUSTER)):
        await sides.both.start(sides.launch(job, place))
    await sides.both.sweep(lambda job, attempt: job == "3")
    await asyncio.sleep(0)
    assert {one.job for one in sides.ends} == {"1", "2"}
