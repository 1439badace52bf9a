"""Which engine a command works on, and as whom: the options that say so, its places, the owner of its files.

For commands that touch files of an engine beside it. Must not know what they do with them.
"""

import argparse
import os
import pwd
from pathlib import Path

from config.load import load, load_if_there
from config.paths import Paths, appliance, config_file, personal
from config.settings import Settings
from engine.protocol.errors import RcqError


class NotYours(RcqError):
    """These are not the caller's files to work on; the message says whose, and what to do."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `rcq engine` that decide where its files are."""
    parser.add_argument("--system", action="store_true", help="the engine that serves the whole machine")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (rcq.toml) of that engine")
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="where its database and job files are")


def resolve(given: argparse.Namespace) -> tuple[Settings, Paths]:
    """Settings and places of that engine. Raises SettingsError, PathsError."""
    named = given.config or (config_file() if os.environ.get("RCQ_CONFIG") else None)
    settings = load(named) if named else load_if_there(config_file(appliance=given.system))
    places = appliance if given.system else personal
    return settings, places(state_dir=settings.engine.state_dir).moved(state_dir=given.state_dir)


def refuse_strangers(state_dir: Path) -> None:
    """Raises NotYours unless the directory is there and the caller is its owner or root; OSError."""
    if not state_dir.is_dir():
        raise NotYours(f"{state_dir} is not there. Start its engine once; the machine's is meant by --system.")
    owner = state_dir.stat().st_uid
    if os.geteuid() not in (0, owner):
        raise NotYours(f"{state_dir} belongs to the user {_name(owner)}: run this as root, by sudo.")


def become_owner(state_dir: Path) -> None:
    """As root, go on as the user whom the state directory belongs to, for good: so do the files that are made there.

    Does nothing for anybody else, nor where the directory is root's own. Raises OSError.
    """
    if os.geteuid() != 0 or (owner := state_dir.stat()).st_uid == 0:
        return
    try:
        group = pwd.getpwuid(owner.st_uid).pw_gid
    except KeyError:
        group = owner.st_gid
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
