"""Backups of the database: where they are, which one is the last, when the next one is due, which ones go.

Must not know how a copy is made, nor settings files, timers or commands.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config.paths import Paths
from config.settings import RetentionSettings
from engine.store import copies
from engine.store.errors import CopyFailed

DIRECTORY = "backups"
BEFORE_UPGRADE = "before-upgrade-"
KEPT_BEFORE_UPGRADES = 3
AHEAD_S = 86_400.0
"""A backup from further in the future was made while the clock was wrong: it is no reason not to make today's."""
_NAME = re.compile(r"rcq-(\d{4}-\d\d-\d\dT\d{6}Z)\.db")
_FORM = "%Y-%m-%dT%H%M%SZ"


@dataclass(slots=True, frozen=True, kw_only=True)
class Backup:
    """One daily backup. at: the instant that it shows, Unix seconds."""

    file: Path
    at: float


def directory_of(paths: Paths, settings: RetentionSettings) -> Path:
    """Where the backups are, or will be."""
    return settings.backup_dir or paths.state_dir / DIRECTORY


def last(directory: Path, now: float) -> Backup | None:
    """The youngest backup that is not from the future; `None` where there is none. Raises OSError."""
    found = [one for one in _all(directory, now) if one.at <= now + AHEAD_S]
    return found[-1] if found else None


def is_due(directory: Path, hour: int, now: float) -> bool:
    """Whether none was made since it was last `hour` o'clock by the host's time zone. Raises OSError."""
    youngest = last(directory, now)
    return youngest is None or youngest.at < _since(hour, now)


def make(paths: Paths, settings: RetentionSettings, now: float, wanted: copies.Wanted = copies.always) -> Backup:
    """Make one more and drop the oldest beyond the bound. Blocks on the disk. Raises Missing, CopyFailed."""
    directory = directory_of(paths, settings)
    try:
        if settings.backup_dir is None:
            directory.mkdir(mode=0o700, exist_ok=True)
        to = _named(directory, now)
        while to.exists():  # somebody else's of this second
            now += 1.0
            to = _named(directory, now)
        copies.drop_stale_drafts(directory)
        copies.copy(paths.database, to, wanted=wanted)
        if settings.backups:
            _drop([one.file for one in _all(directory, now)], settings.backups)
    except OSError as error:
        raise CopyFailed(
            f"No backup can be made in {directory}: {error.strerror}. Make the directory for the user who runs the "
            "engine and see that its disk has room, or set retention.backup_dir."
        ) from error
    return Backup(file=to, at=now)


def _named(directory: Path, now: float) -> Path:
    return directory / f"rcq-{datetime.fromtimestamp(now, UTC).strftime(_FORM)}.db"


def drop_before_upgrades(directory: Path) -> None:
    """Keep the youngest of those that were made before upgrades. Raises OSError."""
    files = sorted(directory.glob(f"{BEFORE_UPGRADE}*.db"), key=lambda file: (file.lstat().st_mtime, file.name))
    _drop(files, KEPT_BEFORE_UPGRADES)


def _all(directory: Path, now: float) -> list[Backup]:
    """The daily ones, the most dispensable first: those from the future, then by age."""
    found = []
    with suppress(FileNotFoundError):
        for file in directory.iterdir():
            if match := _NAME.fullmatch(file.name):
                with suppress(ValueError):  # digits that are no date: somebody else's file
                    at = datetime.fromisoformat(match[1]).timestamp()
                    found.append(Backup(file=file, at=at))
    return sorted(found, key=lambda one: (one.at <= now + AHEAD_S, one.at))


def _drop(files: list[Path], keep: int) -> None:
    for file in files[:-keep]:
        with suppress(FileNotFoundError):
            file.unlink()


def _since(hour: int, now: float) -> float:
    """When it was last this hour, in the host's time zone."""
    local = datetime.fromtimestamp(now, UTC).astimezone()
    today = local.replace(hour=hour, minute=0, second=0, microsecond=0, tzinfo=None).astimezone()
    if today.timestamp() > now:
        today = (today.replace(tzinfo=None) - timedelta(days=1)).astimezone()
    return today.timestamp()
