"""`rcq login`: opens a session and keeps its token."""

import os
import sys

from rcq_tui.cli.call import print_json
from rcq_tui.cli.failures import Failed
from rcq_tui.cli.options import parser
from rcq_tui.cli.passwords import add_password_stdin, ask, ask_new
from rcq_tui.client import token
from rcq_tui.client.where import find_socket
from rcq_tui.client.wire import Wire
from rcq_tui.viewmodel.formats import exact
from rcq_tui.viewmodel.text import clean


def run(argv: list[str]) -> int:
    """Log in."""
    options = parser(
        "login",
        "Log in with a password and keep the session's token in a file that only you can read.",
        "rcq login\nrcq login alice\nrcq login alice --password-stdin < secret",
    )
    options.add_argument("name", metavar="NAME", nargs="?", help="the account (default: your Unix user's name)")
    options.add_argument("--json", action="store_true", help="print the session, token included, and keep no file")
    add_password_stdin(options)
    chosen = options.parse_args(argv)
    wire = Wire(find_socket())
    name = chosen.name or _own_name()
    password = ask(f"Password of {clean(name)}: ", chosen.password_stdin)
    session = wire.request("POST", "/v1/login", body={"name": name, "password": password})
    if chosen.json:
        print_json(session)
        return 0
    token.write(session["token"])
    print(f"logged in as {_described(session)} until {exact(session['expires_at'])}")
    if session.get("must_change_password"):
        _change_one_time(wire.path, session["token"], password, chosen.password_stdin)
    if os.environ.get("RCQ_TOKEN"):
        raise Failed("RCQ_TOKEN is set and wins over this log-in; unset it")
    return 0


def _change_one_time(socket_path: str, token: str, old: str, from_stdin: bool) -> None:
    """Where somebody can be asked, at once: such a log-in is good for nothing else. Raises UsageError, Refused."""
    if from_stdin:
        print("rcq: this was a one-time password; set your own: rcq passwd", file=sys.stderr)
        return
    print("This was a one-time password. Set your own now, or later with: rcq passwd")
    new = ask_new("New password: ", from_stdin)
    Wire(socket_path, token).request("POST", "/v1/password", body={"old": old, "new": new})
    print("password changed")


def _described(session: dict[str, str]) -> str:
    return f"{clean(session['account'])} (group {clean(session['group'])}, {clean(session['role'])})"


def _own_name() -> str:
    from getpass import getuser

    return getuser()
