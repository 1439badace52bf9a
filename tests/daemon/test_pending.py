"""The queue in memory keeps each group's order whatever is added and removed."""

from hypothesis import given
from hypothesis import strategies as st

from engine.core.model import AccountName, GroupKey, GroupName, JobId, Owner, Shape, Waiting
from engine.daemon.pending import PendingIndex


def group_key(account: str) -> GroupKey:
    owner = Owner(account=AccountName(account), group=GroupName("g"))
    return GroupKey(owner=owner, service=None, priority=5, preemptible=False, shape=Shape())


STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.floats(0, 10), st.booleans()), max_size=60)


@given(STEPS)
def test_it_holds_what_was_added_and_not_removed_in_order(steps):
    index, model = PendingIndex(), {}
    for account, number, submitted_at, add in steps:
        job = JobId(str(number))
        if add and job not in model:
            model[job] = (group_key(account), Waiting(submitted_at, job))
            index.add(*model[job])
        elif not add:
            known = model.pop(job, None)
            removed = index.remove(job, known[1].submitted_at if known else 0.0)
            assert removed == (known[0] if known else None)
    groups = index.groups()
    assert len(index) == len(model)
    assert {waiting.job for group in groups for waiting in group.jobs} == set(model)
    for group in groups:
        assert list(group.jobs) == sorted(w for key, w in model.values() if key == group.key)
        assert len(group.jobs) > 0
    assert all(index.key_of(job) == key for job, (key, _) in model.items())


def test_a_group_is_a_live_view_and_goes_with_its_last_job():
    index = PendingIndex()
    index.add_all((group_key("a"), Waiting(float(n), JobId(str(n)))) for n in range(3))
    (group,) = index.groups()
    index.remove(JobId("0"), 0.0)
    assert [waiting.job for waiting in group.jobs] == ["1", "2"]
    index.remove(JobId("1"), 1.0)
    index.remove(JobId("2"), 2.0)
    assert index.groups() == ()
    assert index.key_of(JobId("2")) is None


@given(st.sets(st.tuples(st.sampled_from("ab"), st.integers(0, 60))), st.sets(st.integers(0, 70)))
def test_many_are_taken_out_as_one_by_one(jobs, leaving):
    keys = {number: (group_key(account), Waiting(number / 7, JobId(str(number)))) for account, number in sorted(jobs)}
    index, one_by_one = PendingIndex(), PendingIndex()
    index.add_all(keys.values())
    one_by_one.add_all(keys.values())
    views = index.groups()
    taken = index.take(JobId(str(number)) for number in leaving)
    gone = [(one_by_one.remove(JobId(str(number)), number / 7), number) for number in sorted(leaving)]
    assert {(key, int(waiting.job)) for key, waiting in taken} == {(key, number) for key, number in gone if key}
    left = {group.key: list(group.jobs) for group in one_by_one.groups()}
    assert {group.key: list(group.jobs) for group in index.groups()} == left
    assert {group.key: list(group.jobs) for group in views if group.jobs} == left
    assert len(index) == len(one_by_one)
    assert all(index.tally.of(("account", name)) == one_by_one.tally.of(("account", name)) for name in "ab")
