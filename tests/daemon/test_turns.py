"""Turns: bounded, fair between origins, none lost."""

import asyncio

import pytest

from engine.daemon.turns import Turns
from engine.protocol.errors import Refused

ANN, BOB = 1001, 1002


class Work:
    """Work that goes on until it is told to end; notes who was let in."""

    def __init__(self, turns):
        self.turns = turns
        self.began = []
        self.at_work = {}

    async def one(self, origin, name):
        async with self.turns.one(origin):
            self.began.append(name)
            self.at_work[name] = asyncio.Event()
            await self.at_work[name].wait()

    def ask(self, origin, *names):
        return [asyncio.create_task(self.one(origin, name)) for name in names]

    async def end(self, name, task):
        self.at_work.pop(name).set()
        await task
        await settle()


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def work():
    return Work(Turns(at_once=1, waiting=3))


async def test_a_flood_of_one_keeps_others_waiting_for_one_turn_only(work):
    flood = work.ask(ANN, "a1", "a2", "a3", "a4")
    await settle()
    (other,) = work.ask(BOB, "b1")
    await settle()
    await work.end("a1", flood[0])
    await work.end("a2", flood[1])
    assert work.began == ["a1", "a2", "b1"]
    await work.end("b1", other)
    await work.end("a3", flood[2])
    await work.end("a4", flood[3])
    assert work.began == ["a1", "a2", "b1", "a3", "a4"]


async def test_one_origin_may_let_so_many_wait_and_others_still_get_in(work):
    flood = work.ask(ANN, "a1", "a2", "a3", "a4")
    await settle()
    with pytest.raises(Refused) as refused:
        await work.one(ANN, "a5")
    assert refused.value.code == "RATE_LIMITED"
    assert refused.value.retry_after_s >= 1
    (other,) = work.ask(BOB, "b1")
    await settle()
    assert not other.done()
    for task in (*flood, other):
        task.cancel()
    await asyncio.gather(*flood, other, return_exceptions=True)


async def test_who_leaves_takes_no_turn_with_them(work):
    tasks = work.ask(ANN, "a1", "a2", "a3")
    await settle()
    tasks[1].cancel()
    work.at_work.pop("a1").set()
    await settle()
    assert work.began == ["a1", "a3"]
    await work.end("a3", tasks[2])
    (late,) = work.ask(BOB, "b1")
    await settle()
    assert work.began[-1] == "b1"
    await work.end("b1", late)


async def test_a_turn_that_is_given_to_who_leaves_in_the_same_step_goes_on(work):
    tasks = work.ask(ANN, "a1", "a2", "a3")
    await settle()
    work.at_work.pop("a1").set()
    await asyncio.sleep(0)  # a1 ends now and gives its turn to a2, which has not run since
    tasks[1].cancel()
    await settle()
    assert work.began == ["a1", "a3"]
    await work.end("a3", tasks[2])


async def test_work_that_fails_gives_its_turn_back(work):
    with pytest.raises(ZeroDivisionError):
        async with work.turns.one(ANN):
            raise ZeroDivisionError
    (task,) = work.ask(ANN, "a1")
    await settle()
    assert work.began == ["a1"]
    await work.end("a1", task)
