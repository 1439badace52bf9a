"""Checks of what the kernel gives the appliance: the controllers that enforce limits, room for processes, open files.

Must not know units beyond their properties.
"""

from pathlib import Path

from engine.daemon.checks.finding import Finding, Host
from engine.daemon.checks.programs import ENGINE

CGROUPS = Path("/sys/fs/cgroup")
KERNEL = Path("/proc/sys/kernel")
NEEDED = ("cpu", "memory", "pids")
LEAST_FILES = 4096


def controllers(host: Host) -> Finding:
    """Version 2 with every controller by which a job is held to its limits."""
    try:
        there = (CGROUPS / "cgroup.controllers").read_text(encoding="ascii").split()
    except OSError:
        mend = "Boot with systemd.unified_cgroup_hierarchy=1: without it a job's limits are not enforced."
        return Finding(state="fail", found="not version 2", mend=mend)
    missing = [name for name in NEEDED if name not in there]
    if missing:
        mend = "Such limits bind no job. A container gets them from its host; else see the kernel's command line."
        return Finding(state="fail", found=f"version 2 without {', '.join(missing)}", mend=mend)
    return Finding(state="ok", found=f"version 2 with {', '.join(NEEDED)}")


def limits(host: Host) -> Finding:
    """No single job can use up the kernel's process ids, and the engine may open enough files."""
    tasks = host.settings.executor.tasks_max if host.settings else 0
    room = min(_number("pid_max"), _number("threads-max"))
    if room <= tasks:
        mend = (
            f"Run: sudo sysctl -w kernel.pid_max={4 * tasks} kernel.threads-max={4 * tasks} (keep it in /etc/sysctl.d)."
        )
        found = f"the kernel has room for {room:,} processes and executor.tasks_max gives one job {tasks:,}"
        return Finding(state="warn", found=found, mend=mend)
    files = host.units.states.get(ENGINE, {}).get("LimitNOFILE", "")
    if files.isdigit() and int(files) < LEAST_FILES:
        mend = f"Set LimitNOFILE={LEAST_FILES} or more: sudo systemctl edit {ENGINE}"
        return Finding(state="warn", found=f"the engine may open {files} files", mend=mend)
    told = f", {int(files):,} files for the engine" if files.isdigit() else ""
    return Finding(state="ok", found=f"room for {room:,} processes, {tasks:,} for one job{told}")


def _number(name: str) -> int:
    return int((KERNEL / name).read_text(encoding="ascii"))
