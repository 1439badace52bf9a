"""`rcq passwd`: changes one's own password."""

from rcq_tui.cli.call import engine
from rcq_tui.cli.options import parser
from rcq_tui.cli.passwords import add_password_stdin, ask, ask_new


def run(argv: list[str]) -> int:
    """Change one's own password."""
    options = parser("passwd", "Change your password.", "rcq passwd\nrcq passwd --password-stdin < old-and-new")
    add_password_stdin(options, "the old and the new password")
    chosen = options.parse_args(argv)
    wire = engine()
    old = ask("Old password: ", chosen.password_stdin)
    new = ask_new("New password: ", chosen.password_stdin)
    wire.request("POST", "/v1/password", body={"old": old, "new": new})
    print("password changed")
    return 0
