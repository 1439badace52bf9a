"""What the checks start from and what they find.

Settings are loaded inside `look`, so that a missing package is a finding and not a crash. Must not know the checks.
"""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config import paths as places
from engine.daemon.checks.programs import NO_UNITS, Units, ask_units

if TYPE_CHECKING:
    from config.settings import Settings


ENGINE_UNIT = Path("/etc/systemd/system/rcq-engine.service")
"""Where it stands, the machine has an engine of its own: the appliance."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Finding:
    """What one check found.

    state: `ok`, `warn` (works, but), `fail`, or `skip` (could not be looked at); mend: what to do unless all is well.
    """

    state: str
    found: str
    mend: str = ""


@dataclass(slots=True, frozen=True, kw_only=True)
class Host:
    """What the checks start from. Settings and places are `None` where the trouble beside them says why.

    system: it is the appliance that is looked at; units: what systemd tells of its units.
    """

    config_file: Path | None
    settings: "Settings | None"
    settings_trouble: str
    paths: places.Paths | None
    paths_trouble: str
    system: bool = False
    units: Units = NO_UNITS


def look(config: Path | None, *, system: bool | None = None) -> Host:
    """Find settings and places of the engine that would be started here with `--config config`.

    system: whether that is the appliance's; `None`: it is where one is installed.
    """
    appliance = is_there(ENGINE_UNIT) if system is None else system
    units = ask_units() if appliance else NO_UNITS
    paths: places.Paths | None = None
    file, settings, trouble = config, None, ""
    try:
        file = config or places.config_file(appliance=appliance)
        settings, trouble = _settings(file, given=config is not None or "RCQ_CONFIG" in os.environ)
        engine = settings.engine if settings else None
        places_of = places.appliance if appliance else places.personal
        paths = places_of(state_dir=engine.state_dir if engine else None, socket=engine.socket if engine else None)
        astray = ""
    except places.PathsError as error:
        astray = str(error)
    return Host(
        config_file=file,
        settings=settings,
        settings_trouble=trouble,
        paths=paths,
        paths_trouble=astray,
        system=appliance,
        units=units,
    )


def unseen(what: Path | str) -> Finding:
    """What this user may not look at."""
    return Finding(state="skip", found=f"{what} may not be looked at as user {own_name()}", mend="Run: sudo rcq doctor")


def own_name() -> str:
    """The name of who asks; its number where it has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def is_there(path: Path) -> bool:
    """Whether something is at `path`; false also where one may not look, which `Path.exists` raises for."""
    return os.access(path, os.F_OK)


def _settings(file: Path, *, given: bool) -> "tuple[Settings | None, str]":
    """The settings, or why there are none; a file that was named must exist."""
    try:
        from config.load import SettingsError, load, load_if_there  # noqa: PLC0415 - needs a package
    except ImportError as error:
        return None, f"cannot be read without the package {error.name}"
    try:
        return (load(file) if given else load_if_there(file)), ""
    except SettingsError as error:
        return None, "; ".join(error.problems)
