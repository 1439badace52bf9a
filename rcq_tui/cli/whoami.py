"""`rcq whoami`: who the caller is to the engine."""

from rcq_tui.cli.call import engine, print_json
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
    how = "by your Unix user" if me["via"] == "peer" else f"logged in until {exact(me['expires_at'])}"
    print(f"{clean(me['account'])} (group {clean(me['group'])}, {clean(me['role'])}), {how}")
    return 0
