"""What the machine's own programs tell a check: systemd of its units, the bus of log-ins, the clock's keeper.

A program that is missing, fails or does not answer is an answer like any other. Must not know what is made of it.
"""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field

ENGINE, LAUNCHER, LAUNCHER_SOCKET = "rcq-engine.service", "rcq-launcher.service", "rcq-launcher.socket"
NOTIFIER_SOCKET = "rcq-notifier.socket"
_PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "NeedDaemonReload",
    "NRestarts",
    "WatchdogUSec",
    "LimitNOFILE",
)
_PATIENCE_S = 10.0


@dataclass(slots=True, frozen=True, kw_only=True)
class Units:
    """The appliance's units with their properties, or why there is nothing to tell."""

    states: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    trouble: str = ""


NO_UNITS = Units()


def answer(*command: str) -> tuple[str, str]:
    """What the program printed, and the trouble that there was with it: one of the two is empty."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except FileNotFoundError:
        return "", f"there is no {command[0]}"
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    if ran.returncode != 0:
        told = ran.stderr.strip() or ran.stdout.strip()
        return "", told.splitlines()[0].rstrip(".") if told else f"{command[0]} failed with exit code {ran.returncode}"
    return ran.stdout.strip(), ""


def ask_units() -> Units:
    """One call for all of them."""
    wanted = f"--property={','.join(_PROPERTIES)}"
    told, trouble = answer("systemctl", "show", wanted, ENGINE, LAUNCHER_SOCKET, LAUNCHER, NOTIFIER_SOCKET)
    states = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in told.split("\n\n")]
    return Units(states={state["Id"]: state for state in states if "Id" in state}, trouble=trouble)
