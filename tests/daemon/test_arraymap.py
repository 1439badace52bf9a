"""Elements of a waiting array are passed over in one step, and nothing else is."""

import asyncio
from typing import cast

from engine.core.model import AccountName, GroupKey, JobId, Owner, PendingGroup, Shape, Waiting
from engine.daemon import arraymap
from engine.daemon.arraymap import ArrayMap
from engine.store.listing import Listings

FIRST, SIZE = 95, 30


class Stored:
    async def arrays(self, beyond: int) -> list[tuple[int, int]]:
        return [(FIRST, SIZE)] if beyond < FIRST else []


def known() -> ArrayMap:
    arrays = ArrayMap(cast(Listings, Stored()))
    asyncio.run(arrays.refresh())
    return arrays


def group(*jobs: tuple[float, int]) -> PendingGroup:
    key = GroupKey(
        owner=Owner(account=AccountName("ada")), service=None, priority=5, preemptible=False, shape=Shape(gpus=1)
    )
    return PendingGroup(key=key, jobs=sorted(Waiting(at, JobId(str(job))) for at, job in jobs))


def walked(arrays: ArrayMap, of: PendingGroup) -> list[int]:
    places = [0]
    while (following := arrays.behind(of, places[-1])) < len(of.jobs):
        places.append(following)
    return [int(of.jobs[at].job) for at in places]


def test_plain_jobs_stay_and_of_the_elements_the_first() -> None:
    elements = [(2.0 + job / 1e6, job) for job in range(FIRST, FIRST + SIZE)]
    assert walked(known(), group((1.0, 93), (1.0, 94), *elements, (3.0, 125), (3.0, 126))) == [93, 94, 95, 125, 126]


def test_in_text_order_the_lowest_id_is_not_passed_over() -> None:
    assert walked(known(), group(*((2.0, job) for job in range(FIRST, FIRST + SIZE)), (2.0, 1000))) == [
        100,
        1000,
        101,
        95,
    ]


def test_a_long_array_is_passed_over_in_several_steps(monkeypatch) -> None:
    monkeypatch.setattr(arraymap, "_MOST", 8)
    elements = [(2.0 + job / 1e6, job) for job in range(FIRST, FIRST + SIZE)]
    found = walked(known(), group(*elements, (3.0, 125)))
    assert (found[0], found[-1]) == (95, 125)
    assert len(found) == 5
