"""Checks of the appliance's units: the engine's service, the sockets of its companions, and how often they came back.

Must not know how systemd was asked.
"""

import pwd
import stat
from pathlib import Path

from config import paths as places
from engine.daemon.checks.finding import Finding, Host, is_there
from engine.daemon.checks.programs import ENGINE, LAUNCHER, LAUNCHER_SOCKET, NOTIFIER_SOCKET

SERVICE_USER = "rcq"
_AGAIN = "Run the installer again: sudo ./install.sh --system"


def services(host: Host) -> Finding:
    """The engine and the launcher's socket are installed, run and will run after the next boot; the notifier's, too."""
    if host.units.trouble:
        return _no_systemd(host.units.trouble)
    looked = [_unit(host, name) for name in (ENGINE, LAUNCHER_SOCKET)]
    for state in ("fail", "warn"):
        if troubled := [finding for finding in looked if finding.state == state]:
            found = "; ".join(finding.found for finding in troubled)
            return Finding(state=state, found=found, mend=troubled[0].mend)
    if _sends(host) and host.units.states.get(NOTIFIER_SOCKET, {}).get("ActiveState") != "active":
        # The engine brings it along at every boot: whoever stopped it meanwhile is all that there is to mend.
        found = f"{NOTIFIER_SOCKET} is not active: notifications that people chose are not sent"
        return Finding(state="warn", found=found, mend=f"Run: sudo systemctl restart {NOTIFIER_SOCKET}")
    return Finding(state="ok", found=f"{ENGINE} and {LAUNCHER_SOCKET} are active, and enabled for the next boot")


def restarts(host: Host) -> Finding:
    """Neither service had to be started again, and a hung engine would be."""
    if host.units.states.get(ENGINE, {}).get("LoadState") != "loaded":
        return Finding(state="skip", found="nothing is known of them", mend="See the line on services.")
    again = {name: host.units.states.get(name, {}).get("NRestarts", "0") for name in (ENGINE, LAUNCHER)}
    told = [f"{name} ({count})" for name, count in again.items() if count not in {"", "0"}]
    if told:
        # By name: to reset all would drop what systemd keeps of failed jobs for the engine.
        both = f"{ENGINE} {LAUNCHER}"
        mend = f"See why: journalctl -u {ENGINE} -p warning -e. Count anew: sudo systemctl reset-failed {both}"
        return Finding(state="warn", found=f"systemd had to start again: {', '.join(told)}", mend=mend)
    if host.units.states.get(ENGINE, {}).get("WatchdogUSec", "0") in {"0", "infinity", ""}:
        return Finding(state="warn", found=f"{ENGINE} has no watchdog: one that hangs stays so", mend=_AGAIN)
    return Finding(state="ok", found="none since the last start; a watchdog looks after the engine")


def launcher(host: Host) -> Finding:
    """The socket behind which jobs are started is there, and for the engine alone."""
    file = places.LAUNCHER_SOCKET
    mend = f"Run: sudo systemctl restart {LAUNCHER_SOCKET}"
    if not is_there(file.parent):
        return Finding(state="fail", found=f"there is no {file.parent}", mend=_AGAIN)
    if not is_there(file):
        return Finding(state="fail", found=f"there is no {file}: no job can be started", mend=mend)
    status = file.stat()
    if not stat.S_ISSOCK(status.st_mode):
        return Finding(state="fail", found=f"{file} is no socket", mend=f"Remove it. {mend}")
    if owner(file) != SERVICE_USER or status.st_mode & 0o077:
        found = f"{file} is {owner(file)}'s with mode {status.st_mode & 0o777:o}, and must be {SERVICE_USER}'s with 600"
        return Finding(state="fail", found=found, mend=_AGAIN)
    return Finding(state="ok", found=f"{file} is there, for user {SERVICE_USER} alone")


def owner(file: Path) -> str:
    """Whose it is, by name where the number has one."""
    uid = file.stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _sends(host: Host) -> bool:
    """Whether the settings have any way out for notifications."""
    notify = host.settings.notify if host.settings is not None else None
    return notify is not None and (notify.mail != "off" or bool(notify.webhook_hosts) or bool(notify.command))


def _unit(host: Host, name: str) -> Finding:
    state = host.units.states.get(name, {})
    load, active, enabled = (state.get(key, "") for key in ("LoadState", "ActiveState", "UnitFileState"))
    if load != "loaded":
        return Finding(state="fail", found=f"{name} is {load or 'unknown'}", mend=_AGAIN)
    if active == "failed":
        mend = f"See why: journalctl -u {name} -e. Then: sudo systemctl restart {name}"
        return Finding(state="fail", found=f"{name} has failed", mend=mend)
    if active != "active":
        state_now = "warn" if active in {"activating", "deactivating", "reloading"} else "fail"
        return Finding(state=state_now, found=f"{name} is {active}", mend=f"Run: sudo systemctl start {name}")
    if enabled != "enabled":
        found = f"{name} is {enabled or 'not enabled'}: the next boot does not start it"
        return Finding(state="warn", found=found, mend=f"Run: sudo systemctl enable {name}")
    if state.get("NeedDaemonReload") == "yes":
        return Finding(state="warn", found=f"{name} was changed on disk", mend="Run: sudo systemctl daemon-reload")
    return Finding(state="ok", found=name)


def _no_systemd(trouble: str) -> Finding:
    if Path("/run/systemd/system").is_dir():
        return Finding(state="skip", found=f"systemd does not tell: {trouble}", mend="Run: sudo rcq doctor")
    mend = "The appliance needs a machine that systemd runs; an engine of your own does without: rcq doctor --personal"
    return Finding(state="fail", found="systemd does not run this machine", mend=mend)
