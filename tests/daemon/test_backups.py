"""When a backup is due, which ones are kept, and what the admins hear when none can be made."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.settings import RetentionSettings
from engine.daemon import backups
from engine.daemon.backupkeeper import BackupKeeper
from engine.store.database import check

DAY_S = 86_400.0
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC).timestamp()


@pytest.fixture(autouse=True)
def berlin() -> Iterator[None]:
    """A host one hour ahead of UTC in winter and two in summer."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def made(directory: Path, at: float) -> Path:
    file = directory / f"rcq-{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H%M%SZ}.db"
    file.touch()
    return file


def keeper(world: Any, **settings: Any) -> BackupKeeper:
    ground = world.engine.housekeeping.backups
    return BackupKeeper(
        paths=ground._paths,
        settings=RetentionSettings(**settings),
        audit=world.store.audit,
        notices=ground._notices,
        clock=world.clock,
    )


def files(directory: Path) -> list[str]:
    return sorted(file.name for file in directory.iterdir())


def test_one_is_due_from_its_hour_on_by_the_hosts_time_zone(tmp_path: Path) -> None:
    assert backups.is_due(tmp_path / "none", 3, NOON)
    made(tmp_path, datetime(2026, 11, 21, 2, 0, 0, tzinfo=UTC).timestamp())  # 03:00 in Berlin
    assert not backups.is_due(tmp_path, 3, datetime(2026, 11, 22, 1, 59, 59, tzinfo=UTC).timestamp())
    assert backups.is_due(tmp_path, 3, datetime(2026, 11, 22, 2, 0, 0, tzinfo=UTC).timestamp())
    assert backups.is_due(tmp_path, 3, NOON + 3 * DAY_S)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_days_on_which_the_clocks_change_have_one_too(tmp_path: Path, day: str) -> None:
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp() - 7200.0
    runs = 0
    for minute in range(0, 26 * 60, 10):
        now = start + 60.0 * minute
        if backups.is_due(tmp_path, 2, now):
            made(tmp_path, now)
            runs += 1
    assert runs == 2  # one that was missing at the beginning, and the day's


def test_a_clock_that_was_wrong_once_costs_no_backup_and_none_that_is_good(tmp_path: Path) -> None:
    wrong = [made(tmp_path, NOON + (300 + day) * DAY_S) for day in range(3)]
    good = [made(tmp_path, NOON - day * DAY_S - 7200.0 * 12) for day in range(1, 3)]
    assert backups.is_due(tmp_path, 3, NOON)
    youngest = backups.last(tmp_path, NOON)
    assert youngest is not None
    assert youngest.file == good[0]
    order = [one.file for one in backups._all(tmp_path, NOON)]
    assert order == [*wrong, good[1], good[0]]


async def test_the_oldest_go_and_nothing_else_does(world: Any) -> None:
    directory = world.state / "backups"
    world.clock.time = NOON
    own = keeper(world, backups=3)
    await own.look()
    other = [directory / name for name in ("before-upgrade-0.1.0-x.db", "rcq-2020.db", "rcq-2020-99-99T000000Z.db")]
    for file in other:
        file.touch()
    for _ in range(4):
        world.clock.time += DAY_S
        await own.look()
        await own.look()
    dated = [f"rcq-2026-11-{day}T120000Z.db" for day in (24, 25, 26)]
    assert files(directory) == sorted([*dated, *(file.name for file in other)])
    for name in dated:
        check(directory / name)
    assert own.last_at == world.clock.time


async def test_none_is_made_where_none_is_wanted(world: Any) -> None:
    await keeper(world, backups=0).look()
    assert not (world.state / "backups").exists()


async def test_a_failure_is_told_to_admins_until_it_is_mended(world: Any, tmp_path: Path) -> None:
    place = tmp_path / "mount"
    own = keeper(world, backup_dir=place)
    notices = world.engine.housekeeping.backups._notices
    await own.look()
    [told] = [notice for notice in notices.of_account(None) if notice.code == "BACKUP_FAILED"]
    assert told.account is None
    assert str(place) in told.numbers["why"]
    assert told.numbers["last_at"] is None
    place.mkdir()
    await own.look()
    assert not [notice for notice in notices.of_account(None) if notice.code == "BACKUP_FAILED"]
    assert len(files(place)) == 1


async def test_a_stopping_engine_gives_a_backup_up_without_alarm(world: Any) -> None:
    own = keeper(world)
    await own.close()
    await own.look()
    assert not (world.state / "backups").exists()


def test_of_those_before_upgrades_three_are_kept(tmp_path: Path) -> None:
    for number in range(5):
        file = tmp_path / f"before-upgrade-0.{number}.0-x.db"
        file.touch()
        os.utime(file, (1000.0 + number, 1000.0 + number))
    daily = made(tmp_path, NOON)
    backups.drop_before_upgrades(tmp_path)
    assert files(tmp_path) == [*(f"before-upgrade-0.{number}.0-x.db" for number in (2, 3, 4)), daily.name]


async def test_two_of_one_second_have_names_of_their_own(world: Any) -> None:
    """The engine's own at its start, and somebody's `rcq backup` right after."""
    paths = world.engine.housekeeping.backups._paths
    first, second = (backups.make(paths, RetentionSettings(), NOON) for _ in range(2))
    assert [first.file.name, second.file.name] == ["rcq-2026-11-22T120000Z.db", "rcq-2026-11-22T120001Z.db"]
    check(second.file)
