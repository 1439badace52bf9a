"""Who is closed for whom when there are too many connections; how many of a kind may be in."""

import pytest

from engine.api.connections import GIVEN_UP_AFTER_S, OVERSHOOT, Connections, Stage
from engine.api.turnstile import Turnstile
from engine.protocol.errors import Refused


class One:
    def __init__(self, uid: int = 1) -> None:
        self.uid = uid
        self.closed = False

    def give_up(self) -> None:
        self.closed = True


class World:
    def __init__(self, most: int = 100, most_each: int = 3) -> None:
        self.time = 0.0
        self.book = Connections(most, most_each, lambda: self.time)

    def come(self, uid: int = 1, stage: Stage = Stage.HEAD) -> One:
        one = One(uid)
        assert self.book.admit(one)
        self.book.stage(one, stage)
        return one


def test_the_oldest_idle_one_of_the_same_user_makes_room() -> None:
    world = World()
    other = world.come(uid=2)
    mine = [world.come() for _ in range(3)]
    world.time = 1.0
    world.book.stage(mine[0], Stage.ENGINE)
    world.come()
    assert [one.closed for one in (other, *mine)] == [False, False, True, True]  # two for one: back below the bound
    assert (world.book.of(1), world.book.of(2), len(world.book)) == (2, 1, 3)


@pytest.mark.parametrize("stage", list(GIVEN_UP_AFTER_S))
def test_whatever_waits_for_its_client_for_long_makes_room(stage: Stage) -> None:
    world = World()
    mine = [world.come(stage=stage) for _ in range(3)]
    world.time = GIVEN_UP_AFTER_S[stage] - 0.01
    young = world.come()
    assert not any(one.closed for one in mine)
    world.time += 0.01
    world.come()
    assert (mine[0].closed, young.closed) == (True, False)


def test_half_a_head_goes_before_half_a_body() -> None:
    world = World(most_each=2)
    body, head = world.come(stage=Stage.BODY), world.come()
    world.time = 10.0
    world.book.admit(One())
    assert (head.closed, body.closed) == (True, True)
    world = World(most_each=2)
    body, head = world.come(stage=Stage.BODY), world.come()
    world.time = 1.0
    world.book.admit(One())
    assert (head.closed, body.closed) == (True, False)


def test_requests_under_way_are_never_closed_and_one_too_many_is_turned_away() -> None:
    world = World()
    busy = [world.come(stage=Stage.ENGINE) for _ in range(3 * OVERSHOOT)]
    world.time = 1000.0
    assert not world.book.admit(One())
    assert not any(one.closed for one in busy)
    assert world.book.admit(One(uid=2))
    world.book.gone(busy[0])
    world.book.gone(busy[0])
    assert world.book.admit(One())


def test_a_flood_of_new_ones_is_given_up_as_fast_as_it_comes() -> None:
    world = World()
    crowd = [world.come() for _ in range(3 * OVERSHOOT)]
    assert not world.book.admit(One())  # none of them had the time to speak
    world.time = 0.1
    assert world.book.admit(One())
    assert [one.closed for one in crowd] == [True, *[False] * 5]


def test_where_all_places_are_taken_who_has_most_gives() -> None:
    world = World(most=5, most_each=10)
    crowd = [world.come(uid=7) for _ in range(4)]
    one = world.come(uid=8)
    assert not world.book.admit(One(uid=9))  # all are young: nobody is closed for a newcomer yet
    world.time = 1.0
    assert world.book.admit(One(uid=9))
    assert (crowd[0].closed, one.closed, len(world.book)) == (True, False, 5)


def test_a_turnstile_counts_in_and_out() -> None:
    gate = Turnstile("streams")
    gate.enter("ann", 2, 3)
    gate.enter("ann", 2, 3)
    with pytest.raises(Refused, match="2 streams under way") as told:
        gate.enter("ann", 2, 3)
    assert (told.value.code, told.value.retry_after_s) == ("RATE_LIMITED", 5.0)
    with gate.within("bob", 2, 3), pytest.raises(Refused, match="3 streams are under way"):
        gate.enter("eve", 2, 3)
    gate.leave("ann")
    assert len(gate) == 1
    with pytest.raises(ValueError, match="boom"), gate.within("ann", 2):
        raise ValueError("boom")
    assert len(gate) == 1
