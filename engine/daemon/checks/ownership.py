"""Checks of whose the appliance's places are: state directory, settings, access lists, room.

Only looked at. Must not know what is in a file.
"""

import errno
import os
from pathlib import Path

from engine.daemon.checks.finding import Finding, Host, is_there, unseen
from engine.daemon.checks.storage import room
from engine.daemon.checks.units import SERVICE_USER, owner

_AGAIN = "Run the installer again: sudo ./install.sh --system"
_ACL = "system.posix_acl_access"


def state_of_service(host: Host) -> Finding:
    """State directory and job directories are the service's; others may pass through and not look around."""
    if host.paths is None:
        return Finding(state="fail", found=host.paths_trouble, mend="Set the variables it names.")
    place, jobs = host.paths.state_dir, host.paths.jobs_dir
    if not is_there(place):
        return Finding(state="fail", found=f"there is no {place}", mend=_AGAIN)
    wanted = [(place, 0o711)] + ([(jobs, 0o711)] if is_there(jobs) else [])
    wrong = [text for path, mode in wanted if (text := _wrong(path, mode))]
    if wrong:
        places_of = " ".join(str(path) for path, _ in wanted)
        mend = f"Run: sudo chown {SERVICE_USER}: {places_of} && sudo chmod 711 {places_of}"
        return Finding(state="fail", found="; ".join(wrong), mend=mend)
    if (file := host.config_file) is not None and is_there(file) and file.stat().st_mode & 0o022:
        return Finding(state="fail", found=f"others may write {file}", mend=f"Run: sudo chmod go-w {file}")
    return Finding(state="ok", found=f"{place} is {SERVICE_USER}'s; others may only pass through")


def disk(host: Host) -> Finding:
    """There is room for job output, in bytes and in files."""
    if host.paths is None or not is_there(host.paths.state_dir):
        return Finding(state="skip", found="there is no state directory", mend="See the line on it.")
    return room(host.paths.state_dir)


def access_lists(host: Host) -> Finding:
    """The file system can let one more user into a job's directory, which is the engine's."""
    if host.paths is None or not is_there(host.paths.state_dir):
        return Finding(state="skip", found="there is no state directory", mend="See the line on it.")
    place = host.paths.state_dir
    try:
        os.getxattr(place, _ACL)
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EPERM}:
            return unseen(place)
        if error.errno != errno.ENODATA:
            mend = "Mount it with the option acl, or put [engine] state_dir on ext4, xfs or btrfs."
            return Finding(state="fail", found=f"{place}: no access lists: {error.strerror}", mend=mend)
    return Finding(state="ok", found=f"the file system of {place} has them")


def _wrong(path: Path, mode: int) -> str:
    has = path.stat().st_mode & 0o7777
    if owner(path) == SERVICE_USER and has == mode:
        return ""
    return f"{path} is {owner(path)}'s with mode {has:o}, and must be {SERVICE_USER}'s with {mode:o}"
