"""Passwords from a terminal without echo, or from standard input where that was asked for.

Must not know what a password is for, and never prints one.
"""

import sys
from argparse import ArgumentParser

from rcq_tui.cli.failures import UsageError


def add_password_stdin(to: ArgumentParser, what: str = "the password") -> None:
    """The option of every verb that needs a password."""
    to.add_argument("--password-stdin", action="store_true", help=f"read {what} from standard input, a line each")


def add_one_time(to: ArgumentParser) -> None:
    """The option of whoever sets another person's password."""
    to.add_argument("--one-time", action="store_true", help="it has to be changed at the first log-in with it")


def ask(prompt: str, from_stdin: bool) -> str:
    """One password. Raises UsageError where nobody can be asked, or the line is empty."""
    password = _line() if from_stdin else _from_terminal(prompt)
    if not password:
        raise UsageError("an empty password is none; give one")
    return password


def ask_new(prompt: str, from_stdin: bool) -> str:
    """A new password, asked twice on a terminal. Raises UsageError if the two differ."""
    password = ask(prompt, from_stdin)
    if not from_stdin and _from_terminal("Once more: ") != password:
        raise UsageError("the two passwords differ; nothing was changed, try again")
    return password


def _line() -> str:
    return sys.stdin.readline().rstrip("\r\n")


def _from_terminal(prompt: str) -> str:
    """From /dev/tty alone: standard input may be something else, and would echo."""
    from getpass import GetPassWarning, getpass
    from warnings import catch_warnings, simplefilter

    with catch_warnings():
        simplefilter("error", GetPassWarning)
        try:
            return getpass(prompt)
        except (GetPassWarning, EOFError) as error:
            raise UsageError("there is no terminal to ask for a password on; use --password-stdin") from error
