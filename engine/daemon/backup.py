"""`python -m engine.daemon.backup`: one more backup of the database, whether its engine runs or not.

Must not know how a copy is made.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from config.load import SettingsError
from config.paths import PathsError
from engine.daemon import backups, commanddeeds, whose
from engine.daemon.printable import printable
from engine.protocol.errors import RcqError
from engine.store import copies

EXIT_FAILED, EXIT_USAGE = 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Make it and print its file; exit code 1 if that was not possible."""
    given = _parser().parse_args(argv)
    caller = os.getuid()
    try:
        made, state_dir = _made(given)
        print(made)
    except SettingsError as error:
        return _say(error, EXIT_USAGE)
    except (RcqError, PathsError, OSError) as error:
        return _say(error, EXIT_FAILED)
    try:
        commanddeeds.leave(state_dir, "engine.backup", made.name, caller)
    except OSError as error:
        print(f"rcq backup: the engine's audit log will not tell of it: {error}", file=sys.stderr)
    return 0


def _made(given: argparse.Namespace) -> tuple[Path, Path]:
    """The file that was made, and the engine's state directory."""
    settings, paths = whose.resolve(given)
    to: Path | None = given.to.absolute() if given.to else None
    whose.refuse_strangers(paths.state_dir)
    whose.become_owner(paths.state_dir)
    os.umask(0o077)
    if to is None:
        return backups.make(paths, settings.retention, time.time()).file, paths.state_dir
    copies.copy(paths.database, to)
    if to.name.startswith(backups.BEFORE_UPGRADE):
        backups.drop_before_upgrades(to.parent)
    return to, paths.state_dir


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rcq backup",
        description="Back the engine's database up, whether it runs or not. The copy is checked; its file is printed.",
        epilog="Without --to it is one of the daily ones and the oldest beyond retention.backups goes. "
        "Files named before-upgrade-… are kept apart, the last three in a directory. See also: rcq restore.",
        allow_abbrev=False,
    )
    parser.add_argument("--to", type=Path, metavar="FILE", help="a new file to write, instead of one in the directory")
    whose.add_options(parser)
    return parser


def _say(error: Exception, code: int) -> int:
    print(f"rcq backup: {printable(str(error))}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
