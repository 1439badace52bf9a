"""`rcq token`: makes, lists and revokes API tokens, and the sessions beside them."""

import argparse
import re
import sys
import time
from typing import Any

from engine.protocol.errors import Refused
from rcq_tui.cli.call import engine, print_json
from rcq_tui.cli.columns import Column, table, terminal_width
from rcq_tui.cli.exports import add_format, export, is_table
from rcq_tui.cli.options import add_json, parser
from rcq_tui.client.wire import Wire, escaped
from rcq_tui.viewmodel.formats import exact, moment
from rcq_tui.viewmodel.text import clean

COLUMNS = (
    Column("ID"),
    Column("KIND"),
    Column("NAME", least=8),
    Column("ACCOUNT", least=8),
    Column("MAY"),
    Column("MADE"),
    Column("EXPIRES"),
    Column(""),
)
_ID = re.compile(r"[0-9a-f]{16}")


def run(argv: list[str]) -> int:
    """Do what the word after `token` says."""
    chosen = _parser().parse_args(argv)
    code: int = chosen.act(chosen, engine())
    return code


def _create(chosen: argparse.Namespace, wire: Wire) -> int:
    """The token alone on standard output, so that a shell can take it from there."""
    body = {"name": chosen.name, "read_only": chosen.read_only}
    made = wire.request("POST", "/v1/tokens", body=body if chosen.days is None else {**body, "days": chosen.days})
    if chosen.json:
        print_json(made)
        return 0
    print(made["token"])
    good = "reading alone" if made["scope"] == "read" else "all that your account may, but no new way in"
    until = exact(made["expires_at"])
    told = f"token {clean(made['name'])} (id {clean(made['id'])}) is good until {until} for {good}"
    print(f"rcq: {told}; it is shown this once, RCQ_TOKEN=… uses it", file=sys.stderr)
    return 0


def _list(chosen: argparse.Namespace, wire: Wire) -> int:
    as_table = is_table(chosen)
    answer = wire.request("GET", "/v1/tokens", query=_whose(chosen))
    if not as_table:
        return export(chosen, [answer], "tokens.TokenView")
    if not answer["items"]:
        own = chosen.account is None
        print("there is no session and no API token" + (": `rcq token create NAME` makes one" if own else ""))
    else:
        now = time.time()
        print("\n".join(table(COLUMNS, [_cells(one, now) for one in answer["items"]], terminal_width())))
    return 0


def _cells(one: dict[str, Any], now: float) -> list[str]:
    return [
        clean(one["id"]),
        clean(one["kind"]),
        clean(one["name"]) or "-",
        clean(one["account"]),
        "read" if one["scope"] == "read" else "all",
        moment(one["created_at"], now),
        moment(one["expires_at"], now),
        "this one" if one["current"] else "",
    ]


def _revoke(chosen: argparse.Namespace, wire: Wire) -> int:
    """All of them are found before the first is ended."""
    listed = None
    ids = []
    for word in chosen.tokens:
        if _ID.fullmatch(word):
            ids.append(word)
            continue
        listed = listed or wire.request("GET", "/v1/tokens", query=_whose(chosen))["items"]
        ids.append(_id_of(word, listed))
    for one in ids:
        ended = wire.request("DELETE", f"/v1/tokens/{escaped(one)}")
        what = f"token {clean(ended['name'])}" if ended["kind"] == "token" else f"session {clean(ended['id'])}"
        print(f"{what} of {clean(ended['account'])} ended")
    return 0


def _id_of(name: str, listed: list[dict[str, Any]]) -> str:
    for one in listed:
        if one["kind"] == "token" and one["name"] == name:
            return str(one["id"])
    raise Refused("NOT_FOUND", f"there is no API token {clean(name)}; `rcq token list` shows them with their ids")


def _whose(chosen: argparse.Namespace) -> dict[str, Any]:
    return {"account": chosen.account, "all": "true" if getattr(chosen, "all", False) else None}


def _parser() -> argparse.ArgumentParser:
    options = parser(
        "token",
        "API tokens: what a script of yours logs in with. It opens what you may, makes no other way in, and expires.",
        "RCQ_TOKEN=$(rcq token create nightly --days 7) ./nightly.sh\nrcq token create dashboard --read-only\n"
        "rcq token list\nrcq token revoke nightly\nrcq token revoke 3f2a9c1b7d5e8f60",
    )
    words = options.add_subparsers(metavar="create|list|revoke", required=True)
    create = words.add_parser("create", help="make an API token, which is shown this once")
    create.add_argument("name", metavar="NAME", help="what it is for")
    create.add_argument("--days", metavar="N", type=float, help="until it expires (default: as many as there may be)")
    create.add_argument("--read-only", action="store_true", help="it can look at everything and change nothing")
    add_json(create)
    create.set_defaults(act=_create)
    listing = words.add_parser("list", help="list your API tokens and sessions")
    whose = listing.add_mutually_exclusive_group()
    whose.add_argument("--all", action="store_true", help="everybody's (admins)")
    whose.add_argument("--account", metavar="A", help="another account's (admins)")
    add_format(listing)
    listing.set_defaults(act=_list)
    revoke = words.add_parser("revoke", help="end API tokens by name or id, sessions by id")
    revoke.add_argument("tokens", metavar="ID|NAME", nargs="+")
    revoke.add_argument("--account", metavar="A", help="the names are of this account's tokens (admins)")
    revoke.set_defaults(act=_revoke)
    return options
