"""For whom others were told to stop: how long that counts."""

import pytest

from engine.core.decisions import Preempt
from engine.core.model import GpuUuid, JobId, Waiting
from engine.core.snapshot import Claim, Lease
from engine.daemon.claims import UNUSED_S, Claims
from engine.daemon.pending import PendingIndex

BY = JobId("9")


@pytest.fixture
def box(key):
    pending = PendingIndex()
    pending.add(key(), Waiting(5.0, BY))
    return Claims(), pending, key


def preempt(key, victim, *gpus, by=BY):
    lease = Lease(job=JobId(victim), key=key(), gpus=(), started_at=0.0, expected_end=9.0)
    claim = Claim(job=by, key=key(), submitted_at=5.0, gpus=tuple(map(GpuUuid, gpus)))
    return Preempt(victim=lease, by=claim, rule="priority", lost_gpu_s=1.0)


def test_several_victims_make_one_claim(box):
    claims, pending, key = box
    for victim in ("1", "2"):
        claims.add(preempt(key, victim, "a", "b"))
    (claim,) = claims.seen(pending, {JobId("1"), JobId("2")}, 10.0)
    assert (claim.job, claim.gpus) == (BY, ("a", "b"))


def test_a_later_victim_adds_its_cards(box):
    claims, pending, key = box
    claims.add(preempt(key, "1", "a"))
    claims.add(preempt(key, "2", "b"))
    (claim,) = claims.seen(pending, {JobId("1"), JobId("2")}, 10.0)
    assert claim.gpus == ("a", "b")


def test_it_falls_with_its_job(box):
    claims, pending, key = box
    claims.add(preempt(key, "1", "a"))
    pending.remove(BY, 5.0)
    assert claims.seen(pending, {JobId("1")}, 10.0) == ()
    pending.add(key(), Waiting(5.0, BY))
    assert claims.seen(pending, {JobId("1")}, 11.0) == ()


@pytest.mark.parametrize("changed", [{"priority": 6}, {"gpus": 3}])
def test_it_falls_if_its_job_became_another(box, changed):
    claims, pending, key = box
    claims.add(preempt(key, "1", "a"))
    pending.remove(BY, 5.0)
    pending.add(key(**changed), Waiting(5.0, BY))
    assert claims.seen(pending, {JobId("1")}, 10.0) == ()


def test_one_that_is_not_used_in_time_is_given_up(box):
    claims, pending, key = box
    claims.add(preempt(key, "1", "a"))
    assert len(claims.seen(pending, {JobId("1")}, 10_000.0)) == 1
    assert len(claims.seen(pending, set(), 10_001.0)) == 1
    # the victim's next attempt is not in the way: it was requeued
    assert len(claims.seen(pending, {JobId("1")}, 10_001.0 + UNUSED_S)) == 1
    assert claims.seen(pending, {JobId("1")}, 10_002.0 + UNUSED_S) == ()


def test_what_was_not_written_down_is_taken_back(box):
    claims, pending, key = box
    first, second = preempt(key, "1", "a"), preempt(key, "2", "b")
    claims.add(first)
    claims.add(second)
    claims.take_back(first)
    assert len(claims.seen(pending, {JobId("2")}, 10.0)) == 1
    claims.take_back(second)
    assert claims.seen(pending, {JobId("2")}, 10.0) == ()
