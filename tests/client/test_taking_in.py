"""Many jobs go in once each, whatever is lost on the way, and each is matched with what it was asked with."""

import pytest

from engine.protocol.errors import Refused, Unreachable
from rcq_tui.client.handles import patience, takein
from rcq_tui.client.handles.asyncrcq import AsyncRcq


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(patience, "_FIRST_S", 0.001)
    monkeypatch.setattr(takein, "_MOST_S", 0.01)


GRID = [{"x": number} for number in range(250)]


async def test_each_parameter_has_its_job(engine):
    calls = engine()
    sweep = await AsyncRcq.over(calls).map("run {x}", GRID, key="k")
    assert [len(batch) for batch in calls.batches] == [100, 100, 50]
    asked = [job for batch in calls.batches for job in batch]
    assert [job["command"] for job in asked] == [["run", str(number)] for number in range(250)]
    assert [job.parameters for job in sweep] == GRID
    assert [calls.rows[job.id].job_id for job in sweep] == [job["job_id"] for job in asked]
    assert asked[7]["tags"] == {"x": "7", "sweep": "k"}


async def test_a_lost_answer_makes_nothing_twice(engine):
    calls = engine()

    def lost(number):
        if number == 2:
            raise Unreachable("gone")

    calls.after = lost  # it took them in, and nobody heard of it
    sweep = await AsyncRcq.over(calls).submit_many({"command": ["run"], "tags": one} for one in GRID)
    assert (len(sweep), len(calls.rows), sweep.refusals) == (250, 250, ())
    assert [job.parameters["x"] for job in sweep] == [str(one["x"]) for one in GRID]


async def test_an_engine_that_stays_away_is_told(engine):
    calls = engine()

    def lost(number):
        raise Unreachable("gone")

    calls.before = lost
    with pytest.raises(Unreachable):
        await AsyncRcq.over(calls, patience_s=0.05).map("run {x}", GRID)


async def test_a_double_of_somebody_is_an_error_and_of_a_sweep_the_same_job(engine, rows):
    calls = engine(rows(5, job_id="mine"))
    rcq = AsyncRcq.over(calls)
    many = await rcq.submit_many([{"command": ["run"], "job_id": "mine"}, {"command": ["run"], "job_id": "new"}])
    assert ([job.id for job in many], [one.code for one in many.refusals]) == ([100], ["DUPLICATE_JOB"])
    first = await rcq.map("run {x}", GRID[:2], key="k")
    again = await rcq.map("run {x}", GRID[:4], key="k")
    assert [job.id for job in again][:2] == [job.id for job in first]
    assert len(calls.rows) == 2 + 4
    other = await rcq.map("walk {x}", GRID[:2], key="k")
    assert {job.id for job in other}.isdisjoint(job.id for job in again), "another command is another job"
    twice = await rcq.map("run {x}", [GRID[0], GRID[0]], key="twice")
    assert len({job.id for job in twice}) == 2


async def test_what_came_too_fast_comes_again(engine):
    calls = engine()
    slow = {"code": "RATE_LIMITED", "message": "Wait.", "details": [{"limit": 60, "retry_after_s": 0.5}]}
    calls.refuses = lambda job: slow if len(calls.batches) == 1 and job["tags"]["x"] != "3" else None
    sweep = await AsyncRcq.over(calls).map("run {x}", GRID[:10])
    assert [len(batch) for batch in calls.batches] == [10, 9]
    assert ([job.parameters["x"] for job in sweep], sweep.refusals) == (list(range(10)), ())


async def test_the_bad_ones_are_named_by_their_place(engine):
    calls = engine()
    bad = {"code": "VALIDATION_ERROR", "message": "No.", "details": [{"field": "name"}]}
    calls.refuses = lambda job: bad if job["tags"]["x"] in {"3", "203"} else None
    sweep = await AsyncRcq.over(calls).map("run {x}", GRID)
    assert [(one.index, one.parameters, one.message) for one in sweep.refusals] == [
        (3, {"x": 3}, "No."), (203, {"x": 203}, "No."),
    ]  # fmt: skip
    assert repr(sweep).endswith(": 248 jobs, 248 pending, 2 refused>")
    with pytest.raises(Refused) as caught:
        sweep.check_taken()
    assert caught.value.details == [{"field": "name"}]
    calls.refuses = lambda job: bad
    with pytest.raises(Refused, match="No"):
        await AsyncRcq.over(calls).map("run {x}", GRID)


async def test_what_is_too_large_together_goes_in_parts(engine):
    calls = engine()

    def large(number):
        batch = calls.batches[-1]
        if len(batch) > 30 or "7" in {job["tags"]["x"] for job in batch}:
            raise Refused("TOO_LARGE", "Too large.")

    calls.before = large
    sweep = await AsyncRcq.over(calls).map("run {x}", GRID[:100])
    assert [job.parameters["x"] for job in sweep] == [number for number in range(100) if number != 7]
    assert [(one.index, one.code) for one in sweep.refusals] == [(7, "TOO_LARGE")]


async def test_nothing_to_submit(engine):
    sweep = await AsyncRcq.over(engine()).map("run {x}", [])
    assert (len(sweep), await sweep.wait(), await sweep.states(), await sweep.to_dicts()) == (0, [], {}, [])


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 151, "a:b", 'a"'])
async def test_keys_that_could_not_be_found_again_are_refused(engine, key):
    with pytest.raises(ValueError, match="no key"):
        await AsyncRcq.over(engine()).map("run", [{}], key=key)


async def test_keys_of_jobs_are_the_sweeps_own(engine):
    async with AsyncRcq.over(engine()) as rcq:
        with pytest.raises(ValueError, match="say key="):
            await rcq.map("true", [{"i": 1}], job_id="mine")
        with pytest.raises(TypeError):
            rcq.job("1/why")
