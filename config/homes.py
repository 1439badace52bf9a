"""Where a command finds the machine's engine and the person's own directories, as text.

Every command loads this at its start: nothing but `os`. `config.paths` has all other places, as paths. Must not know
what is in a file.
"""

import os
from collections.abc import Mapping

SYSTEM_SOCKET = "/run/rcq/rcq.sock"


class PathsError(Exception):
    """A place cannot be used; the message names it and what to do."""


def config_home(environ: Mapping[str, str] = os.environ) -> str:
    """`$XDG_CONFIG_HOME`, else `~/.config`. Raises PathsError when there is no home directory."""
    return base(environ, "XDG_CONFIG_HOME", ".config")


def token_file(environ: Mapping[str, str] = os.environ) -> str:
    """Where a person's token is kept (mode 0600), with either kind of engine. Raises PathsError."""
    return f"{config_home(environ)}/rcq/token"


def base(environ: Mapping[str, str], name: str, default: str) -> str:
    """One base directory. A relative path in the variable is ignored, as the XDG specification has it."""
    given = environ.get(name, "")
    return given if given.startswith("/") else f"{_home(environ).rstrip('/')}/{default}"


def _home(environ: Mapping[str, str]) -> str:
    given = environ.get("HOME", "")
    if given.startswith("/"):
        return given
    found = os.path.expanduser("~")  # noqa: PTH111  pathlib is what this module does without
    if found.startswith("~"):
        raise PathsError("There is no home directory. Set HOME, or XDG_CONFIG_HOME and XDG_STATE_HOME.")
    return found
