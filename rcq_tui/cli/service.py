"""`rcq service`: lists services, caps what one account runs of each and what all their jobs hold together."""

import argparse

from rcq_tui.cli.call import engine
from rcq_tui.cli.columns import Column
from rcq_tui.cli.exports import add_format
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.options import parser
from rcq_tui.cli.quotas import add_quota, changed
from rcq_tui.cli.registers import Entry, show
from rcq_tui.client.wire import Wire, escaped
from rcq_tui.viewmodel.limits import described
from rcq_tui.viewmodel.text import clean

COLUMNS = (Column("NAME"), Column("JOBS PER ACCOUNT"), Column("LIMITS OF ALL ITS JOBS", least=10))


def run(argv: list[str]) -> int:
    """Do what the word after `service` says."""
    chosen = _parser().parse_args(argv)
    code: int = chosen.act(chosen, engine())
    return code


def _list(chosen: argparse.Namespace, wire: Wire) -> int:
    return show(wire, "service", COLUMNS, cells, chosen)


def cells(service: Entry) -> list[str]:
    """One service's row of the table."""
    return [clean(service["name"]), _cap(service["jobs_per_account"]), described(service["quota"])]


def _set(chosen: argparse.Namespace, wire: Wire) -> int:
    """The whole service is sent: what is not named keeps its value."""
    listed = wire.request("GET", "/v1/services")["items"]
    old: Entry = next((service for service in listed if service["name"] == chosen.name), {})
    quota = changed(chosen, old.get("quota", {}))
    if quota is None and chosen.jobs_per_account is None:
        raise UsageError("there is nothing to change; see: rcq service set --help")
    cap = old.get("jobs_per_account") if chosen.jobs_per_account is None else _limit(chosen.jobs_per_account)
    body = {"jobs_per_account": cap, "quota": old.get("quota", {}) if quota is None else quota}
    service = wire.request("PUT", f"/v1/services/{escaped(chosen.name)}", body=body)
    name, per_account, limits = cells(service)
    print(f"service {name}: {per_account} jobs at once per account; all its jobs: {limits}")
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
        "Services: named kinds of work, with limits on what one account runs of each and on all its jobs together.",
        "rcq service set alphafold --jobs-per-account 5 --gpus 4\nrcq service set alphafold --gpus none\n"
        "rcq service list",
    )
    words = options.add_subparsers(metavar="list|set", required=True)
    listing = words.add_parser("list", help="list services")
    add_format(listing)
    listing.set_defaults(act=_list)
    change = words.add_parser("set", help="make or change a service")
    change.add_argument("name", metavar="NAME")
    change.add_argument("--jobs-per-account", metavar="N", help="what one account runs at once; a number, or none")
    add_quota(change, staged=False)
    change.set_defaults(act=_set)
    return options
