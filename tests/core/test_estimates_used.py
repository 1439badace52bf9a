"""Where expected run times reach: forecasts, who is named first, what-ifs, the simulator."""

from dataclasses import replace

from worlds import NOW, card, key, lease, waiting, world

from engine.core.changes import FewerGpus, Preemptible, ShorterLimit, changed
from engine.core.forecast import forecast
from engine.core.holders import holders
from engine.core.model import GroupName, JobId
from engine.core.policy import Policy
from engine.core.reasons import NotEnoughGpus
from engine.core.simulate import simulate
from engine.core.snapshot import GroupTerms, Host
from engine.core.trace import Box, Estimates, TraceJob

POLICY = Policy()
SLOW = key("bob", time_limit_s=36_000)


def test_a_forecast_takes_a_run_that_outlasts_its_expectation_to_end_as_the_plan_does():
    """It was expected to run 1000 s, and 1100 s have passed: 2000 s are expected now, 900 from here."""
    late = lease("old", SLOW, 0, ran=1100.0, left=-100.0)
    told = forecast(world(1, [waiting(key(), ("next", 5))], [late]), POLICY)
    assert told.starts["next"].start_at == NOW + 900


def test_an_expected_run_ends_when_it_is_expected_to():
    told = forecast(world(1, [waiting(SLOW, ("a", 5), ("b", 4))], estimates={SLOW: 300.0}), POLICY)
    assert [(seen.start_at - NOW, seen.end_at - NOW) for seen in told.starts.values()] == [(0, 300), (300, 600)]


def test_holders_are_told_by_foreseen_ends():
    late = lease("late", SLOW, 0, ran=1100.0, left=-100.0)
    soon = lease("soon", SLOW, 1, ran=60.0, left=500.0)
    reason = NotEnoughGpus(wanted=2, free=0, matching=2)
    found = holders(world(2, [], [late, soon]), key(gpus=2), [reason])
    assert [one.lease.job for one in found] == ["soon", "late"]


def test_what_is_known_of_a_job_holds_for_it_with_a_change():
    of, entry = key(gpus=2, time_limit_s=36_000), waiting(key(gpus=2, time_limit_s=36_000), ("a", 5))
    snapshot = world(2, [entry], estimates={of: 900.0})
    (job,) = entry.jobs
    for change, expected_s in (
        (Preemptible(), 900.0),
        (FewerGpus(gpus=1, wanted=2), 900.0),
        (ShorterLimit(time_limit_s=600, wanted=36_000), 600.0),
    ):
        after, now_key = changed(snapshot, of, job, [change])
        assert now_key != of
        assert after.run_s(now_key) == expected_s
    unknown, now_key = changed(replace(snapshot, estimates={}), of, job, [Preemptible()])
    assert unknown.run_s(now_key) == 36_000.0


def test_the_simulator_expects_the_quantile_it_is_told():
    box = Box(gpus=(card(0),), host=Host(cpu_cores=4, memory_mb=1000), groups={GroupName("vision"): GroupTerms()})
    times = (100.0, 200.0, 900.0, 100.0)
    trace = [
        TraceJob(job=JobId(str(at)), key=key(kind="train", time_limit_s=36_000), submit_s=1000.0 * at, runtime_s=run_s)
        for at, run_s in enumerate(times)
    ]

    def expected(quantile):
        *_, last = simulate(trace, box, POLICY, estimates=Estimates.HISTORY, quantile=quantile)
        return last.expected_s

    assert [expected(part) for part in (0.0, 0.5, 1.0)] == [100.0, 200.0, 900.0]
