"""`rcq edit`: changes the request of jobs that have not started."""

from typing import Any

from engine.protocol.fields import FIELD_NAMES
from rcq_tui.cli.call import engine
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.ids import each
from rcq_tui.cli.options import parser
from rcq_tui.cli.request import add_request, fields
from rcq_tui.cli.targets import HELP, all_ids, awaited, targets


def run(argv: list[str]) -> int:
    """Edit the jobs that are named."""
    at = argv.index("--") if "--" in argv else len(argv)
    own, command = argv[:at], argv[at + 1 :]
    options = parser(
        "edit",
        "Change fields of jobs that have not started. What is not given stays.\n"
        "A job keeps its id and its place by submission. The change is judged as a submission is, and refused whole.\n"
        "One that waits in Slurm's queue is held first, which takes it back from there, and released afterwards.",
        "rcq edit 12 --priority 9\nrcq edit '7[3-5]' --gpus 2 --time 4h\n"
        "rcq edit 12 --unset gpu_type --unset after\nrcq edit 12 -- python train.py --lr 1e-4",
        usage="rcq edit ID… [OPTIONS] [-- COMMAND…]",
    )
    options.add_argument("ids", metavar="ID", nargs="+", help=HELP)
    add_request(options)
    options.add_argument("--unset", metavar="FIELD", action="append", default=[], help="back to the default; repeat")
    chosen = options.parse_args(own)
    changes: dict[str, Any] = fields(chosen, everything=False)
    changes |= _unset(chosen.unset, changes)
    if command:
        changes["command"] = command
    if not changes:
        raise UsageError("there is nothing to change; name a field, such as --priority 9. See: rcq edit --help")
    wire = engine()
    if "after" in changes and changes["after"] is not None:
        changes["after"] = awaited(wire, changes["after"])
    return each(all_ids(wire, targets(chosen.ids)), lambda number: _edit(wire.request, number, changes))


def _edit(request: Any, number: int, changes: dict[str, Any]) -> str:
    return f"{request('PATCH', f'/v1/jobs/{number}', body=changes)['state']}, changed {', '.join(changes)}"


def _unset(names: list[str], given: dict[str, Any]) -> dict[str, None]:
    for name in names:
        if name not in FIELD_NAMES:
            raise UsageError(f"{name!r} is no field of a job; there are {', '.join(FIELD_NAMES)}")
        if name in given:
            raise UsageError(f"{name} is both given and unset; choose one")
    return dict.fromkeys(names)
