"""argparse's parser as the verbs use it: it raises where argparse ends the process.

Loaded for help, mistakes, and by verbs that nobody types all day. Must not know any verb's options.
"""

import argparse
from typing import Any, NoReturn

from rcq_tui.cli.failures import UsageError


class Parser(argparse.ArgumentParser):
    """Raises UsageError where argparse would end the process. `yes-no` is an action: `--share` and `--no-share`."""

    def __init__(self, **made: Any) -> None:
        super().__init__(**made)
        self.register("action", "yes-no", argparse.BooleanOptionalAction)

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        raise UsageError(f"{message}. See: {self.prog} --help")


def whole(**made: Any) -> Parser:
    """A verb's own parser: no option may be cut short, and its description stands as it is written."""
    return Parser(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **made)
