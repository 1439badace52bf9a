"""A pass's record: it comes back as it was written, and planning it again decides the same."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum

import pytest
from clusters import clusters, overflowing
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import NOW, key, keys, lease, policies, snapshots, waiting, world

from engine.core import record as records
from engine.core.codec import Codec, Table, UnknownType, Unreadable
from engine.core.decisions import Plan
from engine.core.model import JobId, Waiting
from engine.core.plan import plan
from engine.core.policy import Policy
from engine.core.record import Heads, Moment, NotRecorded, Outcome, Record, Steady, TooLarge, Watched
from engine.core.replay import differences, planned_again
from engine.core.simulate import apply
from engine.core.snapshot import Lease, Snapshot

MANY = settings(max_examples=60, deadline=None)
FEW = settings(max_examples=30, deadline=None)
POLICY = Policy()

# every field of every value, also of those that a later version brings: hypothesis builds them from the hints
moments = st.builds(
    Moment,
    snapshot=st.builds(Snapshot, pending=st.just(())),
    outcome=st.builds(Outcome, plan=st.builds(Plan, holds=st.just(()))),
)


def recorded(snapshot, policy):
    """The record of one pass, out of its texts, and the plan that was made."""
    seen = records.watched(snapshot)
    decided = plan(seen, policy)
    moment = records.write_moment(records.moment_of(seen, decided))
    return records.read(records.write_steady(records.steady_of(seen, policy, "1.0")), moment), decided


@FEW
@given(st.from_type(Steady), moments)
def test_what_was_written_comes_back_as_it_was(steady, moment):
    texts = records.write_steady(steady), records.write_moment(moment)
    back = records.read(*texts)
    if "NaN" not in "".join(texts):  # not a number is not even equal to itself
        assert (records.write_steady(back.steady), records.write_moment(back.moment)) == texts
        assert back == Record(steady=steady, moment=moment)


@FEW
@given(snapshots(), policies)
def test_a_whole_snapshot_and_plan_with_their_queues_come_back_too(snapshot, policy):
    for kind, value in ((Snapshot, snapshot), (Plan, plan(snapshot, policy))):
        codec, table = Codec(kind), Table()
        text = json.dumps(codec.pack(value, table))
        back = codec.unpack(json.loads(text), Table(codec.schema))
        assert json.dumps(codec.pack(back, Table())) == text


@MANY
@given(snapshots(), policies)
def test_the_heads_that_were_looked_at_are_enough_to_plan_the_same(snapshot, policy):
    snapshot = apply(snapshot, plan(snapshot, policy), policy)
    snapshot = replace(snapshot, now=snapshot.now + 30.0, leases=snapshot.leases[::2])
    record, decided = recorded(snapshot, policy)
    again = planned_again(record)
    assert again == replace(decided, holds=again.holds)
    assert [(hold.key, hold.score, hold.reasons, hold.count) for hold in again.holds] == [
        (hold.key, hold.score, hold.reasons, hold.count) for hold in decided.holds
    ]
    assert differences(record, again) == ()


@MANY
@given(snapshots(), policies)
def test_watching_a_queue_changes_no_plan(snapshot, policy):
    watched = plan(records.watched(snapshot), policy)
    plain = plan(snapshot, policy)
    assert watched.starts == plain.starts
    assert records.outcome_of(watched) == records.outcome_of(plain)


def test_the_size_follows_what_was_looked_at_and_not_the_queue():
    def size(jobs):
        busy = [lease("old", key("bob"), 0)]
        queue = waiting(key("ann"), *((str(10**6 + at), 60.0) for at in range(jobs)))
        record, _ = recorded(world(1, [queue], busy), POLICY)
        assert record.moment.queues[0].count == jobs
        return len(records.write_moment(record.moment))

    assert abs(size(10_000) - size(100)) < 20


def test_a_busy_box_is_recorded_in_a_few_thousand_characters():
    pending = [
        waiting(
            key(f"user{at}", f"group{at % 6}", time_limit_s=3600 + at), *((f"{at}-{n}", 60.0 * n) for n in range(9))
        )
        for at in range(40)
    ]
    record, decided = recorded(world(8, pending), POLICY)
    assert len(decided.starts) == 8
    assert len(records.write_moment(record.moment)) < 40_000


def test_a_pass_that_looked_at_too_much_leaves_no_record(monkeypatch):
    monkeypatch.setattr(records, "MOST_HEADS", 3)
    queue = waiting(key("ann"), *((str(at), 60.0) for at in range(4)))
    with pytest.raises(TooLarge):
        recorded(world(4, [queue]), POLICY)


def test_estimates_of_jobs_that_are_not_there_are_left_out():
    here, running, gone = key("ann"), key("bob"), key("cleo", "language")
    snapshot = world(
        2, [waiting(here, ("a", 60))], [lease("old", running, 0)], estimates={gone: 1.0, here: 2.0, running: 3.0}
    )
    record, _ = recorded(snapshot, POLICY)
    assert record.snapshot().estimates == {here: 2.0, running: 3.0}


def test_a_queue_remembers_how_far_it_was_looked_at():
    queue = Watched([Waiting(NOW, JobId(str(at))) for at in range(9)])
    assert (len(queue), queue.seen) == (9, 0)
    assert queue[2].job == "2"
    assert (queue[0].job, queue.seen) == ("0", 3)
    assert (queue[-1].job, queue.seen) == ("8", 9)


def test_heads_know_their_number_and_tell_nothing_of_the_rest():
    heads = Heads([Waiting(NOW, JobId("a")), Waiting(NOW, JobId("b"))], 3)
    assert (len(heads), heads[1].job, [one.job for one in heads[:2]]) == (3, "b", ["a", "b"])
    for beyond in (2, -1, slice(0, 3)):
        with pytest.raises(NotRecorded):
            heads[beyond]
    with pytest.raises(IndexError):
        heads[3]


def test_a_plan_that_would_look_further_than_then_is_a_difference():
    record, _ = recorded(world(1, [waiting(key("ann"), ("a", 60), ("b", 50), ("c", 40))]), POLICY)
    (queue,) = record.moment.queues
    assert [head.job for head in queue.heads] == ["a", "b", "c"]
    cut = replace(record, moment=replace(record.moment, queues=(replace(queue, heads=queue.heads[:1]),)))
    with pytest.raises(NotRecorded) as raised:
        planned_again(cut)
    (difference,) = differences(cut, raised.value)
    assert (difference.what, difference.now) == ("queue", "looks at place 2 of 3 in a queue")


def test_a_record_that_was_tampered_with_is_named_by_job():
    record, decided = recorded(world(1, [waiting(key("ann"), ("a", 60), ("b", 50))]), POLICY)
    (start,) = decided.starts
    other = replace(start, lease=replace(start.lease, gpus=()))
    outcome = record.moment.outcome
    forged = replace(record.moment, outcome=replace(outcome, plan=replace(outcome.plan, starts=(other,))))
    (difference,) = differences(replace(record, moment=forged), planned_again(record))
    assert (difference.what, difference.job, difference.decided, difference.now) == ("job", "a", other, start)


def test_differences_of_no_one_job_are_named_by_part():
    record, _ = recorded(world(2, [waiting(key("ann"), ("a", 60), ("b", 50))]), POLICY)
    outcome = record.moment.outcome
    turned = replace(outcome.plan, starts=outcome.plan.starts[::-1], hot=frozenset({"GPU-0"}))
    forged = replace(record, moment=replace(record.moment, outcome=replace(outcome, plan=turned)))
    assert {found.what: (found.job, found.decided) for found in differences(forged, planned_again(record))} == {
        "hot": (None, frozenset({"GPU-0"})),
        "order": (None, ("b", "a")),
    }


def test_a_record_of_an_earlier_version_has_the_defaults_of_fields_that_came_later():
    record, _ = recorded(world(1, [waiting(key("ann"), ("a", 60))]), POLICY)
    steady, moment = (
        json.loads(text) for text in (records.write_steady(record.steady), records.write_moment(record.moment))
    )
    at = steady["schema"]["Policy"].index("core_weight")
    del steady["schema"]["Policy"][at], steady["value"][1][at]
    assert records.read(json.dumps(steady), json.dumps(moment)) == record


@pytest.mark.parametrize("change", ["field", "cut", "no object", "no value"])
def test_what_cannot_be_read_is_said_and_nothing_else_is_raised(change):
    record, _ = recorded(world(1, [waiting(key("ann"), ("a", 60))]), POLICY)
    steady, moment = records.write_steady(record.steady), records.write_moment(record.moment)
    wrong = {
        "field": steady.replace('"core_weight"', '"heart_weight"'),
        "cut": steady[:-9],
        "no object": "[]",
        "no value": "{}",
    }[change]
    with pytest.raises(Unreadable):
        records.read(wrong, moment)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class One:
    pair: tuple[int, str]
    colour: Colour
    by_key: Mapping[Colour, float]


@dataclass(frozen=True)
class Two:
    one: One | None


@dataclass(frozen=True)
class Three:
    either: One | Two


@given(
    st.builds(
        Three,
        st.one_of(
            one := st.builds(
                One,
                st.tuples(st.integers(), st.text()),
                st.sampled_from(Colour),
                st.dictionaries(st.sampled_from(Colour), st.floats(allow_nan=False)),
            ),
            st.builds(Two, st.one_of(st.none(), one)),
        ),
    )
)
def test_forms_that_the_core_may_come_to_use(value):
    codec = Codec(Three)
    text = json.dumps(codec.pack(value, Table()))
    back = codec.unpack(json.loads(text), Table(codec.schema))
    assert back == value
    inner = back.either if isinstance(back.either, One) else back.either.one
    assert inner is None or isinstance(inner.colour, Colour)


@dataclass(frozen=True)
class Odd:
    when: complex


@dataclass(frozen=True)
class Torn:
    either: One | int


@pytest.mark.parametrize(("kind", "named"), [(Odd, "Odd.when"), (Torn, "Torn.either")])
def test_a_hint_that_nobody_foresaw_fails_loudly(kind, named):
    with pytest.raises(UnknownType, match=named):
        Codec(kind)


@FEW
@given(st.lists(keys(), min_size=1, max_size=5))
def test_a_shared_value_is_written_once(several):
    codec, table = Codec(tuple[Lease, ...], shared=frozenset({type(several[0])})), Table()
    leases = tuple(lease(str(at), of, 0) for at, of in enumerate(several * 3))
    packed = json.loads(json.dumps(codec.pack(leases, table)))
    assert len(table.rows) == len(set(several))
    assert codec.unpack(packed, Table(codec.schema, json.loads(json.dumps(table.rows)))) == leases


def test_the_schema_names_every_field_of_a_snapshot():
    assert records.MOMENT.schema["Snapshot"] == [field.name for field in fields(Snapshot)]


@FEW
@given(overflowing() | clusters(), policies)
def test_a_pass_with_a_cluster_is_planned_again_the_same(snapshot, policy):
    record, decided = recorded(snapshot, policy)
    again = planned_again(record)
    assert differences(record, again) == ()
    assert [start.lease for start in again.starts] == [start.lease for start in decided.starts]


def test_of_a_part_of_a_queue_so_much_is_remembered():
    queue = records.Watched([Waiting(float(at), JobId(str(at))) for at in range(1000)])
    assert len(queue[:7]) == 7
    assert queue.seen == 7
    assert queue[2:4][0].job == "2"
    assert queue.seen == 7
    assert queue[-1].job == "999"
    assert queue.seen == 1000
