"""Stretches of the queue: together they are the plan's order, whatever they are cut into."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import HOUR, key, waiting, world

from engine.core.places import places
from engine.core.policy import Order, Policy
from engine.core.stretches import Stretches

groups = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "cleo"]),
        st.integers(1, 3),
        st.lists(st.sampled_from([0.0, 1.0, 90.0, 50 * HOUR, 900 * HOUR]), min_size=1, max_size=9),
    ),
    max_size=20,
    unique_by=lambda one: one[:2],
)


@pytest.mark.parametrize("order", list(Order))
@settings(max_examples=150, deadline=None)
@given(made=groups, most=st.integers(1, 12), anew=st.booleans(), begin=st.integers(0, 8))
def test_stretches_are_the_order_cut_into_parts(order: Order, made: Any, most: int, anew: bool, begin: int) -> None:
    policy = Policy(order=order)
    pending = [
        waiting(key(account, priority=priority), *((f"{number}-{at}", waited) for at, waited in enumerate(waits)))
        for number, (account, priority, waits) in enumerate(made)
    ]
    snapshot = world(pending=pending)
    expected = [place.rank for place in places(snapshot.pending, snapshot, policy)]
    after = expected[begin] if begin < len(expected) else None
    found = expected[: begin + 1] if after is not None else []
    stretches = Stretches(pending, snapshot, policy, after, behind=True)
    while (head := stretches.head) is not None:
        assert head == expected[len(found)]
        if anew:
            stretches = Stretches(pending, snapshot, policy, head, behind=False)
        taken = sorted(piece.rank(job) for piece in stretches.take(most) for job in piece.jobs)
        assert 0 < len(taken) <= max(most, 16)
        found += taken
        assert found == expected[: len(found)]
    assert found == expected
