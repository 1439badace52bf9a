"""What `account`, `group` and `service` share: listing a register of the engine, and finding one entry of it.

Must not know what an entry is made of.
"""

from collections.abc import Callable, Sequence
from typing import Any

from engine.protocol.errors import Refused
from rcq_tui.cli.columns import Column, table, terminal_width
from rcq_tui.cli.exports import export, is_table
from rcq_tui.client.wire import Wire

Entry = dict[str, Any]


def show(wire: Wire, kind: str, columns: Sequence[Column], cells: Callable[[Entry], list[str]], chosen: Any) -> int:
    """Print all entries of a kind (`account`, …) as a table or as data."""
    as_table = is_table(chosen)
    answer = wire.request("GET", f"/v1/{kind}s")
    if not as_table:
        return export(chosen, [answer], f"people.{kind.title()}View")
    print("\n".join(table(columns, [cells(entry) for entry in answer["items"]], terminal_width())))
    return 0


def find(wire: Wire, kind: str, name: str) -> Entry:
    """The entry of that name. Raises Refused."""
    for entry in wire.request("GET", f"/v1/{kind}s")["items"]:
        if entry["name"] == name:
            return dict(entry)
    raise Refused("NOT_FOUND", f"there is no {kind} {name!r} that you may see; `rcq {kind} list` shows them")
