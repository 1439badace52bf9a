"""Plain code has all that asyncio has, in any thread, and lets go of it; who does not ask for it does not load it."""

import asyncio
import gc
import inspect
import os
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import Future

import pytest

import rcq_tui.client
from engine.protocol.errors import RcqError, Refused
from rcq_tui.client import AsyncJob, AsyncRcq, AsyncSweep, Job, JobFailed, NotOver, Outcome, Rcq, Sweep
from rcq_tui.client.handles.portal import Portal


def methods(kind):
    found = {name: one for name, one in inspect.getmembers(kind) if not name.startswith("_") and callable(one)}
    return {
        name: [(one.name, one.kind, one.default) for one in inspect.signature(found[name]).parameters.values()]
        for name in found
    }


@pytest.mark.parametrize(
    ("plain", "of", "besides"),
    [
        (Job, AsyncJob, {"seen"}),
        (Sweep, AsyncSweep, set()),
        (Rcq, AsyncRcq, {"connect", "over"}),
    ],
)
def test_both_kinds_offer_the_same(plain, of, besides):
    ours, theirs = methods(plain), methods(of)
    assert {name: ours[name] for name in ours if name not in besides} == {
        name: theirs[name] for name in theirs if name not in besides
    }


def test_names_are_there_and_typed():
    assert set(rcq_tui.client.__all__) == set(rcq_tui.client._PLACES) <= set(dir(rcq_tui.client))
    for name in rcq_tui.client.__all__:
        assert getattr(rcq_tui.client, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        rcq_tui.client.nothing  # noqa: B018


def test_who_asks_for_nothing_loads_nothing():
    told = "import sys, rcq_tui.client; print(*{'asyncio', 'httpx', 'pydantic'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


def test_errors_are_one_family_and_travel():
    outcome = Outcome(
        id=7, name="n", state="failed", cause="exit", exit_code=3, signal=None, submitted_at=1.0, started_at=2.0,
        ended_at=3.0,
    )  # fmt: skip
    for error in (JobFailed(outcome), NotOver((1, 2), 3.0)):
        assert isinstance(error, RcqError)
        assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301  our own bytes
    assert isinstance(NotOver((1,), 1.0), TimeoutError)


def test_over_a_scripted_engine(engine, rows):
    calls = engine(rows(1), rows(2))
    calls.end(1)
    with Rcq.over(AsyncRcq.over(calls)) as rcq:
        assert rcq.job(1).wait().ok
        with pytest.raises(NotOver):
            rcq.job(2).wait(0.05)
        assert len(rcq.jobs()) == 2
    assert calls.closed
    rcq.close()
    with pytest.raises(RuntimeError, match="closed"):
        rcq.me()


def test_an_iterator_that_is_left_ends_what_it_waits_for(engine, rows):
    calls = engine(rows(1), rows(2))
    calls.end(1)
    with Rcq.over(AsyncRcq.over(calls)) as rcq:
        items = rcq.jobs().as_completed()
        assert next(items).id == 1
        items.close()
        assert list(rcq.jobs("id:1").as_completed()) != []


def test_who_waits_while_it_is_closed_is_told(engine, rows):
    calls = engine(rows(1))
    rcq = Rcq.over(AsyncRcq.over(calls))
    told = []

    def wait():
        with pytest.raises(RuntimeError, match="closed meanwhile; what was submitted goes on") as caught:
            rcq.job(1).wait()
        told.append(caught.value)

    waiting = threading.Thread(target=wait)
    waiting.start()
    deadline = time.monotonic() + 30
    while not calls.listeners:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    rcq.close()
    waiting.join(10)
    assert len(told) == 1


@pytest.mark.parametrize("token", ["a b", "a\nb", "é"])
def test_what_is_no_token_is_told(token):
    with pytest.raises(Refused, match="given as token holds no token"):
        Rcq("/nowhere/rcq.sock", token)


class Interrupted(KeyboardInterrupt):
    """As ^C, in a test."""


def test_who_is_interrupted_leaves_nothing_behind(monkeypatch):
    portal = Portal()
    started, over = threading.Event(), threading.Event()

    async def work():
        started.set()
        try:
            await asyncio.sleep(600)
        finally:
            over.set()

    async def items():
        await work()
        yield 1

    def interrupt(self, timeout=None):
        assert started.wait(10)
        raise Interrupted

    result = Future.result
    monkeypatch.setattr(Future, "result", interrupt)
    with pytest.raises(Interrupted):
        portal.run(work())
    assert over.wait(10)
    started.clear()
    over.clear()
    steps = portal.each(items)

    def once(self, timeout=None):
        monkeypatch.setattr(Future, "result", result)
        interrupt(self)

    monkeypatch.setattr(Future, "result", once)
    with pytest.raises(Interrupted):
        next(steps)
    assert over.wait(10)
    portal.close()
    assert not portal._thread.is_alive()


def test_nobody_holds_it_and_its_thread_ends():
    portal = Portal()
    thread = portal._thread
    del portal
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()


def test_what_runs_when_nobody_holds_it_ends_in_good_order():
    portal = Portal()
    thread, ended = portal._thread, []

    async def lingers():
        try:
            await asyncio.sleep(600)
        finally:
            await asyncio.sleep(0)
            ended.append("in good order")

    async def begin():
        begin.task = asyncio.create_task(lingers())
        await asyncio.sleep(0)

    portal.run(begin())
    del portal
    gc.collect()
    thread.join(10)
    assert ended == ["in good order"]


def test_after_a_fork_it_says_so():
    portal = Portal()
    child = os.fork()
    if child == 0:
        try:
            portal.run(asyncio.sleep(0))
        except RuntimeError as error:
            os._exit(0 if "forked" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    portal.close()
