"""Listings that come page by page: as many rows as were asked for, however many pages that takes.

Must not know what a row is.
"""

from collections.abc import Iterator
from typing import Any

from rcq_tui.cli.options import unfit
from rcq_tui.client.wire import Wire

PAGE = 1000
"""Rows that the engine gives at once, at most."""
EVERY = 2**63 - 1
"""As a limit: all there are."""


def fetch(wire: Wire, path: str, query: dict[str, Any], limit: int) -> dict[str, Any]:
    """Up to `limit` rows as {"items", "cursor"}; the cursor is `None` where there are no more."""
    items: list[Any] = []
    cursor = None
    for page in each_page(wire, path, query, limit):
        items += page["items"]
        cursor = page["cursor"]
    return {"items": items, "cursor": cursor}


def each_page(wire: Wire, path: str, query: dict[str, Any], limit: int) -> Iterator[dict[str, Any]]:
    """The same page by page, as they come: at least one."""
    cursor, left = None, limit
    while True:
        page = wire.request("GET", path, {**query, "limit": min(PAGE, left), "cursor": cursor})
        cursor, left = page["cursor"], left - len(page["items"])
        yield {"items": page["items"], "cursor": cursor}
        if cursor is None or left <= 0:  # a page of a search may be empty and yet not the last
            return


def how_many(text: str) -> int:
    """A limit: a whole number of 1 or more, or `all`. Raises ArgumentTypeError."""
    if text == "all":
        return EVERY
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise unfit(f"{text!r} is neither a whole number of 1 or more nor all")
    return min(int(text), EVERY)


def more(answer: dict[str, Any]) -> list[str]:
    """The line below a table on a terminal that does not hold all."""
    return [f"… there are more than these {len(answer['items'])}: --limit N shows more"] if answer["cursor"] else []
