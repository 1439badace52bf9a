"""Checks of what is around the engine: clock, socket, kernel, cgroups, systemd.

Must not know settings beyond the places of files.
"""

import ctypes
import os
import socket
import stat
import time
from pathlib import Path

from engine.daemon.checks.finding import Finding, Host, is_there

RELEASED_AT = 1_735_689_600
"""2025-01-01: a clock before that has lost its battery."""
_PR_GET_CHILD_SUBREAPER = 37


def clock(host: Host) -> Finding:
    """The clock is not before rcq's time, nor before what it wrote earlier."""
    now = time.time()
    mend = "Set the clock (timedatectl set-ntp true): waits, shares and time limits are reckoned by it."
    if now < RELEASED_AT:
        return Finding(state="fail", found=f"it is {_day(now)}, says the clock", mend=mend)
    file = host.paths.database if host.paths else None
    written = file.stat().st_mtime if file and is_there(file) else now
    if written > now + 60:
        return Finding(state="warn", found=f"it is {_day(now)}, but {file} was written {_day(written)}", mend=mend)
    return Finding(state="ok", found=_day(now))


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(at))


def engine_socket(host: Host) -> Finding:
    """The socket's place can be used, and nothing else is in it."""
    if host.paths is None:
        return Finding(state="fail", found=host.paths_trouble, mend="Set RCQ_SOCKET to a short path of your own.")
    file = host.paths.socket
    start = (
        "Run: sudo systemctl start rcq-engine.service"
        if host.system
        else "Start one (rcq engine): it replaces the file."
    )
    if not is_there(file):
        found = f"{file}: no engine is running"
        return Finding(state="fail", found=found, mend=start) if host.system else Finding(state="ok", found=found)
    if not stat.S_ISSOCK(file.stat().st_mode):
        return Finding(state="fail", found=f"{file} is no socket", mend="Remove it, or set RCQ_SOCKET.")
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(3.0)
        try:
            line.connect(str(file))
        except ConnectionRefusedError:
            return Finding(state="fail" if host.system else "warn", found=f"{file}: no engine answers", mend=start)
        except OSError as error:
            return Finding(state="fail", found=f"{file}: {error.strerror or error}", mend="Look at the engine's log.")
    return Finding(state="ok", found=f"{file}: an engine is running")


def processes(host: Host) -> Finding:
    """The kernel can watch processes by descriptor and hand orphans to a subreaper: how jobs are followed."""
    mend = "Use Linux 5.4 or later, outside of sandboxes that forbid these calls."
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        return Finding(state="fail", found=f"no pidfd: {error.strerror}", mend=mend)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(ctypes.c_int()), 0, 0, 0) != 0:
        return Finding(state="fail", found=f"no child subreaper: {os.strerror(ctypes.get_errno())}", mend=mend)
    return Finding(state="ok", found="pidfd and child subreaper")


def cgroups(host: Host) -> Finding:
    """Informational: an engine of one's own does without."""
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return Finding(state="ok", found="version 2")
    return Finding(state="ok", found="not version 2; an engine of your own does without")


def systemd(host: Host) -> Finding:
    """Informational: an engine of one's own does without."""
    if Path("/run/systemd/system").is_dir():
        return Finding(state="ok", found="runs this machine")
    return Finding(state="ok", found="does not run this machine; an engine of your own does without")
