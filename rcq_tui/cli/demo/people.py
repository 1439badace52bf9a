"""Makes the demo's groups and accounts and logs each in.

Must not know their jobs.
"""

import secrets
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rcq_tui.client.wire import Wire


@dataclass(slots=True, frozen=True, kw_only=True)
class People:
    """Everybody, logged in. described: `alice (vision)`."""

    admin: Wire
    wires: dict[str, Wire]
    described: list[str]
    password: str


def load_people(path: Path) -> dict[str, Any]:
    """The groups and accounts as written; the first account is the admin."""
    with path.open("rb") as file:
        return tomllib.load(file)


def settle(wire: Wire, people: dict[str, Any]) -> People:
    """Make them all, the admin first. All have one password, made for this run alone. Raises Refused."""
    password = secrets.token_urlsafe(9)
    first, *others = people["accounts"]
    _add(wire, first, password)
    admin = _logged_in(wire, first["name"], password)
    there = {group["name"] for group in admin.request("GET", "/v1/groups")["items"]}
    for group in people["groups"]:
        if group["name"] in there:
            terms = {name: value for name, value in group.items() if name != "name"}
            admin.request("PATCH", f"/v1/groups/{group['name']}", body=terms)
        else:
            admin.request("POST", "/v1/groups", body=group)
    wires = {}
    for account in others:
        _add(admin, account, password)
        wires[account["name"]] = _logged_in(wire, account["name"], password)
    described = [f"{account['name']} ({account['group']})" for account in people["accounts"]]
    return People(admin=admin, wires=wires, described=described, password=password)


def _add(wire: Wire, account: dict[str, Any], password: str) -> None:
    wire.request("POST", "/v1/accounts", body={**account, "password": password})


def _logged_in(wire: Wire, name: str, password: str) -> Wire:
    session = wire.request("POST", "/v1/login", body={"name": name, "password": password})
    return Wire(wire.path, session["token"], wire.timeout_s)
