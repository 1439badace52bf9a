"""Staged originals: how long they are kept, what they count, and that a job never loses one under its hands."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from config.settings import RetentionSettings
from engine.api.asks import AccountChange
from engine.protocol.errors import Refused
from engine.protocol.fields import JobFields, StagedFile
from engine.protocol.people import QuotaView
from tests.daemon.conftest import World

HOUR_S, DAY_S = 3600.0, 86_400.0
MIB = 1024 * 1024


async def chunks(size: int) -> AsyncIterator[bytes]:
    for at in range(0, size, 100_000):
        yield b"x" * min(100_000, size - at)


async def upload(world: World, size: int = 5, who: Any = None) -> str:
    files = world.engine.backend.files
    return (await files.add(who or world.ann, chunks(size), None)).upload


async def there(world: World) -> set[str]:
    await world.engine.housekeeping.staging.sweep()
    kept = {one.name for one in (world.state / "staged").iterdir()}
    assert kept == {one.id for one in await world.store.uploads.all()}
    return kept


async def used(world: World) -> int:
    return (await world.engine.backend.files.uploads(world.ann)).size


def given(*uploads: str) -> dict[str, Any]:
    return {"files": [StagedFile(name=f"f{at}", upload=one) for at, one in enumerate(uploads)]}


async def test_an_upload_that_no_job_is_given_goes_after_its_time(world: World) -> None:
    number = await upload(world)
    [told] = (await world.engine.backend.files.uploads(world.ann)).items
    assert told.goes_at == world.clock.time + 24 * HOUR_S
    world.clock.time += 23 * HOUR_S
    assert await there(world) == {number}
    world.clock.time += 1 * HOUR_S
    assert await there(world) == set()
    assert await used(world) == 0


async def test_what_a_job_is_given_stays_as_long_as_its_files(make: Callable[..., Awaitable[World]]) -> None:
    world = await make(retention=RetentionSettings(job_files_days=10.0))
    await world.populate()
    number = await upload(world, 10_000)
    waits, runs = await world.submit(**given(number), begin=4e9), await world.submit(**given(number))
    assert await used(world) == 10_000
    world.clock.time += 5 * DAY_S
    assert await there(world) == {number}
    await world.one_pass()
    world.executor.end(runs)
    await world.one_pass()
    await world.jobs.cancel(world.ann, waits)
    world.clock.time += 9 * DAY_S
    assert await there(world) == {number}
    world.clock.time += 2 * DAY_S
    assert await there(world) == set()
    assert await used(world) == 0
    detail = await world.jobs.show(world.ann, runs)
    assert [(one.name, one.size) for one in detail.files] == [("f0", 10_000)]


async def test_an_array_keeps_it_until_its_last_element_is_done(world: World) -> None:
    number = await upload(world)
    first = await world.submit(**given(number), array="0-2", begin=4e9)
    for job in (first, first + 2):
        await world.jobs.cancel(world.ann, job)
    world.clock.time += 40 * DAY_S
    assert await there(world) == {number}
    await world.jobs.cancel(world.ann, first + 1)
    assert await there(world) == {number}
    world.clock.time += 31 * DAY_S
    assert await there(world) == set()


async def test_an_upload_goes_with_files_that_were_fetched(world: World) -> None:
    number = await upload(world)
    job = await world.submit(**given(number))
    await world.one_pass()
    world.executor.end(job)
    await world.one_pass()
    await world.store.job_files.fetched(str(job), world.clock.time)  # type: ignore[arg-type]  # an id is a text
    world.clock.time += 3 * DAY_S
    assert await there(world) == {number}
    await world.engine.housekeeping.retention.sweep()
    assert await there(world) == set()


async def test_a_job_that_is_tried_again_still_has_it(world: World) -> None:
    number = await upload(world)
    job = await world.submit(**given(number))
    await world.one_pass()
    world.executor.end(job, 1)
    await world.one_pass()
    world.clock.time += 29 * DAY_S
    await world.jobs.requeue(world.ann, job)
    world.clock.time += 29 * DAY_S
    assert await there(world) == {number}


async def test_files_are_placed_before_the_executor_hears_of_the_job(world: World) -> None:
    job = await world.submit(**given(await upload(world, 3_000_000), await upload(world, 0)))
    await world.one_pass()
    assert [launch.job for launch in world.executor.launched] == [str(job)]
    place = world.executor.launched[0].directory
    assert [(place / name).stat().st_size for name in ("f0", "f1")] == [3_000_000, 0]


async def test_a_job_that_is_cancelled_while_its_files_come_is_cancelled(
    world: World, monkeypatch: pytest.MonkeyPatch, until: Callable[..., Awaitable[None]]
) -> None:
    from threading import Event

    from engine.daemon import placing

    begun, more = Event(), Event()

    def slow(directory: str, steps: Any, tick: Callable[[], None]) -> None:
        begun.set()
        more.wait(10)
        tick()

    monkeypatch.setattr(placing.placer, "place", slow)
    job = await world.submit(**given(await upload(world)))
    await world.engine.passes.one()
    await until(begun.is_set)
    assert await world.state_of(job) == "scheduled"
    cancelling = asyncio.create_task(world.jobs.cancel(world.ann, job))
    await until(lambda: world.books.live[str(job)].stopping is not None)  # type: ignore[index]  # an id is a text
    more.set()
    await cancelling
    await world.one_pass()
    detail = await world.jobs.show(world.ann, job)
    assert (detail.state, detail.cause, world.executor.launched) == ("cancelled", "cancelled", [])


async def test_a_group_has_its_quota_too_and_gets_back_what_goes(world: World) -> None:
    root, files = world.root, world.engine.backend.files
    await world.people.change_account(root, "ann", AccountChange(quota=QuotaView(staged_mb=2)))
    number = await upload(world, 2 * MIB)
    with pytest.raises(Refused, match="2 MiB of staged files are kept for account ann") as refused:
        await upload(world, 1)
    assert (refused.value.code, refused.value.details[0]["wanted"]) == ("QUOTA_EXCEEDED", 1)
    await files.remove(world.ann, number)
    assert await used(world) == 0
    assert await upload(world, 2 * MIB)


async def test_an_upload_that_is_being_given_is_not_removed(world: World) -> None:
    number, other = await upload(world), await upload(world)
    claims = world.engine.housekeeping.staging.claims
    job = JobFields(command=["true"], **given(number))
    assert await claims.claim("ann", [job]) == [None]
    with pytest.raises(Refused, match="A job needs"):
        await world.engine.backend.files.remove(world.ann, number)
    world.clock.time += 2 * DAY_S
    assert await there(world) == {number}
    claims.release([job])
    with claims.going([number]) as free:
        assert free == [number]
        [refused] = await claims.claim("ann", [job])
        assert refused is not None
        claims.release([job])
    assert await there(world) == set()
    assert other != number


async def test_what_an_earlier_engine_left_counts(make: Callable[..., Awaitable[World]]) -> None:
    first = await make()
    await first.populate()
    await upload(first, 9000)
    await first.store.close()
    assert await used(await make()) == 9000
