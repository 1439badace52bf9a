"""Booked reservations: what stands, what is over, what was taken back; rows stay."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from engine.core.model import AccountName, GpuUuid, GroupName
from engine.core.snapshot import Slot
from engine.store.audit import Entry
from engine.store.errors import Exists, Missing
from engine.store.slots import BookedSlot
from engine.store.store import Store
from tests.store.samples import account

CARDS = (GpuUuid("GPU-1"), GpuUuid("GPU-2"))
FIRST = BookedSlot(
    id=1,
    account=AccountName("ann"),
    group=GroupName("lab"),
    gpus=CARDS,
    start_at=1000.0,
    end_at=2000.0,
    created_at=900.0,
)
SECOND = replace(FIRST, id=2, gpus=CARDS[:1], start_at=3000.5, end_at=4000.25)


@pytest.fixture
async def ann(store: Store) -> Store:
    """A store with the account that books."""
    await store.accounts.add(account("ann", group="lab"))
    return store


async def test_a_booking_comes_back_as_it_was_made_also_from_another_opening(ann: Store, path: Path) -> None:
    assert await ann.slots.last_id() == 0
    await ann.slots.add(FIRST)
    await ann.slots.add(SECOND)
    await ann.close()
    again = Store.open(path, half_life_s=1.0)
    try:
        assert await again.slots.standing(0.0) == [FIRST, SECOND]
        assert await again.slots.last_id() == 2
    finally:
        await again.close()


async def test_what_is_over_stands_no_more_and_stays(ann: Store) -> None:
    await ann.slots.add(FIRST)
    await ann.slots.add(SECOND)
    assert await ann.slots.standing(1999.9) == [FIRST, SECOND]
    assert await ann.slots.standing(2000.0) == [SECOND]
    assert await ann.slots.all() == [FIRST, SECOND]


async def test_what_was_taken_back_stays_with_its_time_and_keeps_its_id(ann: Store) -> None:
    await ann.slots.add(FIRST)
    await ann.slots.remove(1, 950.0, entry=Entry(at=950.0, account="ann", action="reservation.remove", target="1"))
    assert await ann.slots.standing(0.0) == []
    assert await ann.slots.all() == [replace(FIRST, removed_at=950.0)]
    assert await ann.slots.last_id() == 1
    for number in (1, 7):
        with pytest.raises(Missing, match=f"no reservation {number}"):
            await ann.slots.remove(number, 960.0, entry=Entry(at=960.0, account="ann", action="reservation.remove"))
    assert [row.entry.target for row in await ann.audit.page()] == ["1"]


async def test_an_id_is_given_once_and_a_refused_booking_leaves_no_trace(ann: Store) -> None:
    await ann.slots.add(FIRST)
    with pytest.raises(Exists, match="reservation 1 already"):
        await ann.slots.add(replace(SECOND, id=1), entry=Entry(at=1.0, account="x", action="y"))
    with pytest.raises(sqlite3.IntegrityError):
        await ann.slots.add(replace(SECOND, account=AccountName("nobody")))
    assert await ann.slots.all() == [FIRST]
    assert await ann.audit.page() == []


def test_a_pass_gets_the_same_cards_and_times() -> None:
    assert SECOND.for_snapshot() == Slot(
        slot="2", account=AccountName("ann"), gpus=CARDS[:1], start=3000.5, end=4000.25
    )
