"""Other cuts of a trace: the same each time, of about the same load, and different by salt."""

from fractions import Fraction

import pytest

from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, Shape
from engine.core.trace import TraceJob
from engine.daemon.cuts import Cut, cut_of, offered_load, rotated, stretched, thinned

CARD_MB = 1000


def jobs(count):
    key = GroupKey(
        owner=Owner(account=AccountName("a"), group=GroupName("g")),
        service=None,
        priority=5,
        preemptible=False,
        shape=Shape(gpus=2),
    )
    return [TraceJob(job=JobId(str(at)), key=key, submit_s=10.0 * at, runtime_s=30.0) for at in range(count)]


@pytest.mark.parametrize(
    ("text", "cut"), [("1/3", Cut(part=Fraction(1, 3))), ("2/4@x", Cut(part=Fraction(1, 2), salt="x"))]
)
def test_how_a_cut_is_written(text, cut):
    assert cut_of(text) == cut


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/0", "1/3@", "-1/3", "1/3@a b"])
def test_what_is_no_cut_says_what_is_wanted(text):
    with pytest.raises(ValueError, match=r"1/3@2"):
        cut_of(text)


def test_a_thinned_trace_is_the_same_each_time_and_another_one_with_another_salt():
    whole = jobs(3000)
    one, again, other = (thinned(whole, cut_of(text)) for text in ("1/3@1", "1/3@1", "1/3@2"))
    assert one == again
    assert {job.job for job in one} != {job.job for job in other}
    assert 900 < len(one) < 1100
    assert offered_load(one, 8, CARD_MB) == pytest.approx(offered_load(whole, 8, CARD_MB), rel=0.1)


def test_all_of_a_trace_is_the_trace():
    assert thinned(jobs(10), cut_of("1/1")) == tuple(jobs(10))


def test_a_rotated_trace_begins_later_and_ends_with_what_came_before():
    turned = rotated(jobs(11), 0.5)
    assert [job.job for job in turned] == ["5", "6", "7", "8", "9", "0", "10", "1", "2", "3", "4"]
    assert [job.submit_s for job in turned] == [0, 10, 20, 30, 40, 50, 50, 60, 70, 80, 90]


def test_a_stretched_trace_offers_the_load():
    whole = jobs(100)
    assert offered_load(whole, 8, CARD_MB) == pytest.approx(100 * 30 * 2 / (8 * 990))
    assert offered_load(stretched(whole, 0.5, 8, CARD_MB), 8, CARD_MB) == pytest.approx(0.5)
