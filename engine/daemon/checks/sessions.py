"""Checks of what the machine does to people's things and to its clock: log-outs, time keeping.

Must not know settings or files of the engine.
"""

from engine.daemon.checks.finding import Finding, Host
from engine.daemon.checks.programs import answer

DROP_IN = "/etc/systemd/logind.conf.d/rcq.conf"


def log_out(host: Host) -> Finding:
    """Log-out leaves a running job its shared memory (`RemoveIPC` is off)."""
    manager = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
    told, trouble = answer("busctl", "get-property", *manager, "RemoveIPC")
    if trouble:
        mend = f"Make sure that {DROP_IN} says RemoveIPC=no."
        return Finding(state="skip", found=f"systemd-logind does not tell: {trouble}", mend=mend)
    if told != "b false":
        mend = f"Put [Login] and RemoveIPC=no, a line each, into {DROP_IN}; then: sudo systemctl restart systemd-logind"
        return Finding(state="fail", found="a log-out takes /dev/shm away from that person's running jobs", mend=mend)
    return Finding(state="ok", found="leaves /dev/shm to running jobs (RemoveIPC=no)")


def time_keeping(host: Host) -> Finding:
    """The clock is kept right by a time server."""
    told, trouble = answer("timedatectl", "show", "--property=NTPSynchronized", "--value")
    if trouble:
        mend = "See that a time service runs, such as chrony."
        return Finding(state="skip", found=f"timedatectl does not tell: {trouble}", mend=mend)
    if told != "yes":
        mend = "Run: sudo timedatectl set-ntp true (it needs systemd-timesyncd or chrony, and a time server in reach)."
        return Finding(state="warn", found="no time server keeps the clock right", mend=mend)
    return Finding(state="ok", found="a time server keeps the clock right")
