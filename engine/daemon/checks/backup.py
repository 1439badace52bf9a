"""The check of the backups: the last one is not much older than what it is to save.

What knows backups is loaded inside the check, so that a missing package is a finding and not a crash. Must not know
how a backup is made.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine.daemon.checks.finding import Finding, Host, is_there, unseen

if TYPE_CHECKING:
    from engine.daemon.backups import Backup

LATE_H = 48


def backup(host: Host) -> Finding:
    """There is one, and little has changed since."""
    if host.paths is None or host.settings is None or not is_there(host.paths.database):
        return Finding(state="ok", found="there is nothing to back up yet")
    if not host.settings.retention.backups:
        return Finding(state="ok", found="none is made: retention.backups is 0")
    from engine.daemon.backups import directory_of, last  # noqa: PLC0415 - needs packages, as the settings did

    place = directory_of(host.paths, host.settings.retention)
    try:
        youngest = last(place, time.time())
    except PermissionError:
        return unseen(place)
    except OSError as error:
        return Finding(state="fail", found=f"{place}: {error.strerror}", mend=f"Mend that. {_again(host)}")
    if youngest is None:
        return Finding(state="warn", found=f"there is none in {place}", mend=_again(host))
    return _judged(youngest, _written(host.paths.database), _again(host))


def _judged(youngest: "Backup", written: float, mend: str) -> Finding:
    unsaved_h = (written - youngest.at) / 3600
    if unsaved_h > LATE_H:
        found = f"{youngest.file}: what the last {unsaved_h:.0f} hours brought is in none"
        return Finding(state="warn", found=found, mend=mend)
    return Finding(state="ok", found=str(youngest.file))


def _again(host: Host) -> str:
    system = " --system" if host.system else ""
    return f"Make one: rcq backup{system}; the engine's log says why it made none."


def _written(file: Path) -> float:
    """When the database last changed, Unix seconds: what is newest may be in its log alone."""
    log = file.with_name(file.name + "-wal")
    return max(one.stat().st_mtime for one in (file, log) if is_there(one))
