"""`rcq resume`: puts a drained or quarantined GPU back into use."""

from rcq_tui.cli.call import engine
from rcq_tui.cli.options import parser
from rcq_tui.client.wire import escaped
from rcq_tui.viewmodel.text import clean


def run(argv: list[str]) -> int:
    """Resume one card."""
    options = parser(
        "resume",
        "Put a drained or quarantined GPU back into use; a quarantined one is tested first. For admins.",
        "rcq resume 3\nrcq resume GPU-5c8f0a52-…",
    )
    options.add_argument("gpu", metavar="GPU", help="its index or its UUID, as `rcq gpus --json` shows it")
    chosen = options.parse_args(argv)
    card = engine().request("POST", f"/v1/gpus/{escaped(chosen.gpu)}/resume")
    print(f"GPU {card['index']} ({clean(card['model'])}) is {clean(card['state'])}")
    return 0
