"""Lock-outs: longer each time, of a name for an origin, and never at the mercy of somebody else."""

import itertools

import pytest

from config.settings import AuthSettings
from engine.daemon.lockouts import REMEMBERED, Lockouts
from engine.protocol.errors import Refused

ANN, MALLORY = 1001, 1002
FIRST_S, LONGEST_S, FAILURES = 60.0, 480.0, 3


@pytest.fixture
def lockouts(clock):
    return Lockouts(AuthSettings(lockout_failures=FAILURES, lockout_s=FIRST_S, lockout_max_s=LONGEST_S), clock)


def guess(lockouts, name="ann", origin=MALLORY):
    """A wrong try: nothing if it was made, else the seconds to wait."""
    try:
        lockouts.begin(name, origin)
    except Refused as refused:
        assert refused.code == "RATE_LIMITED"
        return refused.retry_after_s
    return None


def until_locked(lockouts, **of):
    """How many wrong tries it takes, and the seconds that follow."""
    tries = sum(1 for _ in itertools.takewhile(lambda wait: wait is None, (guess(lockouts, **of) for _ in range(100))))
    return tries, guess(lockouts, **of)


def test_each_lock_is_twice_as_long_up_to_the_longest(lockouts, clock):
    seen = []
    for _ in range(6):
        tries, wait_s = until_locked(lockouts)
        seen.append((tries, wait_s))
        clock.time += wait_s
    assert seen == [(3, 60.0), (3, 120.0), (3, 240.0), (3, 480.0), (3, 480.0), (3, 480.0)]


@pytest.mark.parametrize(("quiet_s", "then_s"), [(LONGEST_S - 1, 120.0), (LONGEST_S, 60.0)])
def test_it_begins_anew_after_a_quiet_time(lockouts, clock, quiet_s, then_s):
    until_locked(lockouts)
    clock.time += FIRST_S + quiet_s
    assert until_locked(lockouts) == (3, then_s)


def test_tries_far_apart_never_lock(lockouts, clock):
    for _ in range(20):
        assert guess(lockouts) is None
        clock.time += LONGEST_S


def test_a_right_one_forgives(lockouts, clock):
    until_locked(lockouts)
    clock.time += FIRST_S
    lockouts.begin("ann", MALLORY)
    lockouts.right("ann", MALLORY)
    assert until_locked(lockouts) == (3, FIRST_S)


def test_nobody_is_locked_out_by_who_guesses_at_their_name(lockouts, clock):
    for _ in range(200):
        _, wait_s = until_locked(lockouts)
        assert guess(lockouts, origin=ANN) is None
        lockouts.right("ann", ANN)
        clock.time += wait_s


def pauses(steps, longest_s):
    """Ways to guess: so many locks in a row, then a quiet time that makes the locks short again."""
    yield from ((locks, longest_s) for locks in range(1, steps + 2))
    yield 10**9, 0.0


@pytest.mark.parametrize(("failures", "first_s", "longest_s"), [(5, 60.0, 3600.0), (1, 1.0, 1.0), (3, 1.0, 86_400.0)])
def test_one_origin_never_reaches_the_bound_of_a_name(clock, failures, first_s, longest_s):
    """However the pauses are chosen: somebody who never came in from where they are now still gets a try."""
    settings = AuthSettings(lockout_failures=failures, lockout_s=first_s, lockout_max_s=longest_s)
    for locks, quiet_s in pauses(18, longest_s):
        lockouts = Lockouts(settings, clock)
        for number in range(1, 120):
            _, wait_s = until_locked(lockouts)
            clock.time += wait_s + (quiet_s if number % locks == 0 else 0.0)
            lockouts.check("ann", ANN)


def test_many_origins_together_reach_the_bound_and_known_ones_stay_outside_it(lockouts, clock):
    lockouts.begin("ann", ANN)
    lockouts.right("ann", ANN)
    tries = sum(guess(lockouts, origin=origin) is None for origin in range(2000, 2100) for _ in range(FAILURES))
    assert tries == FAILURES * 5, "five: the longest lock is reached in four steps"
    wait_s = guess(lockouts, origin=3000)
    assert wait_s is not None
    assert guess(lockouts, origin=ANN) is None, "who came in from there before"
    assert guess(lockouts, name="bob", origin=3000) is None
    clock.time += wait_s
    assert guess(lockouts, origin=3000) is None, "one try has faded"
    assert guess(lockouts, origin=3001) is not None


def test_what_is_remembered_has_an_end(lockouts):
    lockouts.begin("ann", ANN)
    lockouts.right("ann", ANN)
    for number in range(REMEMBERED + 10):
        lockouts.begin(f"name{number}", MALLORY)
    assert len(lockouts._tries) == len(lockouts._names) == REMEMBERED
    assert list(lockouts._known) == [("ann", ANN)], "nobody pushes out who came in"


def test_a_clock_that_is_set_changes_no_wait(lockouts, clock):
    for origin in range(2000, 2100):
        until_locked(lockouts, origin=origin)
    of_origin, of_name = guess(lockouts, origin=2000), guess(lockouts, origin=3000)
    clock.time += 7200.0
    lockouts.clock_set(7200.0)
    assert (guess(lockouts, origin=2000), guess(lockouts, origin=3000)) == pytest.approx((of_origin, of_name))
