"""The check of the accounts: each is linked to a Unix user whose jobs the launcher will start.

Asks the launcher's own rule. Must not know passwords or limits.
"""

import os
import sqlite3
from collections.abc import Iterable

from engine.daemon.checks.finding import Finding, Host, is_there, unseen
from engine.daemon.checks.storage import reading
from engine.launcher.people import allowed
from engine.launcher.request import Refused

_TOLD = 3


def accounts(host: Host) -> Finding:
    """Whoever has an account can run jobs."""
    if host.paths is None or not is_there(host.paths.database):
        return Finding(state="skip", found="there is no database yet", mend="See the lines on the engine.")
    if not os.access(host.paths.database, os.R_OK):
        return unseen(host.paths.database)
    try:
        with reading(host.paths.database) as connection:
            rows = connection.execute("SELECT name, role, unix_user FROM accounts WHERE NOT disabled ORDER BY name")
            known = [(str(name), str(role), unix_user) for name, role, unix_user in rows]
    except sqlite3.Error as error:
        return Finding(state="skip", found=str(error), mend="See the line on the database.")
    return judged(known)


def judged(known: Iterable[tuple[str, str, str | None]]) -> Finding:
    """The finding for accounts as (name, role, linked Unix user)."""
    known = list(known)
    unlinked = [name for name, role, unix_user in known if unix_user is None and role != "admin"]
    refused = [f"{name}: {told}" for name, _, unix_user in known if unix_user and (told := _refusal(unix_user))]
    if refused:
        return Finding(state="warn", found="; ".join(_few(refused)), mend="Until then their jobs cannot start.")
    if unlinked:
        mend = f"Run: rcq account set {unlinked[0]} --unix-user U"
        found = f"accounts without a Unix user, who cannot submit: {', '.join(_few(unlinked))}"
        return Finding(state="warn", found=found, mend=mend)
    if not known:
        mend = "Run the installer again, or as root: rcq account add NAME --unix-user NAME"
        return Finding(state="warn", found="there is no account yet", mend=mend)
    return Finding(
        state="ok", found=f"accounts: {len(known)}; the launcher starts jobs of all Unix users that they are linked to"
    )


def _refusal(unix_user: str) -> str:
    try:
        allowed(unix_user)
    except Refused as error:
        return str(error)
    return ""


def _few(told: list[str]) -> list[str]:
    left = len(told) - _TOLD
    return told[:_TOLD] + ([f"and {left} more"] if left > 0 else [])
