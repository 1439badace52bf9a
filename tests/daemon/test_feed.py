"""Events reach each subscriber in order, as far as it may see them, and a slow one is told what it missed."""

import asyncio

import pytest

from engine.daemon import feed as feeds
from engine.daemon.feed import Feed


def everything(happening):
    return {"job": happening.job}


async def take(stream, count):
    async with asyncio.timeout(5):
        return [await anext(stream) for _ in range(count)]


async def test_events_come_in_order_and_only_as_seen(until):
    feed = Feed()
    mine = feed.subscribe(lambda h: {"job": h.job} if h.account == "ann" else None, None)
    first = asyncio.create_task(anext(mine))
    await until(lambda: feed.listened_to)
    feed.job_changed("1", "bob", "running")
    feed.job_changed("2", "ann", "running")
    feed.job_changed("3", "ann", "completed")
    assert (await first).data == {"job": "2"}
    assert [(event.id, event.data["job"]) for event in await take(mine, 1)] == [(3, "3")]
    await mine.aclose()
    assert not feed.listened_to


async def test_who_comes_back_gets_what_was_missed():
    feed = Feed()
    for number in range(1, 6):
        feed.job_changed(str(number), "ann", "running")
    assert [event.id for event in await take(feed.subscribe(everything, 3), 2)] == [4, 5]


@pytest.mark.parametrize("after", [2, 10_000])
async def test_who_comes_back_too_late_or_to_another_engine_is_told_to_refresh(after, monkeypatch):
    feed = Feed()
    for number in range(1, feeds.REMEMBERED + 10):
        feed.job_changed(str(number), "ann", "running")
    (event,) = await take(feed.subscribe(everything, after), 1)
    assert (event.kind, event.data) == ("queue", {"refresh": True})


async def test_a_slow_subscriber_loses_the_oldest_and_is_told(until):
    feed = Feed()
    slow = feed.subscribe(everything, None)
    first = asyncio.create_task(anext(slow))
    await until(lambda: feed.listened_to)
    feed.job_changed("first", "ann", "running")
    await first
    for number in range(feeds.QUEUED + 100):
        feed.job_changed(str(number), "ann", "running")
    told, oldest = await take(slow, 2)
    assert (told.kind, told.data) == ("queue", {"refresh": True})
    assert oldest.data == {"job": "100"}
    assert told.id < oldest.id


async def test_look_again_events_do_not_pile_up_but_a_read_one_does_not_hide_the_next(until):
    feed = Feed()
    stream = feed.subscribe(everything, None)
    first = asyncio.create_task(anext(stream))
    await until(lambda: feed.listened_to)
    for _ in range(10):
        feed.queue_changed()
    assert (await first).id == 10
    feed.queue_changed()
    assert [event.id for event in await take(stream, 1)] == [11]


async def test_closing_ends_every_stream(until):
    feed = Feed()

    async def listen():
        return [event async for event in feed.subscribe(everything, None)]

    listening = asyncio.create_task(listen())
    await until(lambda: feed.listened_to)
    feed.close()
    assert await asyncio.wait_for(listening, 5) == []
    assert [event async for event in feed.subscribe(everything, None)] == []


async def test_an_id_of_an_earlier_engine_asks_for_a_refresh_however_far_the_new_one_has_counted():
    before = Feed(1_000_000)
    for _ in range(20):
        before.queue_changed()
    (last,) = await take(before.subscribe(everything, 1_000_018), 1)
    now = Feed(2_000_000)
    for number in range(30):
        now.job_changed(str(number), "ann", "running")
    refresh, first = await take(now.subscribe(everything, last.id), 2)
    assert (refresh.kind, refresh.data) == ("queue", {"refresh": True})
    assert (first.id, first.data) == (2_000_000, {"job": "0"})


async def test_an_id_of_an_earlier_engine_asks_for_a_refresh_where_nothing_has_happened_yet():
    (refresh,) = await take(Feed(2_000_000).subscribe(everything, 1_000_018), 1)
    assert (refresh.kind, refresh.data) == ("queue", {"refresh": True})
