"""`rcq service`: lists services and caps what one account runs of each at once."""

import argparse

from rcq_tui.cli.call import engine
from rcq_tui.cli.columns import Column
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.options import add_json, parser
from rcq_tui.cli.registers import Entry, show
from rcq_tui.client.wire import Wire, escaped
from rcq_tui.viewmodel.text import clean

COLUMNS = (Column("NAME"), Column("JOBS PER ACCOUNT"))


def run(argv: list[str]) -> int:
    """Do what the word after `service` says."""
    chosen = _parser().parse_args(argv)
    code: int = chosen.act(chosen, engine())
    return code


def _list(chosen: argparse.Namespace, wire: Wire) -> int:
    return show(wire, "service", COLUMNS, cells, as_json=chosen.json)


def cells(service: Entry) -> list[str]:
    """One service's row of the table."""
    return [clean(service["name"]), _cap(service["jobs_per_account"])]


def _set(chosen: argparse.Namespace, wire: Wire) -> int:
    limit = _limit(chosen.jobs_per_account)
    service = wire.request("PUT", f"/v1/services/{escaped(chosen.name)}", body={"jobs_per_account": limit})
    print(f"service {clean(service['name'])}: {_cap(service['jobs_per_account'])} jobs at once per account")
    return 0


def _cap(limit: int | None) -> str:
    return "unlimited" if limit is None else str(limit)


def _limit(text: str) -> int | None:
    if text == "none":
        return None
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"--jobs-per-account takes a whole number or none, not {text!r}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    options = parser(
        "service",
        "Services: named kinds of work with a cap on what one account runs of it at once.",
        "rcq service set alphafold --jobs-per-account 5\nrcq service list",
    )
    words = options.add_subparsers(metavar="list|set", required=True)
    listing = words.add_parser("list", help="list services")
    add_json(listing)
    listing.set_defaults(act=_list)
    change = words.add_parser("set", help="make or change a service")
    change.add_argument("name", metavar="NAME")
    change.add_argument("--jobs-per-account", metavar="N", required=True, help="a number, or none")
    change.set_defaults(act=_set)
    return options
