"""Whom jobs may run as: people whom root has let in. Never root, never a system user, whatever the engine says.

Must not know systemd. Standard library only.
"""

import grp
import os
import pwd
import re
from pathlib import Path

from engine.launcher.request import Refused

GROUP, NOBODY = "rcq-users", 65_534
LOGIN_DEFS = Path("/etc/login.defs")


def allowed(name: str) -> pwd.struct_passwd:
    """The Unix user of that name. Raises Refused for whoever may not run jobs."""
    try:
        entry, group = pwd.getpwnam(name), grp.getgrnam(GROUP)
    except KeyError:
        raise Refused(f"there is no Unix user {name!r}, or no group {GROUP!r}") from None
    lowest = re.search(r"^\s*UID_MIN\s+(\d+)", LOGIN_DEFS.read_text() if LOGIN_DEFS.exists() else "", re.MULTILINE)
    if entry.pw_uid < max(500, int(lowest[1]) if lowest else 1000) or NOBODY in entry[2:4] or entry.pw_gid == 0:
        raise Refused(f"{name!r} is root or a system user; jobs run as people only")
    if group.gr_gid not in os.getgrouplist(name, entry.pw_gid):
        raise Refused(f"{name!r} may not run jobs here; an admin lets them in: usermod -aG {GROUP} {name}")
    return entry


def own(pids: list[list[int]], who: pwd.struct_passwd) -> None:
    """That each process (pid, start in clock ticks since the boot) is that user's. Raises Refused."""
    for pid, start in pids:
        place = Path(f"/proc/{pid}")
        try:
            same = place.stat().st_uid == who.pw_uid
            same &= int((place / "stat").read_text().rpartition(")")[2].split()[19]) == start
        except OSError:
            same = False
        if not same:
            raise Refused(f"process {pid} has ended or is not {who.pw_name}'s")
