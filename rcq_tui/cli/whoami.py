"""`rcq whoami`: who the caller is to the engine."""

from typing import Any

from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.failures import complain
from rcq_tui.cli.options import add_json, parser
from rcq_tui.viewmodel.formats import exact
from rcq_tui.viewmodel.text import clean


def run(argv: list[str]) -> int:
    """Say who is logged in."""
    options = parser("whoami", "Say who you are to the engine, and how it knows.", "rcq whoami\nrcq whoami --json")
    add_json(options)
    chosen = options.parse_args(argv)
    me = engine().request("GET", "/v1/me")
    if chosen.json:
        print_json(me)
        return 0
    print(f"{clean(me['account'])} (group {clean(me['group'])}, {clean(me['role'])}), {_how(me)}")
    if me.get("must_change_password"):
        complain("you came in with a one-time password; set your own: rcq passwd")
    return 0


def _how(me: dict[str, Any]) -> str:
    if me["via"] == "peer":
        return "by your Unix user"
    if me.get("token") is None:
        return f"logged in until {exact(me['expires_at'])}"
    kind = "read-only API token" if me["read_only"] else "API token"
    return f"by the {kind} {clean(me['token'])} until {exact(me['expires_at'])}"
