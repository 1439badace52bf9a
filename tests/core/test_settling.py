"""A card that a job has just left: nothing starts on it, and nobody is put behind because of it."""

from engine.core.backfill import SETTLING_S
from engine.core.forecast import forecast
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.reasons import GpuSettling
from engine.core.snapshot import Claim

from .worlds import NOW, card, key, waiting, world

POLICY = Policy()


def test_nothing_starts_on_it_and_it_is_promised_for_the_next_moment():
    pair = waiting(key(gpus=2), ("1", 60.0))
    decided = plan(world((card(0), card(1, settling=True, memory_used_mb=900)), [pair]), POLICY)
    assert decided.starts == ()
    (promise,) = decided.reservations
    assert (promise.job, promise.start_at) == ("1", NOW + SETTLING_S)
    assert GpuSettling(gpu="GPU-1", index=1, used_mb=900) in promise.reasons


def test_a_job_behind_does_not_take_the_other_card_meanwhile():
    pair, single = waiting(key(gpus=2), ("1", 60.0)), waiting(key("bob"), ("2", 1.0))
    decided = plan(world((card(0), card(1, settling=True)), [pair, single]), POLICY)
    assert decided.starts == ()


def test_another_free_card_is_taken_at_once():
    decided = plan(world((card(0, settling=True), card(1)), [waiting(key(), ("1", 60.0))]), POLICY)
    assert [start.lease.gpus for start in decided.starts] == [("GPU-1",)]


def test_the_future_knows_that_it_will_be_free():
    told = forecast(world((card(0, settling=True),), [waiting(key(), ("1", 60.0))]), POLICY)
    assert told.starts["1"].start_at == NOW + SETTLING_S


def test_what_the_job_left_behind_keeps_nobody_from_being_promised_it():
    left = (card(0), card(1, settling=True, memory_used_mb=40_000))
    pair, single = waiting(key(gpus=2, gpu_memory_mb=24_000), ("1", 60.0)), waiting(key("bob"), ("2", 1.0))
    decided = plan(world(left, [pair, single]), POLICY)
    assert decided.starts == ()
    assert next((promise.job, promise.start_at) for promise in decided.reservations) == ("1", NOW + SETTLING_S)
    told = forecast(world(left, [pair]), POLICY)
    assert told.starts["1"].start_at == NOW + SETTLING_S


def test_whom_others_made_way_for_is_not_overtaken_while_their_cards_settle():
    of = key("bob", priority=10, gpus=2)
    claim = Claim(job="1", key=of, submitted_at=NOW - 60.0, gpus=("GPU-0", "GPU-1"))
    short = waiting(key("cleo", "language", time_limit_s=60), ("2", 1.0))
    left = (card(0), card(1, settling=True))
    decided = plan(world(left, [waiting(of, ("1", 60.0)), short], claims=(claim,)), POLICY)
    assert decided.starts == ()
    assert decided.reservations[0].start_at == NOW + SETTLING_S
