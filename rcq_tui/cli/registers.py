"""What `account`, `group` and `service` share: listing a register of the engine, and finding one entry of it.

Must not know what an entry is made of.
"""

from collections.abc import Callable, Sequence
from typing import Any

from engine.protocol.errors import Refused
from rcq_tui.cli.call import print_json
from rcq_tui.cli.columns import Column, table, terminal_width
from rcq_tui.client.wire import Wire

Entry = dict[str, Any]


def show(
    wire: Wire, kind: str, columns: Sequence[Column], cells: Callable[[Entry], list[str]], *, as_json: bool
) -> int:
    """Print all entries of a kind (`account`, …) as a table or as JSON."""
    answer = wire.request("GET", f"/v1/{kind}s")
    if as_json:
        print_json(answer)
    else:
        print("\n".join(table(columns, [cells(entry) for entry in answer["items"]], terminal_width())))
    return 0


def find(wire: Wire, kind: str, name: str) -> Entry:
    """The entry of that name. Raises Refused."""
    for entry in wire.request("GET", f"/v1/{kind}s")["items"]:
        if entry["name"] == name:
            return dict(entry)
    raise Refused("NOT_FOUND", f"there is no {kind} {name!r} that you may see; `rcq {kind} list` shows them")
