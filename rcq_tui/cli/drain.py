"""`rcq drain`: takes a GPU out of use; running jobs finish."""

from rcq_tui.cli.call import engine
from rcq_tui.cli.options import parser
from rcq_tui.client.wire import escaped
from rcq_tui.viewmodel.text import clean


def run(argv: list[str]) -> int:
    """Drain one card."""
    options = parser(
        "drain",
        "Take a GPU out of use. Jobs that run on it finish; no new one starts there. For admins.",
        'rcq drain 3 --why "fan is loud"\nrcq drain GPU-5c8f0a52-…',
    )
    options.add_argument("gpu", metavar="GPU", help="its index or its UUID, as `rcq gpus --json` shows it")
    options.add_argument("--why", metavar="TEXT", help="for those who wonder, and for the audit log")
    chosen = options.parse_args(argv)
    card = engine().request("POST", f"/v1/gpus/{escaped(chosen.gpu)}/drain", body={"why": chosen.why})
    jobs = len(card["jobs"])
    finishing = f"; {jobs} job{'s' * (jobs != 1)} on it will finish" if jobs else ""
    print(f"GPU {card['index']} ({clean(card['model'])}) is {clean(card['state'])}{finishing}")
    return 0
