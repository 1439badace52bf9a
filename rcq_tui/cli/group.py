"""`rcq group`: adds, lists, changes and removes research groups."""

import argparse
from typing import Any

from rcq_tui.cli.call import engine
from rcq_tui.cli.columns import Column
from rcq_tui.cli.exports import add_format
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.options import parser
from rcq_tui.cli.quotas import add_quota, changed
from rcq_tui.cli.registers import find, show
from rcq_tui.client.wire import Wire, escaped
from rcq_tui.viewmodel.formats import counted
from rcq_tui.viewmodel.limits import described
from rcq_tui.viewmodel.text import clean

COLUMNS = (
    Column("NAME"),
    Column("PRIORITY", right=True),
    Column("SHARE", right=True),
    Column("GUARANTEED", right=True),
    Column("GPU HOURS", right=True),
    Column("LIMITS", least=10),
)


def run(argv: list[str]) -> int:
    """Do what the word after `group` says."""
    chosen = _parser().parse_args(argv)
    code: int = chosen.act(chosen, engine())
    return code


def _add(chosen: argparse.Namespace, wire: Wire) -> int:
    return _told(wire.request("POST", "/v1/groups", body={"name": chosen.name, **_terms(chosen, {})}))


def _set(chosen: argparse.Namespace, wire: Wire) -> int:
    body = _terms(chosen, find(wire, "group", chosen.name)["quota"])
    if not body:
        raise UsageError("there is nothing to change; see: rcq group set --help")
    return _told(wire.request("PATCH", f"/v1/groups/{escaped(chosen.name)}", body=body))


def _remove(chosen: argparse.Namespace, wire: Wire) -> int:
    wire.request("DELETE", f"/v1/groups/{escaped(chosen.name)}")
    print(f"group {clean(chosen.name)} removed")
    return 0


def _list(chosen: argparse.Namespace, wire: Wire) -> int:
    return show(wire, "group", COLUMNS, cells, chosen)


def cells(group: dict[str, Any]) -> list[str]:
    """One group's row of the table. GPU hours are the decayed usage that fair share looks at."""
    terms = [str(group["priority"]), f"{group['share']:g}", str(group["guarantee_gpus"])]
    numbers = [*terms, f"{group['usage_gpu_s'] / 3600:.1f}"]
    return [clean(group["name"]), *numbers, described(group["quota"])]


def _terms(chosen: argparse.Namespace, old: dict[str, Any]) -> dict[str, Any]:
    terms = {
        "priority": chosen.priority,
        "share": chosen.share,
        "guarantee_gpus": chosen.guarantee,
        "quota": changed(chosen, old),
    }
    return {name: value for name, value in terms.items() if value is not None}


def _told(group: dict[str, Any]) -> int:
    name, priority, share, _, _, limits = cells(group)
    promised = f", {counted(group['guarantee_gpus'], 'GPU')} guaranteed" if group["guarantee_gpus"] else ""
    print(f"group {name}: priority {priority}, share {share}{promised}, {limits}")
    return 0


def _parser() -> argparse.ArgumentParser:
    options = parser(
        "group",
        "Research groups: who shares the machine, on what terms.",
        "rcq group add vision --priority 6 --share 2 --gpus 4\nrcq group set vision --gpus-of a100=1 --jobs none\n"
        "rcq group set vision --guarantee 4 --gpu-hours 2000\n"
        "rcq group list\nrcq group remove vision",
    )
    words = options.add_subparsers(metavar="add|list|set|remove", required=True)
    for word, act, about in (("add", _add, "make a group"), ("set", _set, "change a group or its limits")):
        change = words.add_parser(word, help=about)
        change.add_argument("name", metavar="NAME")
        change.add_argument("--priority", metavar="N", type=int, help="1 to 10")
        change.add_argument("--share", metavar="X", type=float, help="weight against the other groups' shares")
        change.add_argument("--guarantee", metavar="N", type=int, help="GPUs that are its own whenever it wants them")
        add_quota(change)
        change.set_defaults(act=act)
    listing = words.add_parser("list", help="list groups")
    add_format(listing)
    listing.set_defaults(act=_list)
    remove = words.add_parser("remove", help="remove a group that has no accounts")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(act=_remove)
    return options
