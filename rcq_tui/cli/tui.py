"""`rcq` alone: opens the terminal UI."""

import sys

from config.paths import remembered_file
from rcq_tui.cli.failures import UsageError
from rcq_tui.client import token
from rcq_tui.client.where import find_socket


def run(argv: list[str]) -> int:
    """Open the terminal UI; a log-in made there is kept as `rcq login` would."""
    if argv:
        raise UsageError("the terminal UI takes no arguments. See: rcq --help")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the terminal UI needs a terminal; `rcq --help` lists the commands for scripts")
    socket_path, known = find_socket(), token.read()
    from rcq_tui.tui.main import run as open_ui

    code: int = open_ui(
        socket_path, known, save_token=token.write, forget_token=token.remove, remembered=remembered_file()
    )
    return code
