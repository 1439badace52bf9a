"""The gate alone: who passes and who never will, each once, whatever the order of things."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.lifecycle import JobState
from engine.core.model import JobId, Waiting
from engine.core.reasons import Dependency, NotBefore
from engine.daemon.gate import Doom, Entry, Gate, Verdict, holds, reasons
from tests.daemon.conftest import key

KEY = key()
ENDS = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)


def name(number: int) -> JobId:
    return JobId(str(number))


def entry(after: Mapping[int, str] | None = None, **values: Any) -> Entry:
    return Entry(after={name(job): when for job, when in (after or {}).items()}, **values)


def let_in(gate: Gate, number: int, after: Mapping[int, str] | None = None, **values: Any) -> Verdict:
    gate.watch(one := entry(after, **values))
    return gate.enter(one, (KEY, Waiting(0.0, name(number))))


def passed(verdict: Verdict) -> list[int]:
    return [int(one.job) for one in verdict.passed]


def doomed(verdict: Verdict) -> list[int]:
    return [int(one.job) for one in verdict.doomed]


@pytest.mark.parametrize("when", ["ok", "failed", "any"])
@pytest.mark.parametrize("state", ENDS)
def test_one_condition_and_each_end(when: str, state: JobState) -> None:
    gate = Gate()
    assert passed(let_in(gate, 2, {1: when})) == []
    verdict = gate.ended(name(1), state)
    good = when == "any" or (when == "ok") == (state is JobState.COMPLETED)
    assert (passed(verdict), doomed(verdict)) == (([2], []) if good else ([], [2]))
    assert holds(when, state) == good
    assert (len(gate), name(2) in gate) == (0, False)
    assert verdict.doomed == [] or verdict.doomed[0].doom == Doom(job=name(1), when=when, state=state)


def test_a_doom_goes_through_to_those_behind_and_frees_those_that_want_it() -> None:
    gate = Gate()
    let_in(gate, 2, {1: "ok"})
    let_in(gate, 3, {2: "ok"})
    let_in(gate, 4, {2: "failed"})
    let_in(gate, 5, {3: "any", 4: "ok"})
    verdict = gate.ended(name(1), JobState.FAILED)
    assert (doomed(verdict), passed(verdict)) == ([2, 3], [4])
    assert [int(one) for one in gate.of(name(5)).after] == [4]  # type: ignore[union-attr]  # it is there


def test_a_begin_time_and_a_dependency_both_keep_it() -> None:
    gate = Gate()
    let_in(gate, 2, {1: "ok"}, begin_at=10.0)
    let_in(gate, 3, {}, begin_at=5.0)
    assert gate.next_at() == 5.0
    assert passed(gate.due(9.0)) == [3]
    assert passed(gate.due(10.0)) == []
    assert gate.next_at() is None
    assert passed(gate.ended(name(1), JobState.COMPLETED)) == [2]


def test_what_has_left_goes_on_counting_and_is_told_when_it_comes_back() -> None:
    gate = Gate()
    let_in(gate, 2, {1: "ok"})
    let_in(gate, 3, {2: "failed"})
    let_in(gate, 4, {}, begin_at=5.0)
    away = [gate.leave(name(2)), gate.leave(name(4))]
    assert gate.leave(name(2)) is None
    assert doomed(gate.ended(name(1), JobState.FAILED)) == []
    assert passed(gate.due(6.0)) == []
    first, second = (gate.enter(one, (one.key, one.waiting)) for one in away if one)
    assert (doomed(first), passed(first), passed(second)) == ([2], [3], [4])


def test_what_was_forgotten_is_told_of_no_more() -> None:
    gate = Gate()
    gate.watch(one := entry({1: "ok"}, begin_at=3.0))
    gate.forget(one)
    assert gate.next_at() is None
    assert gate.ended(name(1), JobState.FAILED) == Verdict()


def test_an_end_from_before_it_was_watched_counts() -> None:
    gate = Gate()
    gate.watch(one := entry({1: "any", 2: "ok"}))
    gate.settle(one, name(1), JobState.PREEMPTED)  # that one comes back: it has not ended
    assert list(one.after) == ["1", "2"]
    gate.settle(one, name(1), JobState.FAILED)
    gate.settle(one, name(2), JobState.COMPLETED)
    assert one.is_open
    assert passed(gate.enter(one, (KEY, Waiting(0.0, name(3))))) == [3]


def test_a_recurring_job_stays_and_its_turns_come_one_at_a_time() -> None:
    gate = Gate()
    let_in(gate, 1, cron="* * * * *", begin_at=60.0)
    verdict = gate.due(200.0)
    assert [int(one.job) for one in verdict.recurring] == [1]
    assert (gate.due(200.0), gate.next_at(), name(1) in gate) == (Verdict(), None, True)
    gate.again(verdict.recurring[0], 240.0)
    assert gate.next_at() == 240.0
    gate.forget(verdict.recurring[0])
    gate.again(verdict.recurring[0], 300.0)
    assert gate.due(1000.0) == Verdict()


def test_a_circle_is_named_from_the_job_back_to_it() -> None:
    gate = Gate()
    let_in(gate, 2, {1: "ok"})
    let_in(gate, 3, {2: "ok", 9: "any"})
    assert gate.cycle(name(1), [name(9), name(3)]) == [1, 3, 2, 1]
    assert gate.cycle(name(1), [name(1)]) == [1, 1]
    assert gate.cycle(name(4), [name(3)]) == []


def test_reasons_have_the_time_and_who_is_waited_for() -> None:
    one = entry({1: "ok", 2: "any"}, begin_at=7.0)
    found = reasons(one, lambda job: JobState.RUNNING if job == "1" else JobState.HELD)
    assert found == [
        NotBefore(begin_at=7.0),
        Dependency(job=name(1), when="ok", state="running"),
        Dependency(job=name(2), when="any", state="held"),
    ]
    assert len(reasons(one, lambda job: JobState.RUNNING, most=1)) == 2


def test_who_waits_is_told_by_number_and_changes_are_told() -> None:
    gate, told = Gate(), []
    gate.changed = lambda job, _: told.append((job, job in gate))
    for number in (10, 9, 2):
        let_in(gate, number, {1: "ok"})
    assert [int(one.job) for one in gate.entries()] == [2, 9, 10]
    assert [int(one.job) for one in gate.entries(beyond=2)] == [9, 10]
    gate.ended(name(1), JobState.COMPLETED)
    assert told == [("10", True), ("9", True), ("2", True), ("10", False), ("9", False), ("2", False)]


class Story:
    """What should become of each job, worked out the slow way."""

    def __init__(self, after: list[dict[int, str]], begins: list[float | None]) -> None:
        self.after = after
        self.begins = begins
        self.ends: dict[int, JobState] = {}
        self.now = 0.0
        self.free: set[int] = set()
        self.dead: set[int] = set()

    def settle(self) -> None:
        """Until nothing changes any more."""
        changed = True
        while changed:
            changed = False
            for job, conditions in enumerate(self.after):
                if job in self.free or job in self.dead:
                    continue
                told = [(when, self.ends.get(other)) for other, when in conditions.items()]
                if any(state and not holds(when, state) for when, state in told):
                    self.dead.add(job)
                    self.ends[job] = JobState.FAILED
                    changed = True
                elif all(state for _, state in told) and (self.begins[job] or 0.0) <= self.now:
                    self.free.add(job)
                    changed = True


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[dict[int, str]], list[float | None], list[Any]]:
    """Jobs that wait for earlier ones and for times; then ends and times in any order."""
    count = draw(st.integers(1, 10))
    when = st.sampled_from(["ok", "failed", "any"])
    after = [draw(st.dictionaries(st.integers(0, job - 1), when, max_size=3)) if job else {} for job in range(count)]
    begins = [draw(st.none() | st.sampled_from([1.0, 2.0, 3.0])) for _ in range(count)]
    steps = draw(st.lists(st.tuples(st.integers(0, count - 1), st.sampled_from(ENDS)) | st.just("later"), max_size=40))
    return after, begins, steps


@settings(max_examples=300, deadline=None)
@given(stories(), st.randoms(use_true_random=False))
def test_each_passes_or_is_doomed_exactly_when_it_must(story: Any, chance: Any) -> None:
    after, begins, steps = story
    truth, gate = Story(after, begins), Gate()
    free: list[int] = []
    dead: list[int] = []

    def note(verdict: Verdict) -> None:
        free.extend(passed(verdict))
        dead.extend(doomed(verdict))

    late: list[Entry] = []
    for job, conditions in enumerate(after):
        gate.watch(one := entry(conditions, begin_at=begins[job], place=(KEY, Waiting(0.0, name(job)))))
        if chance.random() < 0.2:
            late.append(one)  # its commit takes its time
        else:
            note(gate.enter(one, (KEY, Waiting(0.0, name(job)))))
    for step in steps:
        if late and chance.random() < 0.3:
            one = late.pop()
            note(gate.enter(one, (one.key, one.waiting)))
        if step == "later":
            truth.now += 1.0
            note(gate.due(truth.now))
        elif step[0] in free and step[0] not in truth.ends:
            truth.ends[step[0]] = step[1]
            note(gate.ended(name(step[0]), step[1]))
        if not late:
            truth.settle()
            assert (set(free), set(dead)) == (truth.free, truth.dead)
    while late:
        one = late.pop()
        note(gate.enter(one, (one.key, one.waiting)))
    truth.settle()
    assert (sorted(free), sorted(dead)) == (sorted(truth.free), sorted(truth.dead))  # each once
    assert len(gate) == len(after) - len(free) - len(dead)
