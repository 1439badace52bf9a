"""A cluster that does as it is told, for engines of tests, and what such tests do again and again."""

import asyncio

from engine.core.model import JobId
from engine.core.snapshot import CLUSTER, Host, NodeRoom
from engine.daemon.capacity import Capacity
from engine.ports import Ending, Running
from engine.protocol.errors import RcqError
from tests.daemon.conftest import HandExecutor

LIMIT_S = 3600
NODE = NodeRoom(name="n1", cpu_cores=8, memory_mb=1000)


class Cluster(HandExecutor):
    """Jobs on it wait until the test lets them begin. handed: each time that one was handed over. away: it is."""

    def __init__(self):
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.handed = []
        self.away = False
        self.queue = {}

    def ask(self):
        if self.away:
            raise RcqError("the cluster does not answer")

    async def start(self, launch):
        if launch.lease.place != CLUSTER:
            return await super().start(launch)
        self.ask()
        self.handed.append((launch.job, launch.attempt))
        self.launched.append(launch)
        waits = self.queue.setdefault((launch.job, launch.attempt), asyncio.get_running_loop().create_future())
        return await asyncio.shield(waits)

    async def adopt(self, job, attempt, directory):
        self.ask()
        return await super().adopt(job, attempt, directory)

    async def stop(self, job, cause, grace_s):
        self.ask()
        await super().stop(job, cause, grace_s)
        for (name, attempt), waits in self.queue.items():
            if name == job and not waits.done():
                self.over(job, attempt, cause)
                waits.set_result(None)

    def over(self, job, attempt, cause):
        """It is not there any more, and never ran."""
        self.on_end(
            Ending(
                job=JobId(str(job)), attempt=attempt, cause=cause, exit_code=None, signal=None, started_at=None,
                ended_at=1_000_000.0,
            )
        )  # fmt: skip

    def begin(self, job, at, attempt=1, **told):
        """It runs from now on."""
        running = Running(job=JobId(str(job)), attempt=attempt, pid=None, started_at=at, **told)
        self.queue[running.job, attempt].set_result(running)


def clustered(world, **capacity):
    """The same engine, planning on a cluster."""
    given = {"alone": True, "ahead": 2, "after_s": 0.0, **capacity}
    world.books.capacity = Capacity(host=lambda: Host(cpu_cores=8, memory_mb=1000, nodes=(NODE,)), **given)
    return world


async def handed(world, until, **fields):
    """A job that waits in the cluster's queue."""
    number = await world.submit(**{"time_limit_s": LIMIT_S, **fields})
    before = len(world.executor.handed)
    await world.engine.passes.one()
    await until(lambda: len(world.executor.handed) > before)
    return number


def live_of(world, number):
    return world.books.live[JobId(str(number))]


async def reborn(world, make, **found):
    """A later engine on the same books and the same cluster. found: what that says of attempts."""
    await world.engine.passes.flush()
    await world.engine.runs.settle()
    executor = Cluster()
    executor.found = {JobId(job.removeprefix("_")): one for job, one in found.items()}
    return clustered(await make(executor))
