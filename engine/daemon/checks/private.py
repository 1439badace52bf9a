"""Check that what holds secrets is closed to everybody else: the database with its companions, its backups, a password.

Only looked at. What knows backups is loaded inside the check, so that a missing package is a finding and not a crash.
Must not know what is in a file.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from config.paths import Paths
from engine.daemon.checks.finding import Finding, Host, is_there, unseen

if TYPE_CHECKING:
    from config.settings import Settings

_ALL_OTHERS, _NOT_THE_GROUP = 0o077, 0o007


def private_files(host: Host) -> Finding:
    """No other user may open the database, a backup of it, the mail server's password or the token for metrics."""
    if host.paths is None or host.settings is None:
        return Finding(state="skip", found="it is not known where they are", mend="See the line on settings.")
    try:
        wrong = [(file, mode) for file, mode in _files(host.paths, host.settings) if file.lstat().st_mode & mode]
    except PermissionError as error:
        return unseen(error.filename)
    if wrong:
        commands = " && ".join(f"chmod {'go' if mode == _ALL_OTHERS else 'o'}-rwx {file}" for file, mode in wrong)
        named = ", ".join(str(file) for file, _ in wrong)
        return Finding(state="fail", found=f"open to other users: {named}", mend=f"Run: {commands}")
    return Finding(state="ok", found="database and backups are closed to other users")


def _files(paths: Paths, settings: "Settings") -> Iterator[tuple[Path, int]]:
    """What there is of them, and the rights that nobody else may have. Raises PermissionError."""
    from engine.daemon.backups import directory_of  # noqa: PLC0415 - needs packages, as the settings did

    kept = directory_of(paths, settings.retention)
    some = [paths.database, *(paths.database.with_name(paths.database.name + end) for end in ("-wal", "-shm"))]
    some += sorted(kept.glob("*.db*")) if is_there(kept) else []
    yield from ((file, _ALL_OTHERS) for file in some if is_there(file))
    for secret in (settings.notify.smtp_password_file, settings.metrics.token_file):
        if secret is not None and is_there(secret):  # the group may be the notifier's, or that of Prometheus
            yield secret, _NOT_THE_GROUP
