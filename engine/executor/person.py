"""The Unix user that a job runs as: the engine's own, or one by name with what a log-in would give.

Must not know jobs or accounts. Whatever asks the user database may wait for a directory server: not in the event loop.
"""

import grp
import os
import pwd

from engine.executor import logindefaults
from engine.executor.environment import Person
from engine.ports import CannotLaunch

GROUP = "rcq-users"
"""The Unix group of everybody whom jobs may run as."""
NOBODY = 65_534
"""User and group of nobody in particular, far above all system users."""


def this_person() -> Person:
    """From the user database, and the search path and language of the engine's own environment.

    A user id without an entry (as in some containers) has its number for a name and `/` for a home, unless the
    environment says more.
    """
    try:
        entry = pwd.getpwuid(os.getuid())
        name, home, shell = entry.pw_name, entry.pw_dir, entry.pw_shell
    except KeyError:
        name, home, shell = str(os.getuid()), os.environ.get("HOME", "/"), ""
    return Person(
        name=name,
        home=home,
        shell=shell or "/bin/sh",
        path=os.environ.get("PATH") or logindefaults.PATH,
        language=os.environ.get("LANG") or logindefaults.LANGUAGE,
    )


def person_named(name: str) -> Person:
    """A Unix user whom the launcher would run a job as. Raises CannotLaunch for everybody else. Blocks.

    The launcher judges by itself whom it starts anything for; this is so that people hear of it when they submit.
    """
    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError):  # a NUL in the name is ValueError
        raise CannotLaunch(f"there is no Unix user {name!r}") from None
    if _is_system(entry):
        raise CannotLaunch(f"{name!r} is root or a system user")
    if not _is_let_in(entry):
        raise CannotLaunch(f"{name!r} may not run jobs here; root lets them in: usermod -aG {GROUP} {name}")
    return Person(
        name=entry.pw_name,
        home=entry.pw_dir or "/",
        shell=entry.pw_shell or "/bin/sh",
        path=logindefaults.search_path(),
        language=logindefaults.language(),
        uid=entry.pw_uid,
    )


def is_system_user(name: str) -> bool | None:
    """Whether that Unix user is root or a system user; `None` where there is none of that name. Blocks."""
    try:
        return _is_system(pwd.getpwnam(name))
    except (KeyError, ValueError):
        return None


def _is_system(entry: pwd.struct_passwd) -> bool:
    return entry.pw_uid < logindefaults.uid_min() or NOBODY in (entry.pw_uid, entry.pw_gid) or entry.pw_gid == 0


def _is_let_in(entry: pwd.struct_passwd) -> bool:
    try:
        return grp.getgrnam(GROUP).gr_gid in os.getgrouplist(entry.pw_name, entry.pw_gid)
    except KeyError:
        return False
