"""Whose files go and when; that nobody's go who may still need them; ids after a backup was put in place."""

from pathlib import Path
from typing import Any

import pytest

from config.settings import RetentionSettings
from engine.core.model import JobId
from engine.daemon.retention import Retention
from engine.executor import directory, jobdirs
from engine.executor.removal import GOING

DAY_S, HOUR_S = 86_400.0, 3600.0


def retention(world: Any, remove_as: Any = None, **settings: float) -> Retention:
    return Retention(
        state_dir=world.state,
        store=world.store.job_files,
        settings=RetentionSettings(**settings),
        clock=world.clock,
        remove_as=remove_as,
    )


async def over(world: Any) -> int:
    """A job that ran and ended now, with a file."""
    job = await world.submit()
    await world.one_pass()
    (files(world, job) / "model.bin").write_text("x")
    world.executor.end(job, ended_at=world.clock.time)
    await world.one_pass()
    assert await world.state_of(job) == "completed"
    return int(job)


def files(world: Any, job: int) -> Path:
    return directory.path_of(world.state, JobId(str(job)))


async def test_files_go_after_their_days_and_the_job_says_so(world: Any) -> None:
    job = await over(world)
    world.clock.time += 30 * DAY_S - 1
    await retention(world).sweep()
    assert (files(world, job) / "model.bin").exists()
    world.clock.time += 2
    await retention(world).sweep()
    assert list(files(world, job).parent.iterdir()) == []
    shown = await world.jobs.show(world.ann, job)
    assert (shown.files_removed_at, shown.files_removed_why) == (world.clock.time, "age")
    assert shown.state == "completed"


async def test_fetched_ones_go_sooner_and_only_those(world: Any) -> None:
    fetched, other = await over(world), await over(world)
    await world.store.job_files.fetched(JobId(str(fetched)), world.clock.time)
    await world.jobs.log(world.ann, other, "stdout", 0, 100)
    world.clock.time += 48 * HOUR_S + 1
    await retention(world).sweep()
    assert not files(world, fetched).exists()
    assert (files(world, other) / "model.bin").exists()
    assert (await world.jobs.show(world.ann, fetched)).files_removed_why == "fetched"


@pytest.mark.parametrize(
    ("settings", "goes"),
    [({"job_files_days": 0.0}, True), ({"job_files_days": 0.0, "job_files_after_download_h": 0.0}, False)],
)
async def test_zero_switches_a_rule_off(world: Any, settings: dict[str, float], goes: bool) -> None:
    fetched, other = await over(world), await over(world)
    await world.store.job_files.fetched(JobId(str(fetched)), world.clock.time)
    world.clock.time += 1000 * DAY_S
    await retention(world, **settings).sweep()
    assert files(world, fetched).exists() is not goes
    assert files(world, other).exists()


async def test_waiting_running_and_requeued_jobs_keep_theirs(world: Any) -> None:
    again, running = await over(world), await world.submit()
    world.clock.time += 100 * DAY_S
    await world.one_pass()
    await world.jobs.requeue(world.ann, again)
    assert [await world.state_of(job) for job in (again, running)] == ["pending", "running"]
    await retention(world).sweep()
    assert (files(world, again) / "model.bin").exists()
    assert files(world, running).exists()


async def test_a_job_that_runs_again_finds_room_and_is_not_touched_later(world: Any) -> None:
    job = await over(world)
    world.clock.time += 31 * DAY_S
    await retention(world).sweep()
    await world.jobs.requeue(world.ann, job)
    await world.one_pass()
    assert files(world, job).exists()
    assert (await world.jobs.show(world.ann, job)).files_removed_at is None
    await retention(world).sweep()
    assert files(world, job).exists()


async def test_directories_of_jobs_that_the_books_do_not_know_stay(world: Any) -> None:
    strange = [world.state / "jobs" / name for name in ("999", "backup of mine", "007", "12x")]
    for place in strange:
        place.mkdir()
    world.clock.time += 100 * DAY_S
    await retention(world).sweep()
    assert all(place.exists() for place in strange)


async def test_a_removal_that_was_cut_off_is_finished_by_the_next_engine(world: Any) -> None:
    aside = world.state / "jobs" / f"{GOING}5"
    (aside / "deep").mkdir(parents=True)
    stopped = retention(world)
    await stopped.close()
    await stopped.sweep()
    assert aside.exists()
    await retention(world).sweep()
    assert not aside.exists()


async def test_what_the_engine_may_not_remove_is_handed_on_and_told_once(
    world: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from engine.executor import removal

    job = await over(world)
    world.clock.time += 31 * DAY_S
    asked: list[tuple[Path, int]] = []

    async def remove_as(place: Path, uid: int) -> None:
        asked.append((place, uid))

    def refused(place: Path, wanted: Any) -> removal.Cleared:
        return removal.Cleared(removed=0, left=2, owners={1001, 1002})

    monkeypatch.setattr(removal, "remove", refused)
    keeper = retention(world, remove_as)
    await keeper.sweep()
    await keeper.sweep()
    aside = world.state / "jobs" / f"{GOING}{job}"
    assert asked == [(aside, 1001), (aside, 1002)] * 2
    assert len([one for one in caplog.records if "was not removed whole" in one.message]) == 1


async def test_new_jobs_never_get_the_files_of_jobs_that_the_books_do_not_know(
    world: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a backup was put in place: jobs 2 to 7 are not in it."""
    first = await over(world)
    for number in (2, 7):
        directory.make(world.state, JobId(str(number)))
    await world.engine.housekeeping.open()
    [told] = [one.message for one in caplog.records if "does not know" in one.message]
    assert ": 2, 7." in told
    assert await world.submit() == 8
    assert await world.submit(array="0-2") == 9
    assert await world.submit() == 12
    assert sorted(jobdirs.numbers(world.state)) == [first, 2, 7]
