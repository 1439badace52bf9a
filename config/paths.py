"""Where rcq's files are: the appliance's fixed places, a person's XDG places, and what overrides them.

What every command needs at its start is in `config.homes`. Must not know what is in a file.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from config import homes

SYSTEM_CONFIG = Path("/etc/rcq/rcq.toml")
SYSTEM_STATE = Path("/var/lib/rcq")
SYSTEM_SOCKET = Path(homes.SYSTEM_SOCKET)
LAUNCHER_SOCKET = Path("/run/rcq/launcher.sock")
NOTIFIER_SOCKET = Path("/run/rcq-notifier.sock")
PASSED_THROUGH = 0o711
"""Mode of the appliance's directories: others may go through them by name and list nothing."""
MAX_SOCKET_BYTES = 100
"""The kernel takes 107 bytes; the rest is room for the short-lived names beside the socket."""
PathsError = homes.PathsError
"""A place cannot be used; the message names it and what to do."""


class Paths(NamedTuple):
    """Every place of one engine. The job with id N has its files in `jobs_dir / N`. system: it is the appliance's."""

    config_file: Path
    state_dir: Path
    database: Path
    jobs_dir: Path
    socket: Path
    system: bool = False

    def moved(self, *, state_dir: Path | None = None, socket: Path | None = None) -> "Paths":
        """The same with another state directory or socket (from the command line), which win over everything.

        Raises PathsError for a socket path that the kernel would not take.
        """
        return _paths(
            self.config_file,
            _absolute(state_dir) if state_dir else self.state_dir,
            _absolute(socket) if socket else self.socket,
            system=self.system,
        )


def config_file(environ: Mapping[str, str] = os.environ, *, appliance: bool = False) -> Path:
    """The settings file: `$RCQ_CONFIG`, else the appliance's or the person's. It need not exist."""
    given = environ.get("RCQ_CONFIG")
    if given:
        return _absolute(Path(given))
    return SYSTEM_CONFIG if appliance else config_home(environ) / "rcq" / "rcq.toml"


def remembered_file(environ: Mapping[str, str] = os.environ) -> Path | None:
    """What a person's terminal UI remembers between starts; `None` where there is no place for it."""
    try:
        return _xdg(environ, "XDG_STATE_HOME", ".local/state") / "rcq" / "tui.json"
    except PathsError:
        return None


def personal(
    environ: Mapping[str, str] = os.environ, *, state_dir: Path | None = None, socket: Path | None = None
) -> Paths:
    """The places of an engine that runs as oneself.

    state_dir, socket: from `[engine]` of the settings; `$RCQ_SOCKET` wins over the latter. Without a usable
    `$XDG_RUNTIME_DIR` the socket is in `/tmp/rcq-UID`, which is made with mode 0700. Raises PathsError.
    """
    state = _absolute(state_dir) if state_dir else _xdg(environ, "XDG_STATE_HOME", ".local/state") / "rcq"
    place = _given_socket(environ, socket) or runtime_dir(environ) / "rcq.sock"
    return _paths(config_file(environ), state, place)


def appliance(
    environ: Mapping[str, str] = os.environ, *, state_dir: Path | None = None, socket: Path | None = None
) -> Paths:
    """The places of the engine that serves the whole machine. Overrides as in `personal`. Raises PathsError."""
    state = _absolute(state_dir) if state_dir else SYSTEM_STATE
    place = _given_socket(environ, socket) or SYSTEM_SOCKET
    return _paths(config_file(environ, appliance=True), state, place, system=True)


def config_home(environ: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_CONFIG_HOME`, else `~/.config`. Raises PathsError when there is no home directory."""
    return Path(homes.config_home(environ))


def runtime_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The person's own directory for sockets: `$XDG_RUNTIME_DIR/rcq`, else `/tmp/rcq-UID`. Raises PathsError.

    A runtime directory that is missing or another user's (left over from `su`) does not count.
    """
    given = environ.get("XDG_RUNTIME_DIR", "")
    if given.startswith("/") and _is_own_directory(Path(given)):
        return Path(given) / "rcq"
    return private_directory(Path("/tmp") / f"rcq-{os.getuid()}")  # noqa: S108 - checked for owner and kind


def private_directory(path: Path) -> Path:
    """Make `path` with mode 0700, or check that it is one's own real directory that nobody else may enter.

    Raises PathsError: others can put anything in a shared place, a symlink or a trap in our stead too.
    """
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except FileExistsError:
        raise PathsError(f"{path} is not a directory. Remove it, or set RCQ_SOCKET to a socket elsewhere.") from None
    except OSError as error:
        raise PathsError(f"{path} cannot be made: {error.strerror}. Set RCQ_SOCKET to a place of your own.") from None
    if path.is_symlink() or found.st_uid != os.getuid():
        raise PathsError(f"{path} belongs to someone else or is a link. Set RCQ_SOCKET to a place of your own.")
    if found.st_mode & 0o077:
        path.chmod(0o700)
    return path


def prepare(paths: Paths) -> None:
    """Make the directories that an engine writes to, closed to others. Raises PathsError.

    On the appliance people pass through the first two to their own jobs' files, which guard themselves; the socket's is
    the system's to make.
    """
    if paths.system:
        _prepare_appliance(paths)
        return
    for directory in (paths.state_dir, paths.jobs_dir, paths.socket.parent):
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise PathsError(
                f"{directory} cannot be made: {error.strerror}. Make it for this user, or name another place in "
                f"[engine] of {paths.config_file}."
            ) from None


def _prepare_appliance(paths: Paths) -> None:
    for directory in (paths.state_dir, paths.jobs_dir):
        try:
            directory.mkdir(exist_ok=True)
            found = directory.stat()
            if found.st_uid == os.geteuid() and found.st_mode & 0o777 != PASSED_THROUGH:
                directory.chmod(PASSED_THROUGH)
        except OSError as error:
            raise PathsError(
                f"{directory} cannot be used: {error.strerror}. It has to belong to the engine's user: run "
                "install.sh --system again."
            ) from None
    if not paths.socket.parent.is_dir():
        raise PathsError(
            f"{paths.socket.parent} is missing. Run: systemd-tmpfiles --create, or install.sh --system again."
        )


def _paths(config: Path, state_dir: Path, socket: Path, *, system: bool = False) -> Paths:
    size = len(os.fsencode(socket))
    if size > MAX_SOCKET_BYTES:
        raise PathsError(
            f"The socket's path has {size} bytes and may have {MAX_SOCKET_BYTES}: {socket}. "
            "Set RCQ_SOCKET to a shorter one."
        )
    return Paths(config, state_dir, state_dir / "rcq.db", state_dir / "jobs", socket, system)


def _given_socket(environ: Mapping[str, str], setting: Path | None) -> Path | None:
    given = environ.get("RCQ_SOCKET")
    if given:
        return _absolute(Path(given))
    return _absolute(setting) if setting else None


def _xdg(environ: Mapping[str, str], name: str, default: str) -> Path:
    return Path(homes.base(environ, name, default))


def _is_own_directory(path: Path) -> bool:
    try:
        return path.is_dir() and path.stat().st_uid == os.getuid()
    except OSError:
        return False


def _absolute(path: Path) -> Path:
    """The path without `~` and not relative: an engine changes its working directory, its clients have others."""
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise PathsError(f"{path} names a user that is not known. Write the path out.") from None
