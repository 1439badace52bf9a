"""Attempts under a random story: an engine that fails, stops, requeues and dies never runs a job twice at once."""

import random

import pytest

from engine.ports import Running
from engine.protocol.errors import Refused
from tests.daemon.attempts import id_of, preempting


class Story:
    """What was done to four jobs, what runs of them and which attempts they had."""

    def __init__(self, make, hands, monkeypatch, seed):
        self.make, self.hands, self.monkeypatch = make, hands, monkeypatch
        self.chance = random.Random(seed)
        self.running: dict[int, int] = {}
        self.deeds = []

    async def begin(self):
        self.world = await self.make(self.hands())
        await self.world.populate()
        self.jobs = [await self.world.submit(retries=2, gpus=1, preemptible=True) for _ in range(4)]
        self.begun: dict[int, list[int]] = {job: [] for job in self.jobs}

    async def one_pass(self):
        seen = len(self.world.executor.launched)
        await self.world.one_pass()
        for launch in self.world.executor.launched[seen:]:
            job = int(launch.job)
            assert job not in self.running, (self.deeds, "two attempts at once")
            assert launch.attempt not in self.begun[job], (self.deeds, "a number twice")
            self.running[job] = launch.attempt
            self.begun[job].append(launch.attempt)

    def end(self, job, **how):
        self.world.executor.end(job, how.pop("code", None), attempt=self.running.pop(job), **how)

    async def go_on(self):
        job = self.chance.choice(self.jobs)
        deed = self.chance.choice(
            ["pass", "fail", "done", "stop", "requeue", "cancel", "hold", "release", "preempt", "die"]
        )
        self.deeds.append((deed, job))
        if deed == "pass":
            await self.one_pass()
        elif deed in {"fail", "done"} and job in self.running:
            self.end(job, code=int(deed == "fail"))
        elif deed == "stop" and job in self.running:
            self.heed(job)
        elif deed in {"requeue", "cancel", "hold", "release"}:
            try:
                await getattr(self.world.jobs, deed)(self.world.ann, job)
            except Refused as refused:
                assert refused.code == "INVALID_STATE", (self.deeds, refused.message)
        elif deed == "preempt":
            preempting(self.world, self.monkeypatch, (job, self.chance.choice(self.jobs)))
            await self.one_pass()
        elif deed == "die":
            await self.die()

    def heed(self, job):
        told = self.world.executor.stopped
        if causes := [cause for one, cause in told if one == id_of(job)]:
            self.end(job, cause=causes[0], signal=15)
            self.world.executor.stopped = [pair for pair in told if pair[0] != id_of(job)]

    async def die(self):
        executor = self.hands()
        executor.found = {
            id_of(one): Running(job=id_of(one), attempt=number, pid=1, started_at=1_000_000.0)
            for one, number in self.running.items()
        }
        self.world = await self.make(executor)
        for one in self.world.store.jobs.unended():
            executor.found.setdefault(one.job, None)
        await self.world.engine.recovery.run()
        await self.one_pass()


@pytest.mark.parametrize("seed", range(6))
async def test_in_any_order_no_two_attempts_at_once_and_no_number_twice(make, hands, monkeypatch, seed):
    """Fail, preempt, requeue, cancel, hold, release, die: what runs is what was started last, once."""
    story = Story(make, hands, monkeypatch, seed)
    await story.begin()
    for _ in range(60):
        await story.go_on()
    world, begun = story.world, story.begun
    for job in story.jobs:
        shown = await world.jobs.show(world.root, job)
        assert shown.attempt == max(begun[job], default=0), story.deeds
        assert begun[job] == list(range(1, len(begun[job]) + 1)), story.deeds
        await world.engine.passes.flush()
        past = (await world.jobs.show(world.root, job)).attempts
        assert [one.attempt for one in past] == [n for n in begun[job] if story.running.get(job) != n], story.deeds
