"""`rcq account`: adds, lists, changes and disables accounts, and sets their passwords."""

import argparse
import sys
from typing import Any

from rcq_tui.cli.call import engine
from rcq_tui.cli.columns import Column
from rcq_tui.cli.exports import add_format
from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.options import parser
from rcq_tui.cli.passwords import add_one_time, add_password_stdin, ask_new
from rcq_tui.cli.quotas import add_quota, changed
from rcq_tui.cli.registers import find, show
from rcq_tui.client.wire import Wire, escaped
from rcq_tui.viewmodel.limits import described
from rcq_tui.viewmodel.text import clean

COLUMNS = (
    Column("NAME"),
    Column("ROLE"),
    Column("GROUP"),
    Column("UNIX USER"),
    Column("STATE"),
    Column("LIMITS", least=10),
)


def run(argv: list[str]) -> int:
    """Do what the word after `account` says."""
    chosen = _parser().parse_args(argv)
    code: int = chosen.act(chosen, engine())
    return code


def _add(chosen: argparse.Namespace, wire: Wire) -> int:
    if chosen.no_password and not chosen.unix_user:
        raise UsageError("without a password nobody gets in unless --unix-user links the account to a Unix user")
    if chosen.no_password and chosen.one_time:
        raise UsageError("--one-time is said of a password; leave --no-password out")
    password = None if chosen.no_password else ask_new(f"Password for {clean(chosen.name)}: ", chosen.password_stdin)
    body = {"name": chosen.name, "role": chosen.role, "group": chosen.group, "unix_user": chosen.unix_user}
    one_time = {"one_time": True} if chosen.one_time else {}
    account = wire.request("POST", "/v1/accounts", body={**body, "password": password, **one_time})
    _note(account)
    print(f"account {clean(account['name'])} made: {clean(account['role'])} in group {clean(account['group'])}")
    if account.get("unix_user"):
        print(f"as Unix user {clean(account['unix_user'])} just: rcq")
    if password is not None:
        print(f"log in with: rcq login {clean(account['name'])}")
    return 0


def _list(chosen: argparse.Namespace, wire: Wire) -> int:
    return show(wire, "account", COLUMNS, cells, chosen)


def cells(account: dict[str, Any]) -> list[str]:
    """One account's row of the table."""
    role = "manager" if account["role"] == "user" and account.get("manager") else account["role"]
    names = [clean(account["name"]), clean(role), clean(account["group"])]
    unix_user = clean(account["unix_user"]) or "-"
    state = "disabled" if account["disabled"] else "one-time password" if account.get("one_time_password") else "ok"
    return [*names, unix_user, state, described(account["quota"])]


def _set(chosen: argparse.Namespace, wire: Wire) -> int:
    body = {field: getattr(chosen, field) for field in ("role", "group", "unix_user") if getattr(chosen, field)}
    if chosen.manager is not None:
        body["manager"] = chosen.manager
    if chosen.enable:
        body["disabled"] = False
    if (quota := changed(chosen, find(wire, "account", chosen.name)["quota"])) is not None:
        body["quota"] = quota
    if not body:
        raise UsageError("there is nothing to change; see: rcq account set --help")
    return _change(wire, chosen.name, body)


def _disable(chosen: argparse.Namespace, wire: Wire) -> int:
    return _change(wire, chosen.name, {"disabled": True})


def _passwd(chosen: argparse.Namespace, wire: Wire) -> int:
    password = ask_new(f"New password for {clean(chosen.name)}: ", chosen.password_stdin)
    one_time = {"one_time": True} if chosen.one_time else {}
    return _change(wire, chosen.name, {"password": password, **one_time})


def _change(wire: Wire, name: str, body: dict[str, Any]) -> int:
    account = wire.request("PATCH", f"/v1/accounts/{escaped(name)}", body=body)
    _note(account)
    name, role, group, unix_user, state, limits = cells(account)
    linked = "" if unix_user == "-" else f", Unix user {unix_user}"
    print(f"account {name}: {role} in group {group}{linked}, {state}, {limits}")
    return 0


def _note(account: dict[str, Any]) -> None:
    """What the engine wants known of a change that it made."""
    if account.get("note"):
        print(f"rcq: {clean(account['note'])}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    options = parser(
        "account",
        "Accounts: people's log-ins. The first one that is made is an admin; after that only admins make any.",
        "rcq account add alice --group vision --unix-user alice --no-password\nrcq account add bob --one-time\n"
        "rcq account set alice --gpus 4 --gpus-of a100=1 --memory 64G\n"
        "rcq account set pia --manager\nrcq account disable mallory\nrcq account list --json",
    )
    words = options.add_subparsers(metavar="add|list|set|disable|passwd", required=True)
    add = words.add_parser("add", help="make an account")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--role", choices=("user", "admin"), default="user")
    add.add_argument("--group", metavar="G", default="default", help="made if it does not exist (default: default)")
    add.add_argument("--unix-user", metavar="U", help="this Unix user gets in without a password")
    add.add_argument("--no-password", action="store_true", help="only the linked Unix user gets in")
    add_password_stdin(add)
    add_one_time(add)
    add.set_defaults(act=_add)
    listing = words.add_parser("list", help="list accounts")
    add_format(listing)
    listing.set_defaults(act=_list)
    change = words.add_parser("set", help="change an account or its limits")
    change.add_argument("name", metavar="NAME")
    change.add_argument("--role", choices=("user", "admin"))
    change.add_argument("--group", metavar="G")
    change.add_argument("--unix-user", metavar="U")
    change.add_argument("--manager", action=argparse.BooleanOptionalAction, help="may manage its group's jobs")
    change.add_argument("--enable", action="store_true", help="let a disabled account in again")
    add_quota(change)
    change.set_defaults(act=_set)
    disable = words.add_parser("disable", help="keep an account out")
    disable.add_argument("name", metavar="NAME")
    disable.set_defaults(act=_disable)
    passwd = words.add_parser("passwd", help="set an account's password")
    passwd.add_argument("name", metavar="NAME")
    add_password_stdin(passwd)
    add_one_time(passwd)
    passwd.set_defaults(act=_passwd)
    return options
