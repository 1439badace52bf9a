"""Who is told of what: admins of the engine and its cards, owners of their jobs, nobody who is disabled; the outbox."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from config.settings import NotifySettings
from engine.api.asks import AccountChange, Identity, NotifyChoice
from engine.core.model import AccountName, GpuUuid, JobId
from engine.daemon.notify.outbox import MOST_OF_ACCOUNT
from engine.protocol.errors import Refused
from engine.store.notifications import Parcel
from tests.daemon.conftest import World

Maker = Callable[..., Awaitable[World]]
ALL = ("end", "failed", "preempted", "warning")


@pytest.fixture
async def telling(make: Maker) -> World:
    world = await make(notify=NotifySettings(command=["/bin/true"], summary_s=0.0))
    await world.populate()
    return world


async def choose(world: World, *people: Identity, on: tuple[str, ...] = ALL, **more: Any) -> None:
    for who in people:
        await world.engine.notifying.service.choose(who, NotifyChoice(on=on, command=True, **more))


async def told(world: World) -> dict[str, list[dict[str, Any]]]:
    """What is in the outbox by now, by account; what gathered is told at once."""
    await world.engine.notifying.close()
    found: dict[str, list[dict[str, Any]]] = {}
    for parcel in await world.store.notifications.parcels():
        found.setdefault(parcel.account, []).append(json.loads(parcel.message))
    return found


async def test_owners_are_told_of_their_jobs_and_admins_of_cards_and_the_engine(telling: World) -> None:
    world, notices = telling, telling.engine.housekeeping.backups._notices
    await choose(world, world.root, world.ann, world.bob)
    ann = AccountName("ann")
    notices.tell("GPU_IDLE", job=JobId("7"), account=ann, gpus=1, idle_s=60)
    for job in ("7", "8"):
        notices.tell("GPU_FAULT", job=JobId(job), gpu=GpuUuid("G"), account=ann, index=0, cause="ecc", action="requeue")
    notices.tell("BACKUP_FAILED", why="no room", last_at=None)
    (root,), (of_ann,) = (found := await told(world))["root"], found["ann"]
    assert set(found) == {"root", "ann"}
    assert [(one["code"], one.get("job")) for one in root["warnings"]] == [
        ("GPU_FAULT", 7), ("GPU_FAULT", 8), ("BACKUP_FAILED", None),
    ]  # fmt: skip
    assert [one["code"] for one in of_ann["warnings"]] == ["GPU_IDLE", "GPU_FAULT", "GPU_FAULT"]
    assert root["counts"] == {"warning": 3}


async def test_a_disk_that_takes_no_writes_is_told_once_and_without_it(telling: World) -> None:
    world, watch = telling, telling.engine.notifying.disk
    await choose(world, world.root)
    world.store.writer.trouble = "the disk is full"
    await watch.look()
    await watch.look()
    ((message,),) = (await told(world)).values()
    assert [(one["code"], one["why"]) for one in message["warnings"]] == [("DISK_FAILING", "the disk is full")]
    world.store.writer.trouble = None
    await watch.look()
    world.store.writer.trouble = "again"
    await watch.look()
    assert len((await told(world))["root"]) == 2


async def test_nobody_is_told_who_is_disabled_or_chose_otherwise(telling: World) -> None:
    world = telling
    await choose(world, world.ann)
    await choose(world, world.bob, on=("failed",))
    await world.people.change_account(world.root, "ann", AccountChange(disabled=True))
    feed = world.engine.feed
    number = await world.submit(world.bob)
    for account in ("ann", "bob", "root"):
        feed.job_changed(str(number), account, "completed")
    assert await told(world) == {}


async def test_a_job_that_waits_again_after_a_failure_has_not_failed_and_a_preempted_one_is_told(
    telling: World,
) -> None:
    world = telling
    await choose(world, world.ann)
    retried, preempted = await world.submit(), await world.submit()
    feed = world.engine.feed
    feed.job_changed(str(retried), "ann", "failed")
    feed.job_changed(str(preempted), "ann", "preempted")
    ((message,),) = (await told(world)).values()
    assert [(job["id"], job["state"]) for job in message["jobs"]] == [(preempted, "preempted")]


async def test_a_flood_is_counted_and_bounded(telling: World) -> None:
    world = telling
    await choose(world, world.ann)
    for number in range(5000):
        world.engine.feed.job_changed(str(number + 10), "ann", "preempted")
    ((message,),) = (await told(world)).values()
    assert message["counts"] == {"preempted": 4000}  # a thousand were looked up, and there are no such jobs
    assert message["jobs"] == []


async def test_the_outbox_is_bounded_for_each_account(telling: World) -> None:
    world, notifying = telling, telling.engine.notifying
    await choose(world, world.ann)
    for _ in range(MOST_OF_ACCOUNT + 1):
        notifying.outbox.tell(notifying.gathering.blank("ann"))
    assert notifying.outbox.waiting("ann") == MOST_OF_ACCOUNT
    assert "left out" in notifying.outbox.failures["ann"].message


async def test_what_is_switched_off_is_not_sent_any_more(telling: World, until: Any) -> None:
    import asyncio

    world, notifying = telling, telling.engine.notifying
    await choose(world, world.ann)
    notifying.outbox.tell(notifying.gathering.blank("ann"))
    await notifying.service.switch_off(world.root, "ann")
    running = asyncio.create_task(notifying.outbox.run())
    try:
        await until(lambda: notifying.outbox.waiting("ann") == 0)
        await until(lambda: not notifying.outbox._gone)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert await world.store.notifications.parcels() == []
    assert notifying.outbox.failures == {}


async def test_the_next_engine_goes_on_with_what_was_left(make: Maker) -> None:
    first = await make()
    await first.populate()
    left = Parcel(id=7, account="ann", channel="mail", message="{}", made_at=1.0, due_at=2.0, tries=3)
    await first.store.notifications.keep([left])
    await first.store.close()
    second = await make()
    assert second.engine.notifying.outbox.waiting("ann") == 1


@pytest.mark.parametrize("by_s", [86_400.0, -86_400.0])
async def test_a_clock_that_is_set_neither_delays_nor_ages_what_waits(telling: World, by_s: float) -> None:
    world, notifying = telling, telling.engine.notifying
    await choose(world, world.ann)
    notifying.outbox.tell(notifying.gathering.blank("ann"))
    world.clock.time += by_s
    for step in world.engine.clock_watch.steps:
        step(by_s)
    await notifying.outbox.write()
    (parcel,) = await world.store.notifications.parcels()
    assert (parcel.made_at, parcel.due_at) == (world.clock.time, world.clock.time)


async def test_a_clock_that_was_set_back_while_no_engine_ran_delays_by_one_pause_at_most(make: Maker) -> None:
    first = await make()
    await first.populate()
    now = first.clock.time
    left = Parcel(id=7, account="ann", channel="mail", message="{}", made_at=now + 90_000, due_at=now + 93_600, tries=7)
    await first.store.notifications.keep([left])
    await first.store.close()
    (parcel,) = (await make()).engine.notifying.outbox._waiting.values()
    assert (parcel.made_at, parcel.due_at) == (now, now + 3600)


async def test_others_are_not_for_users(telling: World) -> None:
    service = telling.engine.notifying.service
    for call in (service.of, service.switch_off):
        with pytest.raises(Refused, match="owner"):
            await call(telling.bob, "ann")
