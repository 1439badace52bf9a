"""`rcq shell`: a shell, or another command for people, on cards that are yours meanwhile."""

import os
import pwd
from contextlib import suppress

from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.options import parser
from rcq_tui.cli.relay import is_terminal
from rcq_tui.cli.run import add_foreground, wanted
from rcq_tui.cli.submit import split
from rcq_tui.cli.values import duration_of


def run(argv: list[str]) -> int:
    """Open it and return as it does."""
    own, words, _ = split(argv)
    options = parser(
        "shell",
        "Open your shell ($SHELL), or run a command such as a notebook's server, on cards that are yours meanwhile.\n"
        "It is a job in the foreground, as of rcq run; `exit` gives the cards back, and so does the time limit.",
        "rcq shell --gpus 1\nrcq shell --gpus 1 --for 2h -- jupyter lab\nrcq shell --gpus 2 --gpu-type a100 --for 90m",
        usage="rcq shell [OPTIONS] [-- COMMAND…]",
    )
    add_foreground(options)
    options.add_argument("--for", metavar="TIME", type=duration_of, dest="time", help="the same as --time: 2h, 90m")
    chosen = options.parse_args(own)
    if not words and not is_terminal():
        raise UsageError("a shell needs a terminal; give rcq shell a COMMAND, or use rcq run [OPTIONS] -- COMMAND…")
    from rcq_tui.cli.foreground import in_foreground

    return in_foreground(wanted(chosen, words or [_shell()], aloud=True))


def _shell() -> str:
    """The person's own."""
    with suppress(KeyError):
        return os.environ.get("SHELL") or pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
    return "/bin/sh"
