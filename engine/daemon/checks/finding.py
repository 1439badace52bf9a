"""What the checks start from and what they find.

Settings are loaded inside `look`, so that a missing package is a finding and not a crash. Must not know the checks.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config import paths as places

if TYPE_CHECKING:
    from config.settings import Settings


@dataclass(slots=True, frozen=True, kw_only=True)
class Finding:
    """What one check found. state: `ok`, `warn` (works, but) or `fail`; mend: what to do unless all is well."""

    state: str
    found: str
    mend: str = ""


@dataclass(slots=True, frozen=True, kw_only=True)
class Host:
    """What the checks start from. Settings and places are `None` where the trouble beside them says why."""

    config_file: Path | None
    settings: "Settings | None"
    settings_trouble: str
    paths: places.Paths | None
    paths_trouble: str


def look(config: Path | None) -> Host:
    """Find settings and places of the engine that would be started here with `--config config`."""
    file, settings, trouble = config, None, ""
    try:
        file = config or places.config_file()
        settings, trouble = _settings(file, given=config is not None or "RCQ_CONFIG" in os.environ)
        engine = settings.engine if settings else None
        paths = places.personal(
            state_dir=engine.state_dir if engine else None, socket=engine.socket if engine else None
        )
    except places.PathsError as error:
        return Host(config_file=file, settings=settings, settings_trouble=trouble, paths=None, paths_trouble=str(error))
    return Host(config_file=file, settings=settings, settings_trouble=trouble, paths=paths, paths_trouble="")


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
